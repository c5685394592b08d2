package dev.iothreads.machine;

/**
 * Why a change is refused.
 *
 * @param reason the kind of refusal
 * @param message a sentence that says what to do
 */
public record Refusal(ChangeRefusedException.Reason reason, String message) {

}
