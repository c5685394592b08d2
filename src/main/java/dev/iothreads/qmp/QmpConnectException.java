package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * The socket could not be connected: there is no QEMU there, or it cannot be reached. Its
 * cause, where it has one, is the system's own error.
 */
public final class QmpConnectException extends QmpException {

	private final Reason reason;

	QmpConnectException(Reason reason, String message, @Nullable Throwable cause) {
		super(message, cause);
		this.reason = reason;
	}

	/**
	 * Which of the ways to fail it was.
	 * @return the reason, {@link Reason#OTHER} if it is none that has a name
	 */
	public Reason reason() {
		return this.reason;
	}

	/**
	 * Why a socket cannot be connected.
	 */
	public enum Reason {

		/**
		 * The socket's file does not exist: QEMU has not been started, or with another
		 * path.
		 */
		NO_SUCH_SOCKET,

		/**
		 * The file or the port is there and nobody listens: QEMU has ended, or the file
		 * is no socket.
		 */
		NOBODY_LISTENS,

		/**
		 * The user running this process may not write to the socket, or not enter its
		 * directory.
		 */
		PERMISSION_DENIED,

		/**
		 * The path is longer than the system takes.
		 */
		PATH_TOO_LONG,

		/**
		 * The host's name cannot be resolved.
		 */
		UNKNOWN_HOST,

		/**
		 * There is no way to the host.
		 */
		UNREACHABLE,

		/**
		 * The host did not answer in time.
		 */
		TIMED_OUT,

		/**
		 * As many clients as the system lets wait are already waiting for this monitor,
		 * which serves one at a time.
		 */
		BACKLOG_FULL,

		/**
		 * Anything else; the cause tells.
		 */
		OTHER

	}

}
