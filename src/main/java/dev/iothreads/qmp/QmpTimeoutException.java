package dev.iothreads.qmp;

import java.time.Duration;

/**
 * A command was not answered in time: QEMU is stopped, or its main loop is busy. A
 * command that was sent may still be carried out; its late reply is dropped.
 */
public final class QmpTimeoutException extends QmpException {

	private final QmpCommand command;

	private final Duration timeout;

	private final boolean sent;

	QmpTimeoutException(String message, QmpCommand command, Duration timeout, boolean sent) {
		super(message, null);
		this.command = command;
		this.timeout = timeout;
		this.sent = sent;
	}

	/**
	 * What was not answered.
	 * @return the command
	 */
	public QmpCommand command() {
		return this.command;
	}

	/**
	 * How long it was waited for.
	 * @return the command's own deadline, or the options'
	 * {@link QmpOptions#commandTimeout()}
	 */
	public Duration timeout() {
		return this.timeout;
	}

	/**
	 * Whether QEMU may carry the command out.
	 * @return {@code false} for a command of {@link QmpClient#executeAll} that never got
	 * its turn, as those before it were not answered
	 */
	public boolean sent() {
		return this.sent;
	}

}
