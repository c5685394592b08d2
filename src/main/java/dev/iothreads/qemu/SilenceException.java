package dev.iothreads.qemu;

/**
 * A QEMU has not answered for so long that its connection was given up.
 */
final class SilenceException extends RuntimeException {

	SilenceException(String message) {
		super(message);
	}

}
