package dev.iothreads.qemu;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

/**
 * Block nodes that an export, a job, another node or another device uses.
 */
class NodesInUseTests {

	@EveryQemu
	void anExportedNodeIsNotFree(QemuBinary binary, @TempDir Path directory) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			others.execute("nbd-server-start",
					Map.of("addr", Map.of("type", "unix", "data", Map.of("path", directory.resolve("n").toString()))));
			others.execute("block-export-add",
					Map.of("type", "nbd", "id", "exp0", "node-name", "disk0", "iothread", "io0"));
			assertRefused(vm, "disk0", "io1", "export exp0");
			assertThat(vm.machine().changes().attachable().drives()).containsExactly("disk1", "disk2");
		}
	}

	@EveryQemu
	void aNodeBeneathAnotherIsNotFree(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			others.execute("blockdev-add", Map.of("driver", "copy-on-read", "node-name", "top0", "file", "disk0"));
			assertRefused(vm, "disk0", "io1", "node top0");
			assertThat(vm.machine().changes().attachable().drives()).containsExactly("disk1", "disk2", "top0");
		}
	}

	@EveryQemu
	void aNodeOfAJobIsNotFree(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			others.execute("blockdev-mirror",
					Map.of("job-id", "job0", "device", "disk0", "target", "disk1", "sync", "none"));
			assertRefused(vm, "disk1", "io1", "job job0");
			assertThat(vm.machine().changes().attachable().drives()).containsExactly("disk2");
		}
	}

	@EveryQemu
	void aSharedNodeHasOneIOThreadBelowQemu11(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			vm.machine().changes().attach(shared("blk0", "io0"));
			vm.read();
			if (!binary.isAtLeast(11, 0)) {
				assertThatExceptionOfType(ChangeRefusedException.class)
					.isThrownBy(() -> vm.machine().changes().attach(shared("blk1", "io1")))
					.withMessageContaining("blk0 on IOThread io0")
					.matches((refused) -> refused.reason() == ChangeRefusedException.Reason.NODE_IN_USE);
			}
			vm.machine().changes().attach(shared("blk2", "io0"));
			assertThat(vm.read().devices()).hasSize(2);
			vm.machine().changes().detach("blk0").join();
			assertThat(vm.read().devices()).hasSize(1);
		}
	}

	@EveryQemu
	void aNodeOfAScsiDiskIsOnItsControllersIOThread(QemuBinary binary) {
		assumeThat(binary.isAtLeast(11, 0)).as("QEMU 11 serves a node from several places").isFalse();
		try (Qemu qemu = machine().device("virtio-scsi-pci,id=scsi0,iothread=io0")
			.device("scsi-hd,id=hd0,bus=scsi0.0,drive=disk0,share-rw=on")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			assertThatExceptionOfType(ChangeRefusedException.class)
				.isThrownBy(() -> vm.machine().changes().attach(shared("blk0", "io1")))
				.withMessageContaining("hd0 on IOThread io0")
				.matches((refused) -> refused.reason() == ChangeRefusedException.Reason.NODE_IN_USE);
		}
	}

	private static Args machine() {
		return Args.none()
			.nativeHotplug()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.disk("disk1")
			.disk("disk2")
			.ports(3);
	}

	private static NewDevice shared(String id, String iothread) {
		return new NewDevice(id, "virtio-blk-pci", List.of(iothread), "disk0", null,
				Map.of(DeviceProperty.SHARE_RW, true));
	}

	private static void assertRefused(Watched vm, String drive, String iothread, String user) {
		assertThatExceptionOfType(ChangeRefusedException.class)
			.isThrownBy(() -> vm.machine()
				.changes()
				.attach(new NewDevice("blk0", "virtio-blk-pci", List.of(iothread), drive, null, Map.of())))
			.withMessageContaining(user)
			.matches((refused) -> refused.reason() == ChangeRefusedException.Reason.NODE_IN_USE);
	}

}
