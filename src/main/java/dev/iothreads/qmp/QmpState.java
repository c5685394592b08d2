package dev.iothreads.qmp;

/**
 * How far a connection to a monitor has come. It only ever moves on, and any state can be
 * followed by {@link #CLOSED}.
 */
public enum QmpState {

	/**
	 * The socket is being connected.
	 */
	CONNECTING,

	/**
	 * Connected, not yet greeted. A monitor serves one client at a time and greets the
	 * next only when the one before has left.
	 */
	GREETING,

	/**
	 * Greeted; {@code qmp_capabilities} has been sent and is not answered yet.
	 */
	NEGOTIATING,

	/**
	 * Commands are accepted.
	 */
	READY,

	/**
	 * The connection has ended. There is no way back: open another client.
	 */
	CLOSED

}
