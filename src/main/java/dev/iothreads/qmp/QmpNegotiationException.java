package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * The monitor greeted, but {@code qmp_capabilities} was refused, not answered in time, or
 * answered by the end of the connection. QEMU is ending or overloaded, or what greeted
 * only looks like QMP.
 */
public final class QmpNegotiationException extends QmpException {

	QmpNegotiationException(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
