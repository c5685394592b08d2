package dev.iothreads.inventory;

import java.time.Duration;

/**
 * Is told what becomes of the machines, of each machine in the order in which it happens.
 * It is called on a machine's own thread, must not wait, and must not ask the registry.
 */
public interface InventoryListener {

	/**
	 * A machine was read. What was read is told by {@link #changed} right after.
	 * @param machine its name
	 * @param took how long the reading took
	 */
	default void read(String machine, Duration took) {
	}

	/**
	 * A machine was added, read, or is in another state.
	 * @param machine the machine as it is known now
	 */
	void changed(MachineView machine);

	/**
	 * A machine has left the registry. Nothing more is told of it, unless one of that
	 * name is added.
	 * @param machine its name
	 */
	void removed(String machine);

}
