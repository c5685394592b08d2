package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Machines that were not thought of. A failure names its seed; set
 * {@code -Diothreads.seed} to see it again.
 */
class QemuMachineRandomTests {

	private static final int STEPS = 40;

	@EveryQemu
	void aRandomMachineIsReadAsItLooksToWhoAsksEveryObject(QemuBinary binary) {
		withEachSeed((random) -> {
			try (Qemu qemu = randomMachine(random, binary).start(binary);
					Watched vm = Watched.at(qemu.socket());
					Monitor monitor = qemu.monitor()) {
				Picture expected = Picture.of(monitor);
				assertThat(Picture.of(vm.read())).isEqualTo(expected);
				assertThat(Picture.of(vm.read())).as("from what is remembered").isEqualTo(expected);
			}
		});
	}

	@EveryQemu
	void randomChangesByOthersAreInTheNextReading(QemuBinary binary) {
		Args args = Args.none().nativeHotplug().ports(6).iothread("io0").iothread("io1");
		for (int i = 0; i < 6; i++) {
			args.disk("disk" + i);
		}
		withEachSeed((random) -> {
			try (Qemu qemu = args.start(binary);
					Watched vm = Watched.at(qemu.socket());
					Monitor others = qemu.monitor()) {
				Changes changes = new Changes(random, binary, others);
				vm.read();
				for (int step = 0; step < STEPS; step++) {
					changes.next();
					assertThat(Seen.of(vm.read())).as("after %s", changes.log).isEqualTo(changes.expected());
				}
			}
		});
	}

	private static void withEachSeed(Consumer<Random> test) {
		Long given = Long.getLong("iothreads.seed");
		List<Long> seeds = (given != null) ? List.of(given) : List.of(1L, 2L, new Random().nextLong());
		for (long seed : seeds) {
			try {
				test.accept(new Random(seed));
			}
			catch (RuntimeException | AssertionError ex) {
				throw new AssertionError("With -Diothreads.seed=" + seed + ": " + ex.getMessage(), ex);
			}
		}
	}

	private static Args randomMachine(Random random, QemuBinary binary) {
		Args args = Args.none();
		int iothreads = random.nextInt(6);
		for (int i = 0; i < iothreads; i++) {
			List<String> settings = new ArrayList<>();
			for (String property : List.of("poll-max-ns", "poll-grow", "poll-shrink", "aio-max-batch")) {
				if (random.nextBoolean()) {
					settings.add(property + "=" + random.nextInt(100000));
				}
			}
			if (random.nextBoolean()) {
				settings.add("thread-pool-max=" + (10 + random.nextInt(100)));
				settings.add("thread-pool-min=" + random.nextInt(10));
			}
			args.iothread("io" + i, settings.toArray(String[]::new));
		}
		int devices = random.nextInt(14);
		for (int i = 0; i < devices; i++) {
			Map<String, Object> device = randomDevice(random, binary, ids(iothreads));
			if (device.get("driver").toString().contains("blk")) {
				args.disk("disk" + i);
				device.put("drive", "disk" + i);
			}
			if (random.nextInt(4) > 0) {
				device.put("id", "dev" + i);
			}
			args.device(JsonMapper.shared().writeValueAsString(device));
		}
		return args;
	}

	private static List<String> ids(int iothreads) {
		List<String> ids = new ArrayList<>();
		for (int i = 0; i < iothreads; i++) {
			ids.add("io" + i);
		}
		return ids;
	}

	/**
	 * Describes a device of some kind on some of the IOThreads, without id and drive.
	 */
	private static Map<String, Object> randomDevice(Random random, QemuBinary binary, List<String> iothreads) {
		String driver = List
			.of("virtio-blk-pci", "virtio-blk-pci", "virtio-blk-pci-non-transitional", "virtio-scsi-pci",
					"virtio-rng-pci")
			.get(random.nextInt(5));
		Map<String, Object> device = new HashMap<>(Map.of("driver", driver));
		if (driver.equals("virtio-rng-pci") || iothreads.isEmpty()) {
			return device;
		}
		boolean mapped = Args.supportsMapping(binary, driver) && random.nextBoolean();
		if (mapped) {
			device.put("iothread-vq-mapping", randomMapping(random, iothreads, device));
		}
		else if (random.nextInt(4) > 0) {
			device.put("iothread", iothreads.get(random.nextInt(iothreads.size())));
		}
		return device;
	}

