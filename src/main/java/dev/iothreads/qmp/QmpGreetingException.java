package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * The socket was connected, but no QMP monitor greeted.
 */
public final class QmpGreetingException extends QmpException {

	private final Reason reason;

	QmpGreetingException(Reason reason, String message, @Nullable Throwable cause) {
		super(message, cause);
		this.reason = reason;
	}

	/**
	 * Which of the ways to fail it was.
	 * @return the reason
	 */
	public Reason reason() {
		return this.reason;
	}

	/**
	 * Why there was no greeting.
	 */
	public enum Reason {

		/**
		 * Nothing came in time. Another client holds the monitor, as QEMU serves one at a
		 * time; or QEMU is stopped.
		 */
		NOT_GREETED,

		/**
		 * The other side closed the connection without a greeting, as QEMU does when it
		 * ends.
		 */
		HUNG_UP,

		/**
		 * What came is no QMP greeting: the address is another server's, for example that
		 * of QEMU's human monitor.
		 */
		NOT_QMP

	}

}
