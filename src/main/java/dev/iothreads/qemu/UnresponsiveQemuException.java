package dev.iothreads.qemu;

/**
 * A QEMU has not answered for so long that its connection was given up.
 */
final class UnresponsiveQemuException extends RuntimeException {

	UnresponsiveQemuException(String message) {
		super(message);
	}

}
