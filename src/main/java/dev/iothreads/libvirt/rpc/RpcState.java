package dev.iothreads.libvirt.rpc;

/**
 * How far a connection has come. It only moves downwards.
 */
public enum RpcState {

	/** The socket is being connected to. */
	CONNECTING,

	/** The daemon decides who may come in. */
	AUTHENTICATING,

	/** The hypervisor's driver is being opened. */
	OPENING,

	/** Calls are taken. */
	READY,

	/** It has ended. */
	CLOSED

}
