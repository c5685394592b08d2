package dev.iothreads.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qcow2;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

/**
 * What the service says of guests that do I/O, and what a guest sees of its changes.
 */
class GuestAndServiceTests {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final int SECTOR = 512;

	private final Path directory;

	GuestAndServiceTests(@TempDir Path directory) {
		this.directory = directory;
	}

	private void withEveryQemu(GuestTest test) {
		QemusAtOnce.run((binary) -> test
			.run(new GuestAndServiceTests(Files.createDirectory(this.directory.resolve(binary.version()))), binary));
	}

	// One after another: a guest that waits for a processor does not poll.
	@EveryQemu
	void theCountsAndTheCpuTimeAreThoseOfTheGuestAndTheKernel(QemuBinary binary) {
		try (Guest guest = Guest.of(binary)
			.args("-object", "iothread,id=io0,poll-max-ns=20000000", "-object", "iothread,id=io1,poll-max-ns=20000000",
					"-blockdev", "null-co,node-name=disk0,size=16777216,read-zeroes=on", "-blockdev",
					"null-co,node-name=disk1,size=16777216,read-zeroes=on", "-device",
					"virtio-blk-pci,id=blk0,drive=disk0,iothread=io0", "-device",
					"virtio-scsi-pci,id=scsi0,iothread=io1", "-device", "scsi-hd,id=hd0,drive=disk1,bus=scsi0.0")
			.monitor("vm1")
			.in(this.directory)
			.boot(); RunningService service = start("1s")) {
			guest.await("cat /sys/block/sda/size");
			isCounted(guest, service, "vda", "blk0");
			isCounted(guest, service, "sda", "scsi0");
			theDiskIsItsControllers(service);
			for (JsonNode iothread : service.get("/api/v1/machines/vm1/iothreads").json()) {
				String id = iothread.path("id").asString();
				long threadId = iothread.path("thread-id").asLong();
				// The kernel counts in hundredths of a second.
				await().atMost(DEADLINE).until(() -> {
					guest.run("echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/%s of=/dev/null bs=4096 count=4000"
						.formatted(id.equals("io0") ? "vda" : "sda"));
					return seconds(guest.qemu().pid(), threadId) >= 0.02;
				});
				await().atMost(DEADLINE)
					.untilAsserted(() -> assertThat(seconds(service, id)).isGreaterThan(0)
						.isCloseTo(seconds(guest.qemu().pid(), threadId), within(0.05)));
			}
		}
	}

	private static void theDiskIsItsControllers(RunningService service) {
		JsonNode disk = service.get("/api/v1/machines/vm1/devices/scsi0").json().path("disks").path(0);
		assertThat(disk.path("id").asString()).isEqualTo("hd0");
		assertThat(disk.path("driver").asString()).isEqualTo("scsi-hd");
		assertThat(disk.path("lun").asInt()).isZero();
		assertThat(disk.path("drive").asString()).isEqualTo("disk1");
		RunningService.Answer asked = service.get("/api/v1/machines/vm1/devices/hd0");
		assertThat(asked.status()).isEqualTo(404);
		assertThat(asked.body()).contains("is a disk of controller scsi0");
		await().atMost(DEADLINE).untilAsserted(() -> {
			for (String operation : List.of("read", "write", "flush")) {
				String label = "operation=\"" + operation + "\"";
				assertThat(counter(service, "iothread_device_disk_operations_total", "controller=\"scsi0\"",
						"device=\"hd0\"", label))
					.isPositive()
					.isEqualTo(counter(service, "iothread_device_operations_total", "device=\"scsi0\"", label));
			}
			JsonNode devices = service.get("/api/v1/activity?machine=vm1").json().path(0).path("devices");
			assertThat(devices.size()).isEqualTo(2);
			assertThat(devices.path(0).has("disks")).isFalse();
			JsonNode controller = devices.path(1);
			assertThat(controller.path("id").asString()).isEqualTo("scsi0");
			assertThat(controller.path("disks").size()).isEqualTo(1);
			JsonNode counted = controller.path("disks").path(0);
			assertThat(counted.path("id").asString()).isEqualTo("hd0");
			assertThat(counted.path("qom-path").asString()).isEqualTo(disk.path("qom-path").asString());
			assertThat(counted.path("operations").path("read").path("count").asLong()).isPositive();
			assertThat(counted.path("operations")).isEqualTo(controller.path("operations"));
		});
	}

	@Test
	void aDeviceComesAndGoesByAcpi() {
		withEveryQemu((each, binary) -> each.comesAndGoes(Guest.of(binary)));
	}

	@Test
	void aDeviceComesAndGoesByNativeHotPlug() {
		withEveryQemu((each, binary) -> each.comesAndGoes(Guest.of(binary).nativeHotplug()));
	}

