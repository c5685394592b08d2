package dev.iothreads.testing;

/**
 * QEMU refused a command.
 */
public final class MonitorException extends RuntimeException {

	private static final long serialVersionUID = 1L;

	private final String errorClass;

	MonitorException(String errorClass, String description) {
		super(description);
		this.errorClass = errorClass;
	}

	/**
	 * QEMU's class of the error.
	 * @return {@code GenericError}, {@code CommandNotFound}, {@code DeviceNotFound}…
	 */
	public String errorClass() {
		return this.errorClass;
	}

}
