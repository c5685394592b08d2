package dev.iothreads.qemu;

/**
 * A reply that is valid QMP and that no QEMU gives. Nothing is counted by it.
 */
final class InvalidReplyException extends RuntimeException {

	InvalidReplyException(String message) {
		super(message);
	}

	static void requireAtMost(int most, String what, long number) {
		if (number > most) {
			throw new InvalidReplyException(
					"it has %d %s, and no machine has so many. Is that a QEMU?".formatted(number, what));
		}
	}

}