	@Test
	void aDeviceComesAndGoesOnABridge() {
		withEveryQemu(GuestAndServiceTests::comesAndGoesOnABridge);
	}

	private void comesAndGoesOnABridge(QemuBinary binary) {
		try (Guest guest = Guest.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=1048576,read-zeroes=on",
					"-device", "i82801b11-bridge,id=dmi", "-device", "pci-bridge,id=pci.0,bus=dmi,chassis_nr=1",
					"-device", "pci-bridge,id=pci.1,chassis_nr=2")
			.monitor("vm1")
			.in(this.directory)
			.boot(); RunningService service = start("1s")) {
			for (String bus : List.of("pci.0", "pci.1")) {
				comesAndGoes(guest, service,
						"{\"id\": \"blk0\", \"drive\": \"disk0\", \"bus\": \"%s\"}".formatted(bus));
			}
			comesAndGoes(guest, service, "{\"id\": \"blk0\", \"drive\": \"disk0\"}");
		}
	}

	@Test
	void anImageHasWhatTheGuestHasWritten() {
		withEveryQemu(GuestAndServiceTests::writesToAnImage);
	}

	private void writesToAnImage(QemuBinary binary) throws IOException {
		Path images = Files.createDirectory(this.directory.resolve("images"));
		Path raw = Files.write(images.resolve("data.raw"), new byte[1024 * 1024]);
		Path qcow2 = Qcow2.create(images.resolve("data.qcow2"), 4 * 1024 * 1024, null);
		try (Guest guest = Guest.of(binary)
			.args("-object", "iothread,id=pool0", "-device", "pcie-root-port,id=rp1,chassis=1", "-device",
					"pcie-root-port,id=rp2,chassis=2", "-device", "virtio-scsi-pci,id=scsi0,iothread=pool0")
			.monitor("vm1")
			.in(this.directory)
			.boot(); RunningService service = start("1s", "--iothreads.attach.images=" + images)) {
			attach(service, raw, "raw");
			guest.await("cat /sys/block/vda/size");
			guest.run("echo written-by-guest | dd of=/dev/vda bs=512 seek=3 conv=fsync,sync");
			detach(service);
			assertThat(new String(Files.readAllBytes(raw), StandardCharsets.US_ASCII).substring(3 * SECTOR))
				.startsWith("written-by-guest\n");
			attach(service, qcow2, "qcow2");
			assertThat(guest.await("cat /sys/block/vda/size")).isEqualTo(Integer.toString(4 * 1024 * 1024 / SECTOR));
			guest.run("echo kept-in-qcow2 | dd of=/dev/vda bs=512 seek=4000 conv=fsync,sync");
			detach(service);
			attach(service, qcow2, "qcow2");
			assertThat(guest.await("dd if=/dev/vda bs=512 skip=4000 count=1 2>/dev/null | head -n 1"))
				.isEqualTo("kept-in-qcow2");
			detach(service);
			post(service, "{\"id\": \"data1\", \"driver\": \"scsi-hd\", \"bus\": \"scsi0.0\", \"image\": %s}", raw,
					"raw");
			guest.await("cat /sys/block/sda/size");
			guest.run("echo written-by-scsi | dd of=/dev/sda bs=512 seek=5 conv=fsync,sync");
			detach(service);
			guest.await("test ! -e /sys/block/sda && echo gone");
			assertThat(new String(Files.readAllBytes(raw), StandardCharsets.US_ASCII).substring(5 * SECTOR))
				.startsWith("written-by-scsi\n");
			try (Monitor monitor = guest.qemu().monitor()) {
				assertThat(monitor.execute("query-named-block-nodes")).isEmpty();
			}
		}
	}

	private static void attach(RunningService service, Path image, String format) {
		post(service, "{\"id\": \"data1\", \"iothreads\": [\"pool0\"], \"image\": %s}", image, format);
	}

	private static void post(RunningService service, String body, Path image, String format) {
		RunningService.Answer attached = service.send("POST", "/api/v1/machines/vm1/devices", "application/json",
				body.formatted("{\"file\": \"%s\", \"format\": \"%s\"}".formatted(image, format)));
		assertThat(attached.status()).as(attached.body()).isEqualTo(201);
	}

	private static void detach(RunningService service) {
		RunningService.Answer detached = service.send("DELETE", "/api/v1/machines/vm1/devices/data1",
				"application/json", "");
		assertThat(detached.status()).as(detached.body()).isEqualTo(204);
	}

	private void comesAndGoes(Guest.Builder builder) {
		try (Guest guest = builder
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=1048576,read-zeroes=on",
					"-device", "pcie-root-port,id=rp1,chassis=1")
			.monitor("vm1")
			.in(this.directory)
			.boot(); RunningService service = start("1s")) {
			for (int round = 0; round < 2; round++) {
				comesAndGoes(guest, service, "{\"id\": \"blk0\", \"drive\": \"disk0\"}");
			}
		}
	}

	private static void comesAndGoes(Guest guest, RunningService service, String device) {
		RunningService.Answer attached = service.send("POST", "/api/v1/machines/vm1/devices", "application/json",
				device);
		assertThat(attached.status()).as(attached.body()).isEqualTo(201);
		assertThat(guest.await("cat /sys/block/vd*/size")).isEqualTo("2048");
		assertThat(guest.attached()).isEqualTo(Map.of("io0", Set.of("blk0")));
		RunningService.Answer detached = service.send("DELETE", "/api/v1/machines/vm1/devices/blk0", "application/json",
				"");
		assertThat(detached.status()).as(detached.body()).isIn(202, 204);
		await().atMost(DEADLINE).until(() -> service.get("/api/v1/machines/vm1/devices/blk0").status() == 404);
		assertThat(guest.run("ls /sys/block")).doesNotContain("vd");
		assertThat(guest.attached()).isEqualTo(Map.of("io0", Set.of()));
	}

	private static void isCounted(Guest guest, RunningService service, String disk, String device) {
		long[] before = sectors(guest, disk);
		double read = counter(service, "iothread_device_bytes_total", "device=\"" + device + "\"",
				"operation=\"read\"");
		double written = counter(service, "iothread_device_bytes_total", "device=\"" + device + "\"",
				"operation=\"write\"");
		guest.run("dd if=/dev/zero of=/dev/%s bs=4096 count=700 conv=fsync".formatted(disk));
		guest.run("echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/%s of=/dev/null bs=4096 count=500".formatted(disk));
		long[] after = sectors(guest, disk);
		assertThat((after[1] - before[1]) * SECTOR).isEqualTo(700 * 4096);
		await().atMost(DEADLINE).untilAsserted(() -> {
			assertThat(
					counter(service, "iothread_device_bytes_total", "device=\"" + device + "\"", "operation=\"read\"")
							- read)
				.isEqualTo((after[0] - before[0]) * SECTOR);
			assertThat(
					counter(service, "iothread_device_bytes_total", "device=\"" + device + "\"", "operation=\"write\"")
							- written)
				.isEqualTo((after[1] - before[1]) * SECTOR);
		});
		try (Monitor monitor = guest.qemu().monitor()) {
			String node = disk.equals("vda") ? "disk0" : "disk1";
			JsonNode stats = null;
			for (JsonNode each : monitor.execute("query-blockstats")) {
				stats = each.path("node-name").asString("").equals(node) ? each.path("stats") : stats;
			}
			assertThat(stats).isNotNull();
			assertThat(counter(service, "iothread_device_operations_total", "device=\"" + device + "\"",
					"operation=\"write\""))
				.isEqualTo(stats.path("wr_operations").asDouble());
		}
	}

	/**
	 * The sectors that a guest has read from a disk and written to it (docs: the kernel's
	 * block/stat).
	 */
	private static long[] sectors(Guest guest, String disk) {
		String[] fields = guest.run("cat /sys/block/%s/stat".formatted(disk)).strip().split("\\s+");
		return new long[] { Long.parseLong(fields[2]), Long.parseLong(fields[6]) };
	}

	private static double counter(RunningService service, String name, String... labels) {
		return service.metrics()
			.stream()
			.filter((line) -> line.startsWith(name + "{") && List.of(labels).stream().allMatch(line::contains))
			.mapToDouble((line) -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
			.sum();
	}

	private static double seconds(RunningService service, String iothread) {
		return counter(service, "iothread_cpu_seconds_total", "iothread=\"" + iothread + "\"");
	}

	// docs: proc(5), in hundredths of a second
	private static double seconds(long processId, long threadId) throws IOException {
		String stat = Files.readString(Path.of("/proc/%d/task/%d/stat".formatted(processId, threadId)));
		String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
		return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / 100.0;
	}

	private RunningService start(String interval, String... more) {
		List<String> args = new ArrayList<>(
				List.of("--iothreads.security.anonymous=operator", "--iothreads.discovery.directory=" + this.directory,
						"--iothreads.refresh-interval=" + interval, "--iothreads.timeouts.detach=20s"));
		args.addAll(List.of(more));
		RunningService service = RunningService.start(args.toArray(String[]::new));
		await().atMost(DEADLINE).until(() -> service.state("vm1").equals("up"));
		return service;
	}

	@FunctionalInterface
	private interface GuestTest {

		void run(GuestAndServiceTests each, QemuBinary binary) throws Throwable;

	}

}
