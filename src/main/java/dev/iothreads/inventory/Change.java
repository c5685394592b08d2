package dev.iothreads.inventory;

import java.util.Locale;

import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;

/**
 * A difference between two readings of a machine.
 */
public sealed interface Change {

	Kind kind();

	String machine();

	/**
	 * A change of a machine as a whole.
	 *
	 * @param kind what has happened
	 * @param view the machine as it is now
	 */
	record OfMachine(Kind kind, MachineView view) implements Change {

		@Override
		public String machine() {
			return this.view.name();
		}

	}

	/**
	 * A change of an IOThread.
	 *
	 * @param kind what has happened
	 * @param machine the machine's name
	 * @param iothread the IOThread as it is now, or as it was last when it was removed
	 */
	record OfIOThread(Kind kind, String machine, IOThread iothread) implements Change {

	}

	/**
	 * A change of a device.
	 *
	 * @param kind what has happened
	 * @param machine the machine's name
	 * @param device the device as it is now, or as it was last when it was removed
	 */
	record OfDevice(Kind kind, String machine, Device device) implements Change {

	}

	/**
	 * The kinds of changes.
	 */
	enum Kind {

		/** A machine answers, for the first time or again. */
		MACHINE_UP,

		/** A machine no longer answers, or was removed. */
		MACHINE_DOWN,

		/** The guest of a machine stopped or runs again, or its process was found. */
		MACHINE_CHANGED,

		/** There is a new IOThread, perhaps under the id of a removed one. */
		IOTHREAD_ADDED,

		/** An IOThread was removed. */
		IOTHREAD_REMOVED,

		/** The settings of an IOThread, or what is attached to it, have changed. */
		IOTHREAD_CHANGED,

		/** There is a new device, perhaps under the id of a removed one. */
		DEVICE_ATTACHED,

		/** A device was removed. */
		DEVICE_DETACHED,

		/** A device is in another state: its unplug was asked for, or it is orphaned. */
		DEVICE_CHANGED;

		/**
		 * Returns its name in events.
		 * @return the name, such as {@code iothread-added}
		 */
		public String wireName() {
			return name().toLowerCase(Locale.ROOT).replace('_', '-');
		}

	}

}
