package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * What can go wrong between a client and a monitor. Each message is in words for the
 * operator of the machine.
 * <ul>
 * <li>{@link QmpConnectException}: the monitor never accepted commands.</li>
 * <li>{@link QmpClosedException}: a connection that had worked has ended.</li>
 * <li>{@link QmpNotSentException}: the command was not sent.</li>
 * <li>{@link QmpCommandException}: QEMU refused the command.</li>
 * <li>{@link QmpTimeoutException} and {@link QmpInterruptedException}: the command's
 * outcome is unknown.</li>
 * </ul>
 */
public abstract sealed class QmpException extends RuntimeException permits QmpConnectException, QmpClosedException,
		QmpNotSentException, QmpCommandException, QmpTimeoutException, QmpInterruptedException {

	QmpException(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
