package dev.iothreads.qemu;

/**
 * Something answers at the monitor's address that must not, or cannot, be asked for
 * IOThreads. The message says what, and what to name instead.
 */
final class NotAMachineException extends RuntimeException {

	NotAMachineException(String message) {
		super(message);
	}

}
