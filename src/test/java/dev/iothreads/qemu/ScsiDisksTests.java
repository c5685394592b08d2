package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Device;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.DiskImage;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Which disks are behind a SCSI controller.
 */
class ScsiDisksTests {

	private static final DiskImage EMPTY = new DiskImage(null, "null-co", 1 << 20);

	@EveryQemu
	void aControllerHasItsDisks(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(disks(vm, "scsi0")).containsExactly(
					new Disk("hd0", "scsi-hd", "/machine/peripheral/hd0", 0, 3, "disk0", false, EMPTY),
					new Disk("device[0]", "scsi-hd", "/machine/peripheral-anon/device[0]", 1, 0, "old", true, EMPTY),
					new Disk("cd0", "scsi-cd", "/machine/peripheral/cd0", 10, 0, null, false, null));
			assertThat(disks(vm, "scsi1"))
				.containsExactly(new Disk("hd1", "scsi-hd", "/machine/peripheral/hd1", 0, 0, "disk1", false, EMPTY));
			assertThat(vm.read().devices()).extracting(Device::id).containsExactly("scsi0", "scsi1");
			assertThat(vm.read().controllerOf("hd1")).get().extracting(Device::iothreads).isEqualTo(List.of("io1"));
		}
	}

	@EveryQemu
	void aDiskComesAndGoesAndIsAskedOnce(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.counting(new MonitorAddress.UnixAddress(proxy.socket()));
				Monitor others = qemu.monitor()) {
			vm.read();
			others.execute("device_del", Map.of("id", "hd1"));
			others.awaitEvent("DEVICE_DELETED", (data) -> data.path("device").asString("").equals("hd1"),
					Watched.LONGEST_WAIT);
			assertThat(disks(vm, "scsi1")).isEmpty();
			others.execute("device_add",
					Map.of("driver", "scsi-hd", "id", "hd1", "drive", "disk1", "bus", "scsi0.0", "lun", 7));
			assertThat(disks(vm, "scsi0"))
				.contains(new Disk("hd1", "scsi-hd", "/machine/peripheral/hd1", 0, 7, "disk1", false, EMPTY));
			proxy.takeCommands();
			for (int reading = 0; reading < 10; reading++) {
				assertThat(disks(vm, "scsi0")).hasSize(4);
				// The counts are asked for as well.
				assertThat(proxy.takeCommands()).contains("query-blockstats", "query-iothreads")
					.hasSizeLessThanOrEqualTo(binary.isAtLeast(10, 1) ? 3 : 4);
			}
		}
	}

	@EveryQemu
	void aDisksDriveIsTheOneItHasNow(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.counting(new MonitorAddress.UnixAddress(qemu.socket()));
				Monitor others = qemu.monitor()) {
			vm.read();
			others.execute("blockdev-add", Map.of("driver", "null-co", "node-name", "medium", "read-only", true));
			others.execute("blockdev-open-tray", Map.of("id", "cd0"));
			others.execute("blockdev-insert-medium", Map.of("id", "cd0", "node-name", "medium"));
			assertThat(disks(vm, "scsi0")).filteredOn((disk) -> disk.id().equals("cd0"))
				.extracting(Disk::drive)
				.containsExactly("medium");
		}
	}

	private static List<Disk> disks(Watched vm, String controller) {
		return vm.read().device(controller).orElseThrow().disks();
	}

	private static Args machine() {
		return Args.none()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.disk("disk1")
			.add("-drive", "if=none,id=old,driver=null-co,size=1048576")
			.device("virtio-scsi-pci,id=scsi0,iothread=io0")
			.device("virtio-scsi-pci,id=scsi1,iothread=io1")
			.device("scsi-cd,id=cd0,bus=scsi0.0,scsi-id=10")
			.device("scsi-hd,drive=old,bus=scsi0.0,scsi-id=1")
			.device("scsi-hd,id=hd0,drive=disk0,bus=scsi0.0,lun=3")
			.device("scsi-hd,id=hd1,drive=disk1,bus=scsi1.0");
	}

}
