package dev.iothreads.metrics;

import java.util.List;

import dev.iothreads.inventory.InventoryListener;

/**
 * Some of what the page tells of each machine.
 */
interface Topic extends InventoryListener {

	/**
	 * Returns what it tells by.
	 * @return the metrics, always the same
	 */
	List<Family> families();

	@Override
	default void removed(String machine) {
		families().forEach((family) -> family.remove(machine));
	}

}
