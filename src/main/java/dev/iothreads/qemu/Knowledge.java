package dev.iothreads.qemu;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import org.jspecify.annotations.Nullable;

/**
 * What has been learnt of one QEMU process. The properties of a type never change, and
 * neither do the IOThreads that a realized device runs on: they are asked for once, and
 * forgotten when QEMU says that the device has gone.
 */
final class Knowledge {

	private static final int MOST_FORGOTTEN = 1000;

	static final int MOST_TYPES = 2000;

	private final Map<String, Qom.Traits> traits = new ConcurrentHashMap<>();

	private final Map<String, KnownDevice> devices = new ConcurrentHashMap<>();

	private final Map<String, KnownObject> objects = new ConcurrentHashMap<>();

	private final Map<ThreadKey, IOThreadSettings> settings = new ConcurrentHashMap<>();

	private final AtomicLong readings = new AtomicLong();

	private long latestKept;

	private volatile long forgettings;

	// The value of forgettings when everything was forgotten last.
	private long allForgotten;

	// The paths that were forgotten, each with the value of forgettings then.
	private final Map<String, Long> forgotten = new HashMap<>();

	boolean hasType(String type) {
		return this.traits.containsKey(type);
	}

	Qom.Traits traits(String type) {
		return this.traits.getOrDefault(type, Qom.Traits.NONE);
	}

	void makeRoomForTypes(int more) {
		if (this.traits.size() + more > MOST_TYPES) {
			this.traits.clear();
		}
	}

	void addTraits(String type, Qom.Traits learnt) {
		this.traits.put(type, learnt);
	}

	Map<String, KnownDevice> devices() {
		return this.devices;
	}

	Map<ThreadKey, IOThreadSettings> settings() {
		return this.settings;
	}

	@Nullable KnownDevice device(Qom.Child child) {
		KnownDevice known = this.devices.get(child.path());
		return (known != null && known.type().equals(child.type())) ? known : null;
	}

	@Nullable KnownObject object(Qom.Child child) {
		KnownObject known = this.objects.get(child.path());
		return (known != null && known.type().equals(child.type())) ? known : null;
	}

	void setDrives(Map<String, String> drives) {
		drives.forEach((path, drive) -> this.devices.computeIfPresent(path, (same, known) -> known.withDrive(drive)));
	}

	void setSetting(ThreadKey iothread, IOThreadProperty property, long value) {
		this.settings.computeIfPresent(iothread,
				(key, known) -> known.with(new IOThreadSettings(Map.of(property, value))));
	}

	/**
	 * Forgets a device or an IOThread. A reading that is under way may have read it
	 * already, and must not keep it.
	 * @param path the QOM path
	 */
	synchronized void forget(String path) {
		if (path.length() > Qom.LONGEST_PATH) {
			return;
		}
		this.forgettings++;
		if (this.forgotten.size() >= MOST_FORGOTTEN) {
			// Each reading prunes this, so it grows only without readings.
			this.allForgotten = this.forgettings;
			this.forgotten.clear();
			this.devices.clear();
			this.settings.clear();
		}
		this.forgotten.put(path, this.forgettings);
		this.devices.remove(path);
		this.settings.keySet().removeIf((iothread) -> iothread.path().equals(path));
	}

	long forgettings() {
		return this.forgettings;
	}

	synchronized boolean isForgottenSince(String path, long count) {
		Long when = this.forgotten.get(path);
		return (when != null && when > count) || this.allForgotten > count;
	}

	Turn nextTurn() {
		return new Turn(this.readings.incrementAndGet(), System.nanoTime(), this.forgettings);
	}

	/**
	 * Keeps what a reading has found, unless a later reading was kept already: that knows
	 * more.
	 * @return whether it was kept
	 */
	synchronized boolean keep(ReadResult result, Turn turn) {
		if (turn.number() < this.latestKept) {
			return false;
		}
		this.latestKept = turn.number();
		if (turn.forgettings() < this.allForgotten) {
			return false;
		}
		this.forgotten.values().removeIf((when) -> when <= turn.forgettings());
		result.devices().keySet().removeAll(this.forgotten.keySet());
		result.settings().keySet().removeIf((iothread) -> this.forgotten.containsKey(iothread.path()));
		keep(this.devices, result.devices());
		keep(this.objects, result.objects());
		keep(this.settings, result.settings());
		return true;
	}

	private static <K, V> void keep(Map<K, V> known, Map<K, V> found) {
		known.keySet().retainAll(found.keySet());
		known.putAll(found);
	}

	/**
	 * An object that is no device and can run on an IOThread.
	 */
	record KnownObject(String type, @Nullable ThreadKey link) {

	}

	/**
	 * A reading's place among the others.
	 *
	 * @param number counts the readings
	 * @param begun when it began, by {@link System#nanoTime()}
	 * @param forgettings how often something had been forgotten by then
	 */
	record Turn(long number, long begun, long forgettings) {

	}

}
