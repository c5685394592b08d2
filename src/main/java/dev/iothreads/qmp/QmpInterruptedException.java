package dev.iothreads.qmp;

/**
 * The monitor ended while a command was pending, so that it is unknown whether QEMU has
 * carried it out. Its cause is the reason for the end, as of {@link QmpMonitor#closed()}.
 */
public final class QmpInterruptedException extends QmpException {

	public QmpInterruptedException(QmpCommand command, QmpException reason) {
		super("The connection ended before QEMU answered " + command.name() + ". " + reason.getMessage(), reason);
	}

}
