package dev.iothreads.libvirt.rpc;

/**
 * A call was not sent, because the domain still owes the answer to one that is overdue,
 * or too many wait.
 */
public final class RpcBusyException extends RpcException {

	RpcBusyException(String message) {
		super(message, null);
	}

}
