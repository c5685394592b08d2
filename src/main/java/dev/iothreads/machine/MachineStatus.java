package dev.iothreads.machine;

import org.jspecify.annotations.Nullable;

/**
 * A machine's state, and why.
 *
 * @param state the state
 * @param reason a sentence that a person can act on, {@code null} when the machine is up
 */
public record MachineStatus(MachineState state, @Nullable String reason) {

	/** It answers. */
	public static final MachineStatus UP = new MachineStatus(MachineState.UP, null);

	/**
	 * Tells whether the machine answers.
	 * @return {@code true} in state {@link MachineState#UP}
	 */
	public boolean isUp() {
		return this.state == MachineState.UP;
	}

}
