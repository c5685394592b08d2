package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * A command was not sent because the client is not {@link QmpState#READY}. When it is
 * {@link QmpState#CLOSED}, the cause is the reason for that, as
 * {@link QmpClient#closed()} tells it.
 */
public final class QmpStateException extends QmpException {

	private final QmpState state;

	QmpStateException(QmpState state, String message, @Nullable QmpException cause) {
		super(message, cause);
		this.state = state;
	}

	/**
	 * The state the client was in.
	 * @return any but {@link QmpState#READY}
	 */
	public QmpState state() {
		return this.state;
	}

}
