package dev.iothreads.qmp;

/**
 * A command was not answered in time: QEMU is stopped, or its main loop is busy. A
 * command that was sent may still be carried out; its late reply is dropped.
 */
public final class QmpTimeoutException extends QmpException {

	private final boolean sent;

	public QmpTimeoutException(String message, boolean sent) {
		super(message, null);
		this.sent = sent;
	}

	/**
	 * Whether QEMU may carry the command out.
	 * @return {@code false} for a command of {@link QmpMonitor#executeAll} that never got
	 * its turn, as those before it were not answered
	 */
	public boolean sent() {
		return this.sent;
	}

}
