package dev.iothreads.machine;

/**
 * Whether a machine can be asked.
 */
public enum MachineState {

	/** The first answer is still to come. */
	CONNECTING,

	/** It answers. */
	UP,

	/** Another client holds its monitor. */
	BUSY,

	/** It is not there, or does not answer. */
	DOWN

}
