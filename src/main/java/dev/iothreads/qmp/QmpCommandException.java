package dev.iothreads.qmp;

/**
 * QEMU carried out a command and answered with an error. The connection is as good as
 * before.
 */
public final class QmpCommandException extends QmpException {

	private final String errorClass;

	private final String description;

	public QmpCommandException(QmpCommand command, String errorClass, String description) {
		super("QEMU refused " + command.name() + ": " + description + " (" + errorClass + ")", null);
		this.errorClass = errorClass;
		this.description = description;
	}

	/**
	 * QEMU's error class (docs: {@code qapi/error.json}, {@code QapiErrorClass}).
	 * @return {@code GenericError}, {@code CommandNotFound}, {@code DeviceNotFound},
	 * {@code DeviceNotActive} or {@code KVMMissingCap}
	 */
	public String errorClass() {
		return this.errorClass;
	}

	/**
	 * QEMU's own words, for people: they change from version to version.
	 * @return the description
	 */
	public String description() {
		return this.description;
	}

}
