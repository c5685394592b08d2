package dev.iothreads.machine;

/**
 * The machine was asked and did not answer in time. A change may still happen.
 */
public final class MachineTimeoutException extends MachineException {

	/**
	 * Creates it.
	 * @param message a sentence for the operator
	 */
	public MachineTimeoutException(String message) {
		super(message);
	}

}
