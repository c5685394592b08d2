package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorException;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.abort;

/**
 * A device that QEMU lists and does not answer for is not absent. QEMU 10.0 makes such
 * devices; that of a script is what any QEMU may make.
 */
class UnreadableDeviceTests {

	@EveryQemu
	void aDeviceWhoseIdIsAPathIsListedAndNoIOThreadIsRemoved(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.nativeHotplug()
			.ports(1)
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			plugOrAbort(binary, monitor, Map.of("driver", "virtio-blk-pci", "id", "vol/data", "drive", "disk0", "bus",
					"rp1", "iothread", "io0"));
			assertUnreadable(vm.read(), "vol/data", "virtio-blk-pci");
			assertUnreadable(vm.read(), "vol/data", "virtio-blk-pci");
			assertThatExceptionOfType(ChangeRefusedException.class)
				.isThrownBy(() -> vm.machine().changes().removeIOThread("io1"))
				.satisfies((refused) -> {
					assertThat(refused.reason()).isEqualTo(ChangeRefusedException.Reason.IOTHREAD_IN_USE);
					assertThat(refused.attached()).extracting(Attachment::id).containsExactly("vol/data");
				});
			assertThatExceptionOfType(ChangeRefusedException.class)
				.isThrownBy(() -> vm.machine().changes().detach("vol/data", false))
				.withMessageContaining("shut down");
		}
	}

	@EveryQemu
	void anEmptyIdIsListedToo(QemuBinary binary) {
		try (Qemu qemu = Args.none().nativeHotplug().ports(1).iothread("io0").disk("disk0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			plugOrAbort(binary, monitor,
					Map.of("driver", "virtio-blk-pci", "id", "", "drive", "disk0", "bus", "rp1", "iothread", "io0"));
			assertUnreadable(vm.read(), "", "virtio-blk-pci");
		}
	}

	@EveryQemu
	void anIdThatLeadsIntoAnotherDeviceIsNotTakenForThat(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.nativeHotplug()
			.ports(1)
			.iothread("io0")
			.disk("disk0")
			.disk("disk1")
			.device("virtio-blk-pci,id=blk0,drive=disk0")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			plugOrAbort(binary, monitor, Map.of("driver", "virtio-blk-pci", "id", "blk0/virtio-backend", "drive",
					"disk1", "bus", "rp1", "iothread", "io0"));
			assertUnreadable(vm.read(), "blk0/virtio-backend", "virtio-blk-pci");
		}
	}

	@EveryQemu
	void ofATypeThatNeverRunsOnAnIOThreadItIsNoObstacle(QemuBinary binary) {
		try (Qemu qemu = Args.none().nativeHotplug().ports(1).iothread("io0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			plugOrAbort(binary, monitor, Map.of("driver", "virtio-keyboard-pci", "id", "a/b", "bus", "rp1"));
			assertThat(vm.read().devices()).isEmpty();
			vm.machine().changes().removeIOThread("io0");
			assertThat(vm.read().iothreads()).isEmpty();
		}
	}

	@Test
	void aDeviceThatIsListedAgainAndDoesNotAnswerIsUnreadable() {
		ScriptedQemu qemu = ScriptedQemu.create()
			.iothreads("[{\"id\": \"io0\", \"thread-id\": 7}]")
			.disk("good", "io0")
			.disk("bad", "io0")
			.replying("qom-get /machine/peripheral/bad iothread",
					ScriptedQemu.refusal("GenericError", "Object path '/machine/peripheral/bad' not found"));
		try (ScriptedMonitor monitor = qemu.listen(); Watched vm = Watched.at(monitor.address())) {
			Snapshot snapshot = vm.read();
			assertUnreadable(snapshot, "bad", "virtio-blk-pci");
			assertThat(snapshot.attachedCount()).isEqualTo(1);
		}
	}

	@Test
	void anObjectThatDoesNotAnswerIsUnreadableToo() {
		ScriptedQemu qemu = ScriptedQemu.create()
			.iothreads("[{\"id\": \"io0\", \"thread-id\": 7}]")
			.object("/objects", "compare0", "colo-compare", "iothread", "\"/objects/io0\"")
			.replying("qom-get /objects/compare0 iothread",
					ScriptedQemu.refusal("GenericError", "Object path '/objects/compare0' not found"));
		try (ScriptedMonitor monitor = qemu.listen(); Watched vm = Watched.at(monitor.address())) {
			assertUnreadable(vm.read(), "compare0", "colo-compare");
		}
	}

	@Test
	void aDeviceOfATypeThatNothingTellsIsUnreadable() {
		ScriptedQemu qemu = ScriptedQemu.create()
			.object("/machine/peripheral", "odd", "virtio-odd-pci")
			.replying("qom-list /machine/peripheral/odd", ScriptedQemu.refusal("DeviceNotFound", "not found"));
		try (ScriptedMonitor monitor = qemu.listen(); Watched vm = Watched.at(monitor.address())) {
			assertUnreadable(vm.read(), "odd", "virtio-odd-pci");
		}
	}

	private static void assertUnreadable(Snapshot snapshot, String id, String driver) {
		assertThat(snapshot.devices()).filteredOn((device) -> device.state() == DeviceState.UNREADABLE)
			.extracting(Device::id, Device::driver, Device::iothreads)
			.containsExactly(tuple(id, driver, List.of()));
		assertThat(snapshot.device(id).orElseThrow().reason()).contains("may run on any IOThread");
	}

	private static void plugOrAbort(QemuBinary binary, Monitor monitor, Map<String, ?> device) {
		try {
			Args.plug(monitor, device);
		}
		catch (MonitorException ex) {
			abort(binary + " takes no such id: " + ex.getMessage());
		}
	}

}
