package dev.iothreads.inventory;

/**
 * Is told what becomes of the machines. It is called on a machine's own thread and must
 * not wait.
 */
public interface InventoryListener {

	/**
	 * A machine was added, read, or is in another state.
	 * @param machine the machine as it is known now
	 */
	void changed(MachineView machine);

	/**
	 * A machine has left the registry.
	 * @param machine its name
	 */
	void removed(String machine);

}
