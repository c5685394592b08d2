package dev.iothreads.qemu;

import java.util.Map;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Device;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

/**
 * Which IOThreads are not removed because of a block export, and what becomes of drives.
 */
class BlockExportTests {

	@EveryQemu
	void anExportOfADevicesNodeIsOnlyInTheWayOfItsIOThread(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0,share-rw=on")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			vm.read();
			export(monitor, "disk0");
			vm.machine().changes().removeIOThread("io1");
			assertThat(vm.read().iothread("io1")).isEmpty();
		}
	}

	@EveryQemu
	void anExportOfAScsiDisksNodeIsOnlyInTheWayOfItsControllersIOThread(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.device("virtio-scsi-pci,id=scsi0,iothread=io0")
			.device("scsi-hd,id=hd0,drive=disk0,bus=scsi0.0,share-rw=on")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			vm.read();
			export(monitor, "disk0");
			vm.machine().changes().removeIOThread("io1");
			assertThat(vm.read().iothread("io1")).isEmpty();
		}
	}

	@EveryQemu
	void anExportOfAFreeNodeIsInTheWayOfAllUnlessForced(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").disk("disk0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			vm.read();
			export(monitor, "disk0");
			assertThatExceptionOfType(ChangeRefusedException.class)
				.isThrownBy(() -> vm.machine().changes().removeIOThread("io0"))
				.withMessageContainingAll("may run on IOThread io0", "with force", "QEMU 7.2 aborts")
				.satisfies((refused) -> assertThat(refused.attached()).extracting(Attachment::kind, Attachment::id)
					.containsExactly(tuple("block-export", "exp0")));
			vm.machine().changes().removeIOThread("io0", true);
			assertThat(vm.read().iothreads()).isEmpty();
		}
	}

	@EveryQemu
	void aForcedRemovalStillLeavesWhatADeviceRunsOn(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			assertThatExceptionOfType(ChangeRefusedException.class)
				.isThrownBy(() -> vm.machine().changes().removeIOThread("io0", true));
		}
	}

	@EveryQemu
	void aDriveOfTheOldKindGoesWithItsDevice(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.nativeHotplug()
			.ports(2)
			.iothread("io0")
			.disk("disk0")
			.add("-drive", "if=none,id=drive0,driver=null-co,size=1048576,read-zeroes=on")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			Args.plug(monitor, Map.of("driver", "virtio-blk-pci", "id", "blk0", "drive", "drive0", "iothread", "io0",
					"bus", "rp1"));
			Args.plug(monitor, Map.of("driver", "virtio-blk-pci", "id", "blk1", "drive", "disk0", "iothread", "io0",
					"bus", "rp2"));
			assertThat(vm.read().devices()).extracting(Device::id, Device::driveGoesWithIt)
				.containsExactly(tuple("blk0", true), tuple("blk1", false));
			Args.unplug(monitor, "blk0");
			Args.unplug(monitor, "blk1");
			assertThat(
					monitor.execute("query-block").valueStream().map((backend) -> backend.path("device").asString("")))
				.doesNotContain("drive0");
			assertThat(monitor.execute("query-named-block-nodes", Map.of("flat", true))
				.valueStream()
				.map((node) -> node.path("node-name").asString(""))).contains("disk0");
		}
	}

	private static void export(Monitor monitor, String node) {
		monitor.execute("nbd-server-start",
				Map.of("addr", Map.of("type", "inet", "data", Map.of("host", "127.0.0.1", "port", "0"))));
		monitor.execute("block-export-add", Map.of("type", "nbd", "id", "exp0", "node-name", node));
	}

}
