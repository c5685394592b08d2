package dev.iothreads.inventory;

import java.util.Map;
import java.util.function.Supplier;

import dev.iothreads.machine.Machine;

/**
 * Finds machines, and reports those it finds and loses: the configuration, a directory of
 * sockets, a daemon that knows its machines.
 */
public interface MachineSource extends AutoCloseable {

	/**
	 * Begins to report. It is called once and returns without waiting for any machine.
	 * @param sink what to report to, from any thread, until this source is closed
	 */
	void start(Sink sink);

	/**
	 * Stops reporting. The machines that were found stay with the inventory, which closes
	 * them.
	 */
	@Override
	default void close() {
	}

	/**
	 * Returns a source whose machines are known from the start and never lost.
	 * @param machines connects to each machine, by the machine's name
	 * @return the source
	 */
	static MachineSource of(Map<String, ? extends Supplier<? extends Machine>> machines) {
		return (sink) -> machines.forEach(sink::found);
	}

	/**
	 * Takes the machines that one source finds and loses.
	 */
	interface Sink {

		/**
		 * Adds a machine. The inventory closes it when it is lost, and at its own end.
		 * @param name its name
		 * @param connect makes the machine, without waiting. It is called at once, and
		 * only when the name can be given
		 * @throws IllegalArgumentException when no machine can have the name, or another
		 * machine has it. The message is a sentence for the operator
		 */
		void found(String name, Supplier<? extends Machine> connect);

		/**
		 * Removes a machine, and closes it. It does nothing when this source has no
		 * machine of that name.
		 * @param name its name
		 */
		void lost(String name);

	}

}
