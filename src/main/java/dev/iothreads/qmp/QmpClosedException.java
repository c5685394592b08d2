package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * A connection that had worked has ended: QEMU has ended or closed it, the network broke,
 * this side closed it, or the other side sent something that is not QMP, after which it
 * is unknown where the next message begins.
 */
public final class QmpClosedException extends QmpException {

	public QmpClosedException(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
