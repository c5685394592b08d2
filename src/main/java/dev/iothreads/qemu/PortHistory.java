package dev.iothreads.qemu;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * When the ports of one QEMU became empty, as far as this connection shows it.
 * <p>
 * With ACPI hot-plug a guest may eject a port for the second time, for an unplug that
 * overlapped with the first one, and takes what was plugged meanwhile. It does so within
 * a second, or later where the guest gets little CPU: then it took long for the first
 * eject, too.
 */
final class PortHistory {

	private static final long SETTLING = Duration.ofSeconds(3).toNanos();

	private static final long LONGEST_SETTLING = Duration.ofSeconds(10).toNanos();

	// A guest that needed so long to let a device go may need as long again for what it
	// does next.
	private static final int MARGIN = 3;

	private final Map<String, String> occupants = new HashMap<>();

	private final Map<String, Long> emptied = new HashMap<>();

	// From when no late eject can come, by System.nanoTime().
	private final Map<String, Long> settled = new HashMap<>();

	// When a device went whose port is not known. Before it connected the service has
	// seen no event.
	private long unknown = System.nanoTime();

	/**
	 * Handles that a device is on the bus of a port.
	 */
	synchronized void onOccupied(String device, String bus) {
		this.occupants.put(device, bus);
	}

	/**
	 * Handles that a port was seen to be empty. Its device leaves the tree some 50 ms
	 * before its event.
	 */
	synchronized void onEmpty(String bus) {
		if (this.occupants.containsValue(bus)) {
			this.emptied.put(bus, System.nanoTime());
		}
	}

	/**
	 * Handles that a device has gone.
	 * @param device its path
	 * @param took how long the guest took to let it go, in nanoseconds; 0 when it was not
	 * asked here
	 */
	synchronized void onDeleted(String device, long took) {
		String bus = this.occupants.remove(device);
		if (bus != null) {
			this.emptied.put(bus, System.nanoTime());
			// A bridge has many devices: the longest wait counts.
			this.settled.merge(bus, System.nanoTime() + Math.min(Math.max(SETTLING, MARGIN * took), LONGEST_SETTLING),
					(one, other) -> (one - other > 0) ? one : other);
		}
		else {
			this.unknown = System.nanoTime();
		}
	}

	/**
	 * Returns for how long a port is known to be empty.
	 * @return nanoseconds, {@link Long#MAX_VALUE} when no device was seen in it
	 */
	synchronized long emptyFor(String bus) {
		@Nullable Long since = this.emptied.get(bus);
		return (since != null) ? System.nanoTime() - since : Long.MAX_VALUE;
	}

	/**
	 * Returns how long to wait until no late eject can come to an empty port.
	 * @return nanoseconds, 0 or less when it is safe now
	 */
	synchronized long unsettledFor(String bus) {
		@Nullable Long safe = this.settled.get(bus);
		long now = System.nanoTime();
		long untilSettled = Math.max(SETTLING - emptyFor(bus), SETTLING - (now - this.unknown));
		return (safe != null) ? Math.max(untilSettled, safe - now) : untilSettled;
	}

}
