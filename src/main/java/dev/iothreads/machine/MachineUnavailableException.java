package dev.iothreads.machine;

import java.util.Objects;

/**
 * The machine cannot be asked at present. Nothing was sent to it.
 */
public final class MachineUnavailableException extends MachineException {

	private final MachineState state;

	/**
	 * Creates it from the state that the machine is in.
	 * @param status the state, with its reason
	 */
	public MachineUnavailableException(MachineStatus status) {
		super(Objects.requireNonNullElse(status.reason(), "The machine cannot be asked at present."));
		this.state = status.state();
	}

	/**
	 * Returns the state that the machine was in.
	 * @return the state, never {@link MachineState#UP}
	 */
	public MachineState state() {
		return this.state;
	}

}
