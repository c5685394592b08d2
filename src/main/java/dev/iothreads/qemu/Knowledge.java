package dev.iothreads.qemu;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

import dev.iothreads.machine.Disk;
import dev.iothreads.machine.DiskImage;
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

	private final Map<String, KnownDisk> disks = new ConcurrentHashMap<>();

	private final Map<String, KnownObject> objects = new ConcurrentHashMap<>();

	private final Map<ThreadKey, IOThreadSettings> settings = new ConcurrentHashMap<>();

	// When each setting was asked for, by System.nanoTime().
	private final Map<Setting, Long> settingsRead = new ConcurrentHashMap<>();

	private volatile Map<String, Optional<DiskImage>> images = Map.of();

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

	@Nullable KnownDisk disk(Qom.Child child) {
		KnownDisk known = this.disks.get(child.path());
		return (known != null && known.type().equals(child.type())) ? known : null;
	}

	/**
	 * Returns the path of the device that does the work of a device or a disk.
	 */
	String runner(String path) {
		KnownDisk disk = this.disks.get(path);
		return (disk != null) ? Qom.device(disk.controller()) : path;
	}

	/**
	 * Returns the drive of a device or a disk, empty when it has none.
	 */
	String driveOf(String path) {
		KnownDisk disk = this.disks.get(path);
		KnownDevice device = this.devices.get(path);
		String drive = (disk != null) ? disk.drive() : (device != null) ? device.drive() : null;
		return Objects.requireNonNullElse(drive, "");
	}

	@Nullable KnownObject object(Qom.Child child) {
		KnownObject known = this.objects.get(child.path());
		return (known != null && known.type().equals(child.type())) ? known : null;
	}

	/**
	 * Returns the image beneath each drive that was asked about, by the drive's name.
	 */
	Map<String, Optional<DiskImage>> images() {
		return this.images;
	}

	/**
	 * Returns whether the image of a device has yet to be asked for. A snapshot or a
	 * mirror gives a device another node.
	 * @param again whether those that are known are to be asked for again
	 */
	boolean lacksImage(ReadResult result, boolean again) {
		return result.drives().anyMatch((drive) -> again || !this.images.containsKey(drive));
	}

	private void keepImages(ReadResult result) {
		if (!result.images().isEmpty()) {
			Map<String, Optional<DiskImage>> all = new HashMap<>(result.images());
			// A drive without an image is not asked about again and again.
			result.drives().forEach((drive) -> all.putIfAbsent(drive, Optional.empty()));
			this.images = Map.copyOf(all);
		}
	}

	void setDrives(Map<String, String> drives) {
		drives.forEach((path, drive) -> {
			this.devices.computeIfPresent(path, (same, known) -> known.withDrive(drive));
			this.disks.computeIfPresent(path, (same, known) -> known.withDrive(drive));
		});
	}

	void setSetting(Setting setting, long value, long asked) {
		this.settings.computeIfPresent(setting.iothread(), (key, known) -> {
			this.settingsRead.put(setting, asked);
			return known.with(new IOThreadSettings(Map.of(setting.property(), value)));
		});
	}

	/**
	 * Finds the setting that was asked for before all others.
	 */
	Optional<Setting> oldestSetting() {
		return this.settingsRead.entrySet().stream().min(Map.Entry.comparingByValue()).map(Map.Entry::getKey);
	}

	/**
	 * Returns how old the oldest setting is.
	 * @return nanoseconds, 0 where there is none
	 */
	long ageOfSettings() {
		long now = System.nanoTime();
		return this.settingsRead.values().stream().mapToLong((asked) -> now - asked).max().orElse(0);
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
			this.disks.clear();
			this.settings.clear();
			this.settingsRead.clear();
		}
		this.forgotten.put(path, this.forgettings);
		this.devices.remove(path);
		this.disks.remove(path);
		this.settings.keySet().removeIf((iothread) -> iothread.path().equals(path));
		this.settingsRead.keySet().removeIf((setting) -> setting.iothread().path().equals(path));
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
		result.disks().keySet().removeAll(this.forgotten.keySet());
		result.settings().keySet().removeIf((iothread) -> this.forgotten.containsKey(iothread.path()));
		keep(this.devices, result.devices());
		keep(this.disks, result.disks());
		keep(this.objects, result.objects());
		keep(this.settings, result.settings());
		this.settingsRead.keySet().removeIf((setting) -> !this.settings.containsKey(setting.iothread()));
		this.settings.forEach((iothread, known) -> known.values()
			.keySet()
			.forEach((property) -> this.settingsRead.putIfAbsent(new Setting(iothread, property), turn.begun())));
		keepImages(result);
		return true;
	}

	private static <K, V> void keep(Map<K, V> known, Map<K, V> found) {
		known.keySet().retainAll(found.keySet());
		known.putAll(found);
	}

	/**
	 * A setting that only the object of an IOThread has.
	 */
	record Setting(ThreadKey iothread, IOThreadProperty property) {

	}

	/**
	 * A disk on a SCSI bus.
	 *
	 * @param type its QOM type
	 * @param controller the QOM path of the device that its bus belongs to
	 * @param target the SCSI target that it is
	 * @param lun its logical unit number there
	 * @param drive the block node it serves
	 * @param driveGoesWithIt whether QEMU removes the drive together with the disk
	 */
	record KnownDisk(String type, String controller, long target, long lun, @Nullable String drive,
			boolean driveGoesWithIt) {

		KnownDisk withDrive(String node) {
			return new KnownDisk(this.type, this.controller, this.target, this.lun, node.isEmpty() ? null : node,
					this.driveGoesWithIt);
		}

		Disk shown(Qom.Child child, @Nullable DiskImage image) {
			return new Disk(child.name(), this.type, child.path(), this.target, this.lun, this.drive,
					this.driveGoesWithIt, image);
		}

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
