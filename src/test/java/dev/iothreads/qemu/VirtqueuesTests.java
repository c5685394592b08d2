package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.jspecify.annotations.Nullable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * Which virtqueues of a mapped device each IOThread serves.
 */
class VirtqueuesTests {

	@EveryQemu
	void anIOThreadBeyondTheLastVirtqueueServesNoneAndIsInUse(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = machine()
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0", "num-queues", 2), over("io0", "io1", "io2"))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			Snapshot snapshot = vm.read();
			assertThat(virtqueues(snapshot, "io0")).containsExactly(0);
			assertThat(virtqueues(snapshot, "io1")).containsExactly(1);
			assertThat(virtqueues(snapshot, "io2")).isEmpty();
			assertThat(snapshot.attachedCount()).isEqualTo(3);
		}
	}

	@EveryQemu
	void virtqueuesAreDealtInTurn(QemuBinary binary) {
		assumeMapping(binary, "virtio-scsi-pci");
		try (Qemu qemu = machine().mapped("virtio-scsi-pci", "scsi0", Map.of("num_queues", 5), over("io1", "io0"))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(virtqueues(vm.read(), "io1")).containsExactly(0, 2, 4);
			assertThat(virtqueues(vm.read(), "io0")).containsExactly(1, 3);
		}
	}

	@EveryQemu
	void withoutANumberThereIsOneForEachVcpu(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = machine().add("-smp", "3")
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0"), over("io0", "io1"))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(virtqueues(vm.read(), "io0")).containsExactly(0, 2);
			assertThat(virtqueues(vm.read(), "io1")).containsExactly(1);
		}
	}

	@EveryQemu
	void thoseThatAMappingNamesAreTaken(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = machine().mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0", "num-queues", 4),
				List.of(Map.of("iothread", "io0", "vqs", List.of(0, 1, 3)),
						Map.of("iothread", "io1", "vqs", List.of(2))))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(virtqueues(vm.read(), "io0")).containsExactly(0, 1, 3);
			assertThat(virtqueues(vm.read(), "io1")).containsExactly(2);
		}
	}

	@EveryQemu
	void ofADeviceThatIsNotMappedNothingIsSaid(QemuBinary binary) {
		try (Qemu qemu = machine().device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0").start(binary);
				Watched vm = Watched.at(qemu.socket())) {
			assertThat(virtqueues(vm.read(), "io0")).isNull();
		}
	}

	@EveryQemu
	void moreIOThreadsThanVirtqueuesAreRefusedWithTheNumber(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = machine().nativeHotplug().ports(1).add("-smp", "2").start(binary);
				Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			assertThatExceptionOfType(InvalidRequestException.class)
				.isThrownBy(() -> vm.machine().changes().attach(disk(Map.of())))
				.withMessageContaining("(3) than the device has virtqueues (2)");
			assertThatExceptionOfType(InvalidRequestException.class)
				.isThrownBy(() -> vm.machine().changes().attach(disk(Map.of(DeviceProperty.NUM_QUEUES, 1L))))
				.withMessageContaining("(3) than the device has virtqueues (1)");
			vm.machine().changes().attach(disk(Map.of(DeviceProperty.NUM_QUEUES, 3L)));
			assertThat(virtqueues(vm.read(), "io2")).containsExactly(2);
		}
	}

	private static NewDevice disk(Map<DeviceProperty, Object> properties) {
		return new NewDevice("blk0", "virtio-blk-pci", List.of("io0", "io1", "io2"), "disk0", null, properties);
	}

	private static Args machine() {
		return Args.none().iothread("io0").iothread("io1").iothread("io2").disk("disk0");
	}

	private static List<Map<String, ?>> over(String... iothreads) {
		return List.of(iothreads).stream().<Map<String, ?>>map((id) -> Map.of("iothread", id)).toList();
	}

	private static @Nullable List<Integer> virtqueues(Snapshot snapshot, String iothread) {
		return snapshot.iothread(iothread).orElseThrow().attached().get(0).virtqueues();
	}

	private static void assumeMapping(QemuBinary binary, String driver) {
		assumeTrue(Args.supportsMapping(binary, driver), binary + " has no iothread-vq-mapping for " + driver);
	}

}
