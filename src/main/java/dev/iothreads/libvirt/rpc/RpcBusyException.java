package dev.iothreads.libvirt.rpc;

/**
 * A call was not sent, because the domain has not answered an earlier one in time, or too
 * many wait.
 */
public final class RpcBusyException extends RpcException {

	private final boolean ofOthers;

	RpcBusyException(String message, boolean ofOthers) {
		super(message, null);
		this.ofOthers = ofOthers;
	}

	/**
	 * Whether the calls before it are of other domains.
	 * @return {@code false} when it is this domain that owes an answer
	 */
	public boolean isOfOthers() {
		return this.ofOthers;
	}

}
