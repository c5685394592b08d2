package dev.iothreads.inventory;

import java.util.Locale;

import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;

/**
 * Something that is different from what was read of a machine before.
 */
public sealed interface Change {

	/**
	 * Says what has happened.
	 * @return the kind of change
	 */
	Kind kind();

	/**
	 * Says to which machine.
	 * @return the machine's name
	 */
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
	 * @param iothread the IOThread as it is now, or as it was last when it has gone
	 */
	record OfIOThread(Kind kind, String machine, IOThread iothread) implements Change {

	}

	/**
	 * A change of a device.
	 *
	 * @param kind what has happened
	 * @param machine the machine's name
	 * @param device the device as it is now, or as it was last when it has gone
	 */
	record OfDevice(Kind kind, String machine, Device device) implements Change {

	}

	/**
	 * What can happen.
	 */
	enum Kind {

		/** A machine answers, for the first time or again. */
		MACHINE_UP,

		/** A machine does not answer any more, or is no longer looked after. */
		MACHINE_DOWN,

		/** There is a new IOThread, perhaps under the id of another that has gone. */
		IOTHREAD_ADDED,

		/** An IOThread has gone. */
		IOTHREAD_REMOVED,

		/** An IOThread was tuned, or something else is attached to it. */
		IOTHREAD_CHANGED,

		/** There is a new device, perhaps under the id of another that has gone. */
		DEVICE_ATTACHED,

		/** A device has gone. */
		DEVICE_DETACHED,

		/** A device is in another state: its unplug was asked for, or it is orphaned. */
		DEVICE_CHANGED;

		/**
		 * Returns the name that clients know it by.
		 * @return the name, such as {@code iothread-added}
		 */
		public String wireName() {
			return name().toLowerCase(Locale.ROOT).replace('_', '-');
		}

	}

}
