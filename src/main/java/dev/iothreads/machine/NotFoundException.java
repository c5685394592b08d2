package dev.iothreads.machine;

/**
 * What was asked for is not there.
 */
public final class NotFoundException extends MachineException {

	private final Kind kind;

	/**
	 * Creates it.
	 * @param kind what is missing
	 * @param message a sentence for the client
	 */
	public NotFoundException(Kind kind, String message) {
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
