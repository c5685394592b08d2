package dev.iothreads.machine;

/**
 * How a device stands to its IOThreads.
 */
public enum DeviceState {

	/** It runs on the IOThreads that it was given. */
	ATTACHED,

	/** It was given no IOThread and runs in QEMU's main loop. */
	MAIN_LOOP,

	/** Its unplug was asked for here, and the guest has yet to let go. */
	DETACHING,

	/**
	 * An IOThread it runs on has been deleted underneath it. QEMU lets that happen; the
	 * thread goes on, where no client can see or tune it.
	 */
	ORPHANED,

	/**
	 * QEMU lists it and does not say what it runs on, so it may run on any IOThread of
	 * its machine.
	 */
	UNREADABLE

}
