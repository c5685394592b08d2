package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * The other side said what is no QMP. What that is called depends on the phase it happens
 * in, which only {@link QmpClient} knows.
 */
final class ProtocolViolation extends Exception {

	ProtocolViolation(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
