package dev.iothreads.libvirt.rpc;

/**
 * How far a connection has come. A connection only goes on to a later state.
 */
public enum RpcState {

	/** The socket is being connected to. */
	CONNECTING,

	/** The daemon checks who the client is. */
	AUTHENTICATING,

	/** The hypervisor's driver is being opened. */
	OPENING,

	/** Calls are taken. */
	READY,

	/** Calls are no longer taken, and those under way are being answered. */
	LEAVING,

	/** It has ended. */
	CLOSED

}
