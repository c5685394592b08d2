package dev.iothreads.metrics;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

/**
 * What QEMU counts, and for which device.
 */
class IoOnQemuTests {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	@TempDir
	private Path directory;

	@EveryQemu
	void whatAGuestWritesIsCountedToTheByte(QemuBinary binary) {
		int writes = 40;
		Path image = BootSector.image(this.directory.resolve("boot.img"), writes, false);
		try (Qemu qemu = Qemu.of(binary).args(BootSector.args(image)).start();
				Watched watched = Watched.at(qemu.socket())) {
			assertThat(watched.io("blk0")).containsOnlyKeys(IoOperation.READ, IoOperation.WRITE, IoOperation.FLUSH,
					IoOperation.UNMAP);
			assertThat(watched.io("blk0").values()).containsOnly(IoCount.ZERO);
			try (Monitor monitor = qemu.monitor()) {
				monitor.execute("cont");
			}
			await().atMost(DEADLINE)
				.untilAsserted(
						() -> assertThat(watched.io("blk0").get(IoOperation.WRITE).operations()).isEqualTo(writes));
			IoCount written = watched.io("blk0").get(IoOperation.WRITE);
			assertThat(written.bytes()).isEqualTo((long) writes * BootSector.WRITE);
			assertThat(written.nanoseconds()).isPositive();
			IoCount read = watched.io("blk0").get(IoOperation.READ);
			assertThat(read.operations()).as("the BIOS reads the boot sector").isPositive();
			assertThat(read.bytes()).isGreaterThanOrEqualTo(512);
		}
	}

