package dev.iothreads.qemu;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import dev.iothreads.machine.MachineState;
import dev.iothreads.qmp.ScriptedMonitor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is good QMP and yet more than any QEMU has.
 */
class AbsurdQemuTests {

	private static final String PERIPHERAL = "/machine/peripheral";

	@Test
	void moreIOThreadsThanAnybodyHasAreNoMachines() {
		assertIsDown(ScriptedQemu.create().iothreads(iothreads(4097)), "it has 4097 IOThreads");
	}

	@Test
	void anIdWithoutEndIsNone() {
		assertIsDown(ScriptedQemu.create().iothreads("[{\"id\": \"" + "x".repeat(1025) + "\", \"thread-id\": 1}]"),
				"an id of 1025 characters");
	}

	@Test
	void moreDevicesThanAnybodyHasAreNoMachines() {
		assertIsDown(peripherals(20_001, "pcie-root-port"), "it has 20001 devices and objects");
	}

	@Test
	void moreTypesThanAnyQemuKnowsAreNoMachines() {
		assertIsDown(peripherals(2001, "t%1$d"), "it has 2001 types of objects");
	}

	@Test
	void moreDisksThanAnybodyHasAreNoMachines() {
		assertCountingFails(counting(disks(0, 20_001)), "it has 20001 disks");
	}

	@Test
	void aPathOfADiskWithoutEndIsNone() {
		assertCountingFails(counting("[{\"qdev\": \"/%s\"}]".formatted("x".repeat(4096))), "a path of 4097 characters");
	}

	@Test
	void aPathOfABusWithoutEndIsNone() {
		ScriptedQemu qemu = machineWithADisk().object(PERIPHERAL, "d0", "scsi-hd", "scsi-id", "0", "lun", "0",
				"parent_bus", "\"/%s\"".formatted("x".repeat(4096)));
		assertCountingFails((request) -> String.valueOf(qemu.apply(request)), "a path of 4097 characters");
	}

	@Test
	void disksOnOtherControllersEachTimeDoNotAddUp() {
		AtomicInteger countings = new AtomicInteger();
		ScriptedQemu qemu = machineWithADisk();
		assertCountingFails((request) -> {
			String path = request.at("/arguments/path").asString("");
			int first = 1000 * Math.max(0, countings.get() - 1);
			return switch (request.path("execute").asString()) {
				case "query-blockstats" -> "{\"return\": " + disks(1000 * countings.getAndIncrement(), 1000) + "}";
				case "qom-list" -> path.equals(PERIPHERAL)
						? "{\"return\": [{\"name\": \"blk0\", \"type\": \"child<virtio-blk-pci>\"},"
								+ objects(first, 1000, "{\"name\": \"d%d\", \"type\": \"child<scsi-hd>\"}").substring(1)
								+ "}"
						: path.startsWith(PERIPHERAL + "/d")
								? "{\"return\": [{\"name\": \"scsi-id\", \"type\": \"int\"}, {\"name\": \"lun\", \"type\": \"int\"}]}"
								: String.valueOf(qemu.apply(request));
				case "qom-get" ->
					path.startsWith(PERIPHERAL + "/d") ? switch (request.at("/arguments/property").asString("")) {
						case "parent_bus" -> "{\"return\": \"%s-controller/bus\"}".formatted(path);
						case "drive" -> "{\"return\": \"\"}";
						default -> "{\"return\": 0}";
					} : String.valueOf(qemu.apply(request));
				default -> String.valueOf(qemu.apply(request));
			};
		}, "it has 5000 controllers of disks");
		assertThat(countings).hasValueGreaterThanOrEqualTo(5);
	}

	@ParameterizedTest
	@ValueSource(strings = { "DEVICE_DELETED", "DEVICE_UNPLUG_GUEST_ERROR" })
	void eventsOfUnknownDevicesDoNoHarm(String event) {
		ScriptedQemu qemu = ScriptedQemu.create().iothreads(iothreads(1));
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			while (true) {
				JsonNode request = client.read();
				if (request.path("execute").asString().equals("query-iothreads")) {
					for (int i = 0; i < 3000; i++) {
						client.event(event, "{\"path\": \"/machine/peripheral/%d\"}".formatted(i));
					}
					client.event(event, "{\"path\": \"%s\"}".formatted("x".repeat(100_000)));
				}
				client.reply(request, String.valueOf(qemu.apply(request)));
			}
		}); Watched vm = Watched.at(monitor.address())) {
			assertThat(vm.read().iothreads()).hasSize(1);
			assertThat(vm.read().iothreads()).hasSize(1);
		}
	}

	private static void assertIsDown(Function<JsonNode, String> qemu, String reason) {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(ScriptedMonitor.Script.answering((request) -> qemu.apply(request)));
				Watched vm = Watched.at(monitor.address())) {
			assertThat(vm
				.await((status) -> status.state() == MachineState.DOWN
						&& String.valueOf(status.reason()).contains("Is that a QEMU?"))
				.reason()).contains(reason);
		}
	}

	// The first countings may be as they should be.
	private static void assertCountingFails(Function<JsonNode, String> qemu, String reason) {
		List<String> reasons = new CopyOnWriteArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(ScriptedMonitor.Script.answering((request) -> qemu.apply(request)));
				Watched vm = Watched.counting(monitor.address())) {
			vm.machine().listen(() -> reasons.add(String.valueOf(vm.status().reason())));
			vm.await((status) -> status.state() != MachineState.CONNECTING);
			for (int i = 0; i < 10 && vm.status().isUp(); i++) {
				vm.machine().read().exceptionally((failure) -> null).join();
			}
			vm.await((status) -> String.valueOf(status.reason()).contains(reason)
					|| reasons.stream().anyMatch((seen) -> seen.contains(reason)));
		}
	}

	private static Function<JsonNode, String> counting(String blockstats) {
		ScriptedQemu qemu = machineWithADisk().replying("query-blockstats", "{\"return\": " + blockstats + "}");
		return (request) -> String.valueOf(qemu.apply(request));
	}

	// A machine without a device on an IOThread is asked once only what its disks have
	// done.
	private static ScriptedQemu machineWithADisk() {
		return ScriptedQemu.create().iothreads(iothreads(1)).disk("blk0", "io0");
	}

	private static Function<JsonNode, String> peripherals(int count, String type) {
		String children = objects(0, count, "{\"name\": \"d%1$d\", \"type\": \"child<" + type + ">\"}");
		return new Substitute("/machine/peripheral", "{\"return\": " + children + "}");
	}

	private static String disks(int from, int count) {
		return objects(from, count, "{\"qdev\": \"d%d\", \"stats\": {}}");
	}

	private static String iothreads(int count) {
		return objects(0, count, "{\"id\": \"io%1$d\", \"thread-id\": %1$d}");
	}

	private static String objects(int from, int count, String format) {
		return IntStream.range(from, from + count)
			.mapToObj(format::formatted)
			.collect(Collectors.joining(",", "[", "]"));
	}

	/**
	 * Lists something else beneath one object.
	 */
	private record Substitute(String path, String children) implements Function<JsonNode, String> {

		private static final ScriptedQemu QEMU = ScriptedQemu.create();

		@Override
		public String apply(JsonNode request) {
			boolean asked = request.path("execute").asString().equals("qom-list")
					&& request.path("arguments").path("path").asString("").equals(this.path);
			return asked ? this.children : String.valueOf(QEMU.apply(request));
		}

	}

}
