package dev.iothreads.qemu;

/**
 * A monitor is held that other programs open whenever they need it.
 */
final class OthersNeedItException extends RuntimeException {

	OthersNeedItException(String message) {
		super(message);
	}

}
