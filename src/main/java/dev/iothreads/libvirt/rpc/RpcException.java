package dev.iothreads.libvirt.rpc;

import org.jspecify.annotations.Nullable;

/**
 * Why a call has no answer. The message is a clause without a subject's name, such as
 * {@code libvirt did not answer within 5000 ms}.
 */
public sealed class RpcException extends Exception
		permits LibvirtErrorException, RpcTimeoutException, RpcBusyException, RpcClosedException {

	RpcException(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
