package dev.iothreads.metrics;

import java.util.List;

import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Snapshot;

/**
 * Some of what the page tells of each machine.
 */
interface Topic {

	/**
	 * Returns what it tells by.
	 * @return the metrics, always the same
	 */
	List<Family> families();

	/**
	 * Returns what of a machine it tells.
	 * @param machine the machine
	 * @return values that are equal as long as there is nothing new to tell
	 */
	default List<Object> told(MachineView machine) {
		Snapshot snapshot = machine.snapshot();
		return (snapshot != null) ? told(snapshot) : List.of();
	}

	/**
	 * Returns what of a machine it tells, as {@link #told(MachineView)} does.
	 * @param snapshot what was read of the machine
	 * @return values that are equal as long as there is nothing new to tell
	 */
	List<Object> told(Snapshot snapshot);

	/**
	 * Tells it.
	 * @param machine the machine as it is known now
	 */
	void tell(MachineView machine);

	/**
	 * Tells nothing more of a machine.
	 * @param machine its name
	 */
	default void forget(String machine) {
		families().forEach((family) -> family.remove(machine));
	}

}