	private static List<Map<String, Object>> randomMapping(Random random, List<String> iothreads,
			Map<String, Object> device) {
		List<String> shuffled = new ArrayList<>(iothreads);
		Collections.shuffle(shuffled, random);
		List<String> chosen = shuffled.subList(0, 1 + random.nextInt(shuffled.size()));
		List<Map<String, Object>> mapping = new ArrayList<>();
		chosen.forEach((iothread) -> mapping.add(new HashMap<>(Map.of("iothread", iothread))));
		if (random.nextBoolean() && device.get("driver").toString().contains("blk")) {
			int queues = chosen.size() + random.nextInt(4);
			device.put("num-queues", queues);
			List<List<Integer>> vqs = new ArrayList<>();
			chosen.forEach((iothread) -> vqs.add(new ArrayList<>()));
			for (int queue = 0; queue < queues; queue++) {
				vqs.get((queue < chosen.size()) ? queue : random.nextInt(chosen.size())).add(queue);
			}
			for (int i = 0; i < mapping.size(); i++) {
				mapping.get(i).put("vqs", vqs.get(i));
			}
		}
		else {
			device.put(device.get("driver").toString().contains("blk") ? "num-queues" : "num_queues", chosen.size());
		}
		return mapping;
	}

	/**
	 * What a reading must show, whatever else it shows.
	 *
	 * @param attached the devices on each IOThread
	 * @param devices each device's IOThreads, state and drive
	 */
	private record Seen(Map<String, Set<String>> attached, Map<String, String> devices) {

		static Seen of(Snapshot snapshot) {
			Map<String, Set<String>> attached = new TreeMap<>();
			for (IOThread iothread : snapshot.iothreads()) {
				attached.put(iothread.id(), new HashSet<>(iothread.attached().stream().map(Attachment::id).toList()));
			}
			Map<String, String> devices = new TreeMap<>();
			for (Device device : snapshot.devices()) {
				devices.put(device.id(), device(device.iothreads(), device.state()));
			}
			return new Seen(attached, devices);
		}

		static String device(List<String> iothreads, DeviceState state) {
			return state + " " + iothreads;
		}

	}

	/**
	 * Changes a machine at random, and remembers what QEMU forgets: which IOThreads a
	 * device was made with.
	 */
	private static final class Changes {

		private final Random random;

		private final QemuBinary binary;

		private final Monitor monitor;

		private final Map<String, Integer> iothreads = new TreeMap<>(Map.of("io0", 0, "io1", 0));

		private final Map<String, Map<String, Integer>> devices = new TreeMap<>();

		private final Set<String> ignored = new HashSet<>();

		private final Set<String> unread = new HashSet<>();

		private final Set<String> mapped = new HashSet<>();

		private final Set<String> madeAgain = new HashSet<>();

		private final List<String> log = new ArrayList<>();

		private int made = 1;

		Changes(Random random, QemuBinary binary, Monitor monitor) {
			this.random = random;
			this.binary = binary;
			this.monitor = monitor;
		}

		void next() {
			// Now and then several of them come between two readings.
			int changes = (this.random.nextInt(3) > 0) ? 1 : 2 + this.random.nextInt(4);
			for (int i = 0; i < changes; i++) {
				switch (this.random.nextInt(6)) {
					case 0 -> toggleIOThread();
					case 1 -> tune();
					default -> toggleDevice();
				}
			}
		}

