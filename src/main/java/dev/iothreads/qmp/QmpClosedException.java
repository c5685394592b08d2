package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * A connection that had worked has ended: QEMU has ended or closed it, the network broke,
 * or this side closed it. Its cause, where it has one, is the system's own error.
 */
public final class QmpClosedException extends QmpException {

	private final boolean byClient;

	QmpClosedException(boolean byClient, String message, @Nullable Throwable cause) {
		super(message, cause);
		this.byClient = byClient;
	}

	/**
	 * Whether this side ended it.
	 * @return {@code true} after {@link QmpClient#close()}
	 */
	public boolean byClient() {
		return this.byClient;
	}

}
