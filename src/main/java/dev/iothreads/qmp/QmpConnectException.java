package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * The monitor did not get as far as to accept commands: there is no QEMU there, it cannot
 * be reached, it does not greet, or it is not a QMP monitor. Its cause, where it has one,
 * is the system's own error.
 */
public final class QmpConnectException extends QmpException {

	private final Reason reason;

	public QmpConnectException(Reason reason, String message, @Nullable Throwable cause) {
		super(message, cause);
		this.reason = reason;
	}

	/**
	 * The kind of failure.
	 * @return what a caller can tell apart
	 */
	public Reason reason() {
		return this.reason;
	}

	/**
	 * Why a monitor accepts no commands.
	 */
	public enum Reason {

		/**
		 * There is no connection: no such socket, no process that listens, no permission,
		 * no route.
		 */
		NOT_CONNECTED,

		/**
		 * Nothing came in time, or a Unix socket has no room for one more client that
		 * waits. Another client holds the monitor, as QEMU serves one at a time; or QEMU
		 * is stopped; or the socket is a console's or another server's that waits for its
		 * client to speak.
		 */
		NOT_GREETED,

		/**
		 * QEMU's human monitor (HMP) answered.
		 */
		HUMAN_MONITOR,

		/**
		 * Something else than a QMP monitor answered, for example a VNC server.
		 */
		NOT_QMP,

		/**
		 * The other side closed the connection before it accepted commands, or refused
		 * {@code qmp_capabilities}, or did not answer it in time. QEMU is ending or
		 * overloaded.
		 */
		NOT_READY

	}

}
