package dev.iothreads.inventory;

/**
 * What was asked for is not there.
 */
public final class NotFoundException extends RuntimeException {

	private final Kind kind;

	NotFoundException(Kind kind, String message) {
		super(message);
		this.kind = kind;
	}

	/**
	 * Says what is missing.
	 * @return the kind of thing
	 */
	public Kind kind() {
		return this.kind;
	}

	/**
	 * What can be missing.
	 */
	public enum Kind {

		/** The service knows no such machine. */
		MACHINE,

		/** The machine has no such IOThread. */
		IOTHREAD,

		/** The machine, or the IOThread, has no such device. */
		DEVICE

	}

}
