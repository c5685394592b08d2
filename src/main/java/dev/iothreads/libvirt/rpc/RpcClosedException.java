package dev.iothreads.libvirt.rpc;

import org.jspecify.annotations.Nullable;

/**
 * The connection has ended, or never came about.
 */
public final class RpcClosedException extends RpcException {

	private final RpcState reached;

	RpcClosedException(RpcState reached, String message, @Nullable Throwable cause) {
		super(message, cause);
		this.reached = reached;
	}

	/**
	 * How far the connection had come.
	 * @return the state before it ended
	 */
	public RpcState reached() {
		return this.reached;
	}

}