		private void toggleIOThread() {
			String id = "io" + this.random.nextInt(3);
			if (this.iothreads.remove(id) != null) {
				Args.deleteObject(this.monitor, id);
				this.log.add("-" + id);
				this.unread.forEach((device) -> forgetLink(device, id));
				this.madeAgain.removeIf((link) -> link.endsWith(" " + id));
			}
			else {
				Args.addIOThread(this.monitor, id);
				this.log.add("+" + id);
				int number = this.made++;
				this.iothreads.put(id, number);
				this.unread.forEach((device) -> takeForOld(device, id, number));
				this.mapped.stream()
					.filter((device) -> this.devices.getOrDefault(device, new TreeMap<>()).containsKey(id))
					.forEach((device) -> this.madeAgain.add(device + " " + id));
			}
		}

		// Of a device that was not read before, it cannot be known what QEMU has
		// forgotten.
		private void forgetLink(String device, String iothread) {
			if (!this.mapped.contains(device)) {
				this.devices.getOrDefault(device, new TreeMap<>()).remove(iothread);
			}
		}

		// Nor that a name in its mapping was meant for another IOThread.
		private void takeForOld(String device, String iothread, int number) {
			if (this.mapped.contains(device)) {
				this.devices.getOrDefault(device, new TreeMap<>()).computeIfPresent(iothread, (id, old) -> number);
			}
		}

		private void tune() {
			if (!this.iothreads.isEmpty()) {
				String id = this.iothreads.keySet().iterator().next();
				this.monitor.execute("qom-set", Map.of("path", "/objects/" + id, "property", "poll-max-ns", "value",
						this.random.nextInt(9999)));
			}
		}

		private void toggleDevice() {
			int slot = 1 + this.random.nextInt(6);
			String id = "dev" + slot;
			if (isDeadly(id)) {
				return;
			}
			if (this.devices.remove(id) != null || this.ignored.remove(id)) {
				Args.unplug(this.monitor, id);
				this.unread.remove(id);
				this.mapped.remove(id);
				this.log.add("-" + id);
				return;
			}
			Map<String, Object> device = randomDevice(this.random, this.binary, List.copyOf(this.iothreads.keySet()));
			device.put("id", id);
			device.put("bus", "rp" + slot);
			if (device.get("driver").toString().contains("blk")) {
				device.put("drive", "disk" + (slot - 1));
			}
			Args.plug(this.monitor, device);
			this.log.add("+" + device);
			if (device.get("driver").equals("virtio-rng-pci")) {
				this.ignored.add(id);
				return;
			}
			Map<String, Integer> links = new TreeMap<>();
			if (device.get("iothread") instanceof String iothread) {
				links.put(iothread, this.iothreads.getOrDefault(iothread, -1));
			}
			if (device.get("iothread-vq-mapping") instanceof List<?> mapping) {
				this.mapped.add(id);
				mapping.forEach((queues) -> {
					Object iothread = ((Map<?, ?>) queues).get("iothread");
					links.put(String.valueOf(iothread), this.iothreads.getOrDefault(iothread, -1));
				});
			}
			this.devices.put(id, links);
			this.unread.add(id);
		}

		// QEMU aborts when a device is unplugged whose mapping names an IOThread that has
		// been deleted and made again.
		private boolean isDeadly(String device) {
			return this.madeAgain.stream().anyMatch((link) -> link.startsWith(device + " "));
		}

		Seen expected() {
			Map<String, Set<String>> attached = new TreeMap<>();
			this.iothreads.keySet().forEach((id) -> attached.put(id, new HashSet<>()));
			Map<String, String> seen = new TreeMap<>();
			this.devices.forEach((device, links) -> {
				List<String> alive = links.keySet()
					.stream()
					.filter((id) -> links.get(id).equals(this.iothreads.get(id)))
					.toList();
				alive.forEach((id) -> attached.get(id).add(device));
				seen.put(device, Seen.device(alive, links.isEmpty() ? DeviceState.MAIN_LOOP
						: (alive.size() == links.size()) ? DeviceState.ATTACHED : DeviceState.ORPHANED));
			});
			this.unread.clear();
			return new Seen(attached, seen);
		}

	}

}
