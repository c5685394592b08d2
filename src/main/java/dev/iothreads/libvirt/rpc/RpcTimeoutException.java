package dev.iothreads.libvirt.rpc;

import java.time.Duration;

/**
 * A call was not answered in time.
 */
public final class RpcTimeoutException extends RpcException {

	private final boolean sent;

	RpcTimeoutException(Duration timeout, boolean sent) {
		super(sent ? "libvirt did not answer within %d ms".formatted(timeout.toMillis())
				: "other calls kept libvirt's connection for %d ms, and this one was not sent"
					.formatted(timeout.toMillis()),
				null);
		this.sent = sent;
	}

	/**
	 * Whether libvirt has the call, and may carry it out yet.
	 * @return {@code false} when it was not sent
	 */
	public boolean isSent() {
		return this.sent;
	}

}
