package dev.iothreads.libvirt.rpc;

/**
 * A call was not sent, because the domain has not answered an earlier one in time, or too
 * many wait.
 */
public final class RpcBusyException extends RpcException {

	RpcBusyException(String message) {
		super(message, null);
	}

}
