package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * A command was not sent, because the monitor is not {@link QmpState#READY}. When the
 * monitor has ended, the cause is the reason for that, as of {@link QmpMonitor#closed()}.
 */
public final class QmpNotSentException extends QmpException {

	public QmpNotSentException(String message, @Nullable QmpException cause) {
		super(message, cause);
	}

}