	@EveryQemu
	void whatAGuestWritesToADiskOfAScsiControllerIsTheControllers(QemuBinary binary) {
		int writes = 40;
		Path image = BootSector.image(this.directory.resolve("boot.img"), writes, false);
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=iothread0", "-blockdev", "file,node-name=boot,filename=" + image, "-device",
					"virtio-scsi-pci,id=scsi0,iothread=iothread0", "-device",
					"scsi-hd,id=hd0,drive=boot,bus=scsi0.0,bootindex=0")
			.start(); Watched watched = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			monitor.execute("cont");
			await().atMost(DEADLINE)
				.untilAsserted(
						() -> assertThat(watched.io("scsi0").get(IoOperation.WRITE).operations()).isEqualTo(writes));
			assertThat(watched.io("scsi0").get(IoOperation.WRITE).bytes()).isEqualTo((long) writes * BootSector.WRITE);
			Snapshot snapshot = watched.read();
			String controller = snapshot.device("scsi0").orElseThrow().qomPath();
			assertThat(snapshot.activity().io()).containsOnlyKeys(controller, "/machine/peripheral/hd0");
			assertThat(snapshot.activity().io().get("/machine/peripheral/hd0"))
				.isEqualTo(snapshot.activity().io().get(controller));
		}
	}

	@EveryQemu
	void whatADiskDidStaysItsScsiControllersWhenItGoes(QemuBinary binary) {
		assumeThat(binary.isAtLeast(9, 0)).as("before 9.0 the command qemu-io can hang beside an IOThread").isTrue();
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=iothread0", "-blockdev",
					"null-co,node-name=disk0,size=1048576,read-zeroes=on", "-blockdev",
					"null-co,node-name=disk1,size=1048576,read-zeroes=on", "-device",
					"virtio-scsi-pci,id=scsi0,iothread=iothread0", "-device", "scsi-hd,id=hd0,drive=disk0,bus=scsi0.0",
					"-device", "scsi-hd,drive=disk1,bus=scsi0.0")
			.start(); Watched watched = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			io(monitor, "/machine/peripheral/hd0", "aio_write 0 64k");
			io(monitor, "/machine/peripheral-anon/device[0]", "aio_write 0 4k");
			io(monitor, "/machine/peripheral-anon/device[0]", "aio_read 0 8k");
			io(monitor, "/machine/peripheral-anon/device[0]", "aio_flush");
			await().atMost(DEADLINE).untilAsserted(() -> {
				Map<IoOperation, IoCount> counts = watched.io("scsi0");
				assertThat(counts.get(IoOperation.WRITE).operations()).isEqualTo(2);
				assertThat(counts.get(IoOperation.WRITE).bytes()).isEqualTo(68 * 1024);
				assertThat(counts.get(IoOperation.READ).operations()).isEqualTo(1);
				assertThat(counts.get(IoOperation.READ).bytes()).isEqualTo(8 * 1024);
				assertThat(counts.get(IoOperation.FLUSH).operations()).isEqualTo(1);
			});
			monitor.execute("device_del", Map.of("id", "hd0"));
			monitor.awaitEvent("DEVICE_DELETED", (data) -> data.path("device").asString("").equals("hd0"), DEADLINE);
			io(monitor, "/machine/peripheral-anon/device[0]", "aio_write 0 4k");
			await().atMost(DEADLINE).untilAsserted(() -> {
				IoCount written = watched.io("scsi0").get(IoOperation.WRITE);
				assertThat(written.operations()).isEqualTo(3);
				assertThat(written.bytes()).isEqualTo(72 * 1024);
			});
			// Under its old id, and from zero.
			monitor.execute("device_add", Map.of("driver", "scsi-hd", "id", "hd0", "drive", "disk0", "bus", "scsi0.0"));
			io(monitor, "/machine/peripheral/hd0", "aio_write 0 8k");
			await().atMost(DEADLINE).untilAsserted(() -> {
				IoCount written = watched.io("scsi0").get(IoOperation.WRITE);
				assertThat(written.operations()).isEqualTo(4);
				assertThat(written.bytes()).isEqualTo(80 * 1024);
			});
		}
	}

	// No reading sees that the first one has gone.
	@EveryQemu
	void aDiskThatComesBackBetweenTwoReadingsAddsToWhatItsScsiControllerHasDone(QemuBinary binary) {
		assumeThat(binary.isAtLeast(9, 0)).as("before 9.0 the command qemu-io can hang beside an IOThread").isTrue();
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=iothread0", "-blockdev",
					"null-co,node-name=disk0,size=1048576,read-zeroes=on", "-device",
					"virtio-scsi-pci,id=scsi0,iothread=iothread0", "-device", "scsi-hd,id=hd0,drive=disk0,bus=scsi0.0")
			.start(); Watched watched = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			io(monitor, "/machine/peripheral/hd0", "aio_write 0 64k");
			await().atMost(DEADLINE)
				.untilAsserted(() -> assertThat(watched.io("scsi0").get(IoOperation.WRITE).operations()).isEqualTo(1));
			monitor.execute("device_del", Map.of("id", "hd0"));
			monitor.awaitEvent("DEVICE_DELETED", (data) -> data.path("device").asString("").equals("hd0"), DEADLINE);
			monitor.execute("device_add", Map.of("driver", "scsi-hd", "id", "hd0", "drive", "disk0", "bus", "scsi0.0"));
			io(monitor, "/machine/peripheral/hd0", "aio_write 0 4k");
			io(monitor, "/machine/peripheral/hd0", "aio_write 0 4k");
			await().atMost(DEADLINE).untilAsserted(() -> {
				Map<String, Map<IoOperation, IoCount>> io = watched.activity().io();
				assertThat(io.get("/machine/peripheral/hd0").get(IoOperation.WRITE).operations()).isEqualTo(2);
				assertThat(watched.io("scsi0").get(IoOperation.WRITE).operations()).isEqualTo(3);
				assertThat(watched.io("scsi0").get(IoOperation.WRITE).bytes()).isEqualTo(72 * 1024);
			});
		}
	}

	@EveryQemu
	void aDeviceOnTheMainLoopIsNotCounted(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=iothread0", "-blockdev", "null-co,node-name=disk0,size=1048576", "-blockdev",
					"null-co,node-name=disk1,size=1048576", "-device",
					"virtio-blk-pci,id=blk0,drive=disk0,iothread=iothread0", "-device",
					"virtio-blk-pci,id=blk1,drive=disk1")
			.start(); Watched watched = Watched.at(qemu.socket())) {
			Snapshot snapshot = watched.read();
			assertThat(snapshot.devices()).hasSize(2);
			assertThat(snapshot.activity().io()).containsOnlyKeys(PuppetMachine.path("blk0"));
		}
	}

	// QEMU counts where the requests of a guest come in: what else reads the node is
	// not the device's.
	@EveryQemu
	void whatABlockJobReadsIsNotTheDevices(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=iothread0", "-blockdev",
					"null-co,node-name=disk0,size=1048576,read-zeroes=on", "-blockdev",
					"null-co,node-name=target,size=1048576", "-device",
					"virtio-blk-pci,id=blk0,drive=disk0,iothread=iothread0")
			.start(); Watched watched = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			monitor.execute("blockdev-mirror",
					Map.of("job-id", "copy", "device", "disk0", "target", "target", "sync", "full"));
			monitor.awaitEvent("BLOCK_JOB_READY", (data) -> data.path("offset").asLong() == 1048576, DEADLINE);
			assertThat(watched.io("blk0").values()).containsOnly(IoCount.ZERO);
		}
	}

	// QEMU's own way to do I/O in a device's name: the aio_ commands count as a guest's
	// requests do, the others do not.
	private static void io(Monitor monitor, String device, String command) {
		monitor.execute("human-monitor-command",
				Map.of("command-line", "qemu-io -d %s \"%s\"".formatted(device, command)));
	}

}
