package dev.iothreads.qemu;

/**
 * An answer that is good QMP, and not what any QEMU says. Nothing can be made of it,
 * least of all a count.
 */
final class NonsenseException extends RuntimeException {

	NonsenseException(String message) {
		super(message);
	}

}
