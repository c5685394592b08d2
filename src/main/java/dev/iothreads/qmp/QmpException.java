package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * What can go wrong between a client and a monitor: one class for each phase of a
 * connection's life, and each message in words for whoever runs the machine.
 * <ul>
 * <li>{@link QmpConnectException}: there was no connection.</li>
 * <li>{@link QmpGreetingException}: nobody greeted, or not a QMP monitor.</li>
 * <li>{@link QmpNegotiationException}: it greeted, but would not go on.</li>
 * <li>{@link QmpClosedException}: a connection that had worked has ended.</li>
 * <li>{@link QmpProtocolException}: the other side said what is no QMP.</li>
 * <li>{@link QmpStateException} and {@link QmpBusyException}: the command was not
 * sent.</li>
 * <li>{@link QmpCommandException}: QEMU refused the command.</li>
 * <li>{@link QmpTimeoutException} and {@link QmpInterruptedException}: the command's
 * outcome is unknown.</li>
 * </ul>
 */
public abstract sealed class QmpException extends RuntimeException permits QmpConnectException, QmpGreetingException,
		QmpNegotiationException, QmpClosedException, QmpProtocolException, QmpStateException, QmpBusyException,
		QmpCommandException, QmpTimeoutException, QmpInterruptedException {

	QmpException(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
