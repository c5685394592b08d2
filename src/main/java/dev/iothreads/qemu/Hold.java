package dev.iothreads.qemu;

/**
 * How long a monitor is kept from its other clients.
 */
public enum Hold {

	/** One connection is kept. */
	TRUE,

	/** Each reading and each command of a change is a visit. */
	FALSE,

	/**
	 * It is visited once, to have QEMU make a monitor for the service alone, which is
	 * kept. Where QEMU cannot, it is visited.
	 */
	OWN

}
