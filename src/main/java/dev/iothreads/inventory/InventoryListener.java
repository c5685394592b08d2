package dev.iothreads.inventory;

import java.time.Duration;

/**
 * Follows the machines of an inventory. The calls about one machine come one after
 * another, on that machine's thread. They must not wait and must not ask the inventory.
 */
public interface InventoryListener {

	/**
	 * A machine was read. {@link #changed} follows with what was read.
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
	 * A machine was removed. No call about it follows, unless a machine of that name is
	 * added.
	 * @param machine its name
	 */
	void removed(String machine);

}
