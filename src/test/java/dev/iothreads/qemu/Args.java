package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A QEMU's command line, part by part.
 */
final class Args {

	private static final Map<String, List<String>> PROPERTIES = new ConcurrentHashMap<>();

	private final List<String> args = new ArrayList<>();

	static Args none() {
		return new Args();
	}

	/**
	 * Whether devices of a driver have a property, as the binary itself says.
	 */
	static boolean supports(QemuBinary binary, String driver, String property) {
		return PROPERTIES.computeIfAbsent(binary + driver, (key) -> {
			try (Qemu qemu = Qemu.of(binary).start(); Monitor monitor = qemu.monitor()) {
				List<String> names = new ArrayList<>();
				monitor.execute("device-list-properties", Map.of("typename", driver))
					.forEach((listed) -> names.add(listed.path("name").asString()));
				return names;
			}
		}).contains(property);
	}

	static boolean supportsMapping(QemuBinary binary, String driver) {
		return supports(binary, driver, "iothread-vq-mapping");
	}

	/**
	 * Lets root ports take and give devices at once, without a guest that agrees.
	 */
	Args nativeHotplug() {
		return add("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
	}

	Args ports(int count) {
		for (int i = 1; i <= count; i++) {
			add("-device", "pcie-root-port,id=rp" + i + ",chassis=" + i);
		}
		return this;
	}

	Args iothread(String id, String... settings) {
		return add("-object",
				String.join(",", Stream.concat(Stream.of("iothread", "id=" + id), Stream.of(settings)).toList()));
	}

	/**
	 * A block node without anything behind it.
	 */
	Args disk(String node) {
		return add("-blockdev", "null-co,read-zeroes=on,size=1048576,node-name=" + node);
	}

	Args device(String description) {
		return add("-device", description);
	}

	/**
	 * A device whose virtqueues are spread over IOThreads.
	 */
	Args mapped(String driver, String id, Map<String, ?> others, List<Map<String, ?>> mapping) {
		Map<String, Object> device = new HashMap<>(others);
		device.putAll(Map.of("driver", driver, "id", id, "iothread-vq-mapping", mapping));
		return add("-device", JsonMapper.shared().writeValueAsString(device));
	}

	Args add(String... more) {
		this.args.addAll(List.of(more));
		return this;
	}

	Qemu start(QemuBinary binary) {
		return builder(binary).start();
	}

	Qemu.Builder builder(QemuBinary binary) {
		return Qemu.of(binary).args(this.args.toArray(String[]::new));
	}

	/**
	 * Plugs a device, as another client would.
	 */
	static void plug(Monitor monitor, Map<String, ?> device) {
		monitor.execute("device_add", device);
	}

	/**
	 * Unplugs a device, as another client would, and returns when it has gone.
	 */
	static void unplug(Monitor monitor, String id) {
		monitor.execute("device_del", Map.of("id", id));
		monitor.awaitEvent("DEVICE_DELETED", (data) -> id.equals(data.path("device").asString("")),
				Watched.LONGEST_WAIT);
	}

	static void addIOThread(Monitor monitor, String id) {
		monitor.execute("object-add", Map.of("qom-type", "iothread", "id", id));
	}

	static void deleteObject(Monitor monitor, String id) {
		monitor.execute("object-del", Map.of("id", id));
	}

	static void addDisk(Monitor monitor, String node) {
		monitor.execute("blockdev-add",
				Map.of("driver", "null-co", "node-name", node, "size", 1048576, "read-zeroes", true));
	}

	static JsonNode qomGet(Monitor monitor, String path, String property) {
		return monitor.execute("qom-get", Map.of("path", path, "property", property));
	}

}
