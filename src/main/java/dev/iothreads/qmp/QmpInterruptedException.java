package dev.iothreads.qmp;

/**
 * The connection ended while a command was pending, so that nobody knows whether QEMU has
 * carried it out. Its cause is the reason for the end, as {@link QmpClient#closed()}
 * tells it.
 */
public final class QmpInterruptedException extends QmpException {

	private final QmpCommand command;

	QmpInterruptedException(QmpCommand command, QmpException reason) {
		super("The connection ended before QEMU answered " + command.name() + ". " + reason.getMessage(), reason);
		this.command = command;
	}

	/**
	 * What was not answered.
	 * @return the command
	 */
	public QmpCommand command() {
		return this.command;
	}

}
