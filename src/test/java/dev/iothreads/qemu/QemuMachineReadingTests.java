package dev.iothreads.qemu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorException;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * What a QEMU shows that no client changes meanwhile.
 */
class QemuMachineReadingTests {

	@EveryQemu
	void eachKindOfDeviceIsCountedOnItsIOThread(QemuBinary binary) {
		try (Qemu qemu = ordinary().start(binary); Watched vm = Watched.at(qemu.socket())) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.iothreads()).extracting(IOThread::id).containsExactly("io0", "io1", "io2");
			assertThat(attached(snapshot, "io0")).containsExactly("/machine/peripheral/blk0/virtio-backend",
					"/machine/peripheral/scsi0/virtio-backend");
			assertThat(attached(snapshot, "io1")).containsExactly("/machine/peripheral-anon/device[0]/virtio-backend",
					"/machine/peripheral/balloon0/virtio-backend");
			assertThat(attached(snapshot, "io2")).isEmpty();
			assertThat(snapshot.attachedCount()).isEqualTo(4);
			assertThat(snapshot.qemuVersion()).isEqualTo(binary.version());
			assertThat(snapshot.managedBy()).isNull();
		}
	}

	@EveryQemu
	void eachDeviceIsDescribedOnceAndOthersAreLeftOut(QemuBinary binary) {
		try (Qemu qemu = ordinary().start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().devices())
				.extracting(Device::qomPath, Device::id, Device::driver, Device::iothreads, Device::state,
						Device::reason, Device::drive)
				.containsExactly(
						tuple("/machine/peripheral-anon/device[0]/virtio-backend", "device[0]", "virtio-blk-pci",
								List.of("io1"), DeviceState.ATTACHED, null, "disk1"),
						tuple("/machine/peripheral/balloon0/virtio-backend", "balloon0", "virtio-balloon-pci",
								List.of("io1"), DeviceState.ATTACHED, null, null),
						tuple("/machine/peripheral/blk0/virtio-backend", "blk0", "virtio-blk-pci", List.of("io0"),
								DeviceState.ATTACHED, null, "disk0"),
						tuple("/machine/peripheral/main0/virtio-backend", "main0", "virtio-blk-pci", List.of(),
								DeviceState.MAIN_LOOP, null, "disk2"),
						tuple("/machine/peripheral/scsi0/virtio-backend", "scsi0", "virtio-scsi-pci", List.of("io0"),
								DeviceState.ATTACHED, null, null));
		}
	}

	@EveryQemu
	void nothingIsOtherwiseThanItLooksToWhoAsksEveryObject(QemuBinary binary) {
		try (Qemu qemu = ordinary().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(monitor));
			assertThat(Picture.of(vm.read())).as("from what is remembered").isEqualTo(Picture.of(monitor));
		}
	}

	// Settings by hand: io1 is given all of them, none as QEMU would choose it.
	@EveryQemu
	void settingsAreThoseTheIOThreadWasGiven(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io1", "poll-max-ns=65536", "poll-grow=4", "poll-shrink=3", "aio-max-batch=7",
					"thread-pool-min=5", "thread-pool-max=9")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().iothreads().get(0).settings().values())
				.containsEntry(IOThreadProperty.POLL_MAX_NS, 65536L)
				.containsEntry(IOThreadProperty.POLL_GROW, 4L)
				.containsEntry(IOThreadProperty.POLL_SHRINK, 3L)
				.containsEntry(IOThreadProperty.AIO_MAX_BATCH, 7L)
				.containsEntry(IOThreadProperty.THREAD_POOL_MIN, 5L)
				.containsEntry(IOThreadProperty.THREAD_POOL_MAX, 9L);
		}
	}

	@EveryQemu
	void thePollWeightIsThereWhereThatQemuHasIt(QemuBinary binary) {
		boolean known = binary.isAtLeast(11, 1);
		try (Qemu qemu = (known ? Args.none().iothread("io0", "poll-weight=5") : Args.none().iothread("io0"))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().iothreads().get(0).settings().get(IOThreadProperty.POLL_WEIGHT))
				.isEqualTo(known ? 5L : null);
		}
	}

	@EveryQemu
	void valuesAsLargeAsQemuTakesThemAreKept(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0", "poll-max-ns=9223372036854775807", "aio-max-batch=9223372036854775807")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().iothreads().get(0).settings().values())
				.containsEntry(IOThreadProperty.POLL_MAX_NS, Long.MAX_VALUE)
				.containsEntry(IOThreadProperty.AIO_MAX_BATCH, Long.MAX_VALUE);
		}
	}

	@EveryQemu
	void theThreadIsOneOfTheProcess(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").iothread("io1").start(binary);
				Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().iothreads()).extracting(IOThread::threadId)
				.doesNotHaveDuplicates()
				.allSatisfy((id) -> assertThat(Path.of("/proc/" + qemu.pid() + "/task/" + id)).exists());
		}
	}

	@EveryQemu
	void aMachineWithoutIOThreadsAndDevicesIsEmpty(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Watched vm = Watched.at(qemu.socket())) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.iothreads()).isEmpty();
			assertThat(snapshot.devices()).isEmpty();
			assertThat(snapshot.attachedCount()).isZero();
		}
	}

	@EveryQemu
	void aMappedDeviceCountsOnceOnEachOfItsIOThreads(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.iothread("io1")
			.iothread("io2")
			.disk("disk0")
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0"),
					List.of(Map.of("iothread", "io0"), Map.of("iothread", "io2")))
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			Snapshot snapshot = vm.read();
			assertThat(attached(snapshot, "io0")).containsExactly("/machine/peripheral/blk0/virtio-backend");
			assertThat(attached(snapshot, "io1")).isEmpty();
			assertThat(attached(snapshot, "io2")).containsExactly("/machine/peripheral/blk0/virtio-backend");
			assertThat(snapshot.device("blk0").orElseThrow().iothreads()).containsExactly("io0", "io2");
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
		}
	}

	@EveryQemu
	void aDeviceWithManyVirtqueuesOnAnIOThreadCountsOnceThere(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0", "num-queues", 4),
					List.of(Map.of("iothread", "io0", "vqs", List.of(0, 1, 3)),
							Map.of("iothread", "io1", "vqs", List.of(2))))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			Snapshot snapshot = vm.read();
			assertThat(attached(snapshot, "io0")).hasSize(1);
			assertThat(attached(snapshot, "io1")).hasSize(1);
			assertThat(snapshot.attachedCount()).isEqualTo(2);
		}
	}

	@EveryQemu
	void aMappingOverASingleIOThreadCountsOnce(QemuBinary binary) {
		assumeMapping(binary, "virtio-blk-pci");
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0"), List.of(Map.of("iothread", "io0")))
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().attachedCount()).isEqualTo(1);
		}
	}

	@EveryQemu
	void aScsiControllerMayBeMappedToo(QemuBinary binary) {
		assumeMapping(binary, "virtio-scsi-pci");
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.iothread("io1")
			.mapped("virtio-scsi-pci", "scsi0", Map.of(), List.of(Map.of("iothread", "io0"), Map.of("iothread", "io1")))
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.device("scsi0").orElseThrow().iothreads()).containsExactly("io0", "io1");
			assertThat(snapshot.attachedCount()).isEqualTo(2);
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
		}
	}

	@EveryQemu
	void theDisksOfAScsiControllerAreNotDevicesOfTheirOwn(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.disk("disk1")
			.device("virtio-scsi-pci,id=scsi0,iothread=io0")
			.device("scsi-hd,id=hd0,drive=disk0,bus=scsi0.0")
			.device("scsi-hd,drive=disk1,bus=scsi0.0")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().devices()).extracting(Device::id).containsExactly("scsi0");
		}
	}

	@EveryQemu
	void devicesThatNoIOThreadServesAreNotListed(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.disk("disk1")
			.add("-chardev", "null,id=null0", "-netdev", "hubport,id=net0,hubid=0")
			.ports(2)
			.device("virtio-rng-pci,id=rng0")
			.device("virtio-serial-pci,id=serial0")
			.device("virtserialport,chardev=null0,id=port0")
			.device("virtio-net-pci,netdev=net0,id=nic0")
			.device("nvme,drive=disk0,serial=1,id=nvme0")
			.device("qemu-xhci,id=usb0")
			.device("usb-storage,drive=disk1,id=stick0")
			.device("virtio-keyboard-pci")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().devices()).isEmpty();
		}
	}

	@EveryQemu
	void transitionalDriversAreListedUnderTheirOwnNames(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.disk("disk1")
			.device("virtio-blk-pci-transitional,id=blk0,drive=disk0,iothread=io0")
			.device("virtio-blk-pci-non-transitional,id=blk1,drive=disk1,iothread=io0")
			.device("virtio-scsi-pci-non-transitional,id=scsi0,iothread=io0")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.iothreads().get(0).attached()).extracting(Attachment::driver)
				.containsExactly("virtio-blk-pci-transitional", "virtio-blk-pci-non-transitional",
						"virtio-scsi-pci-non-transitional");
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
		}
	}

	@EveryQemu
	void aDriveOfTheOldKindGoesByItsOwnName(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.add("-drive", "if=none,id=drive0,driver=null-co,size=1048576,read-zeroes=on")
			.device("virtio-blk-pci,id=blk0,drive=drive0,iothread=io0")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().device("blk0").orElseThrow().drive()).isEqualTo("drive0");
		}
	}

	@EveryQemu
	void idsAreSortedAndOddOnesAreKeptAsTheyAre(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.iothread("Z")
			.iothread("a.b-c_9")
			.iothread("io10")
			.iothread("io9")
			.disk("disk0")
			.device("virtio-blk-pci,id=x.y-z_1,drive=disk0,iothread=a.b-c_9")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.iothreads()).extracting(IOThread::id).containsExactly("Z", "a.b-c_9", "io9", "io10");
			assertThat(snapshot.iothread("a.b-c_9").orElseThrow().attached()).extracting(Attachment::id)
				.containsExactly("x.y-z_1");
		}
	}

	// QEMU 10.0 takes any text for the id of a device that is plugged in.
	@EveryQemu
	void anIdThatIsNoIdentifierIsKeptAsItIs(QemuBinary binary) {
		try (Qemu qemu = Args.none().nativeHotplug().ports(1).iothread("io0").disk("disk0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			String id = "1 | \u00e9 \" [0]";
			try {
				Args.plug(monitor, Map.of("driver", "virtio-blk-pci", "id", id, "drive", "disk0", "bus", "rp1",
						"iothread", "io0"));
			}
			catch (MonitorException ex) {
				abort(binary + " takes no such id: " + ex.getMessage());
			}
			Snapshot snapshot = vm.read();
			assertThat(snapshot.devices()).extracting(Device::id).containsExactly(id);
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
		}
	}

	@EveryQemu
	void anOldPcIsReadLikeAnyOther(QemuBinary binary) {
		try (Qemu qemu = ordinary().add("-machine", "pc").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			assertThat(Args.qomGet(monitor, "/machine", "type").asString()).startsWith("pc-i440fx");
			Snapshot snapshot = vm.read();
			assertThat(snapshot.attachedCount()).isEqualTo(4);
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
		}
	}

	// Without KVM nothing but a balloon runs on an IOThread there before QEMU 10.
	@EveryQemu
	void aDeviceThatIsNoProxyIsItsOwnWorker(QemuBinary binary, @TempDir Path directory) throws IOException {
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.device("virtio-balloon-device,id=balloon0,iothread=io0,free-page-hint=on")
			.device("virtio-blk-device,drive=disk0")
			.start(microvm(binary, directory));
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			assertThat(Args.qomGet(monitor, "/machine", "type").asString()).startsWith("microvm");
			Snapshot snapshot = vm.read();
			assertThat(attached(snapshot, "io0")).containsExactly("/machine/peripheral/balloon0");
			assertThat(snapshot.devices()).extracting(Device::qomPath, Device::driver, Device::drive)
				.containsExactly(tuple("/machine/peripheral-anon/device[0]", "virtio-blk-device", "disk0"),
						tuple("/machine/peripheral/balloon0", "virtio-balloon-device", null));
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
		}
	}

	@EveryQemu
	void aDiskWithoutAProxyRunsOnItsIOThread(QemuBinary binary, @TempDir Path directory) throws IOException {
		Args args = Args.none()
			.iothread("io0")
			.disk("disk0")
			.device("virtio-blk-device,id=blk0,drive=disk0,iothread=io0")
			.device("virtio-scsi-device,id=scsi0,iothread=io0");
		try (Qemu qemu = startedUnlessItNeedsKvm(args, microvm(binary, directory));
				Watched vm = Watched.at(qemu.socket())) {
			assertThat(attached(vm.read(), "io0")).containsExactly("/machine/peripheral/blk0",
					"/machine/peripheral/scsi0");
		}
	}

	private static Qemu startedUnlessItNeedsKvm(Args args, QemuBinary binary) {
		try {
			return args.start(binary);
		}
		catch (IllegalStateException ex) {
			assumeFalse(ex.getMessage().contains("ioeventfd is required for iothread"),
					binary + " has ioeventfds with KVM only");
			throw ex;
		}
	}

	@EveryQemu
	void whatAnotherClientHasJustDoneIsInTheNextReading(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			Snapshot before = vm.read();
			Args.addIOThread(monitor, "late");
			Snapshot after = vm.read();
			assertThat(after.iothreads()).extracting(IOThread::id).containsExactly("io0", "late");
			assertThat(before.iothreads()).as("what was read before").extracting(IOThread::id).containsExactly("io0");
		}
	}

	private static Args ordinary() {
		return Args.none()
			.iothread("io1", "poll-max-ns=65536", "poll-grow=4", "poll-shrink=3", "aio-max-batch=7",
					"thread-pool-min=5", "thread-pool-max=9")
			.iothread("io0")
			.iothread("io2")
			.disk("disk0")
			.disk("disk1")
			.disk("disk2")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0")
			.device("virtio-blk-pci,drive=disk1,iothread=io1")
			.device("virtio-blk-pci,id=main0,drive=disk2")
			.device("virtio-scsi-pci,id=scsi0,iothread=io0")
			.device("virtio-balloon-pci,id=balloon0,iothread=io1,free-page-hint=on")
			.device("virtio-rng-pci,id=rng0");
	}

	private static void assumeMapping(QemuBinary binary, String driver) {
		assumeTrue(Args.supportsMapping(binary, driver), binary + " has no iothread-vq-mapping for " + driver);
	}

	// The machine of the tests' QEMUs has options that a microvm does not take.
	private static QemuBinary microvm(QemuBinary binary, Path directory) throws IOException {
		Path script = directory.resolve("microvm");
		Files.createFile(script, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
		Files.writeString(script, """
				#!/bin/sh
				for arg; do
					shift
					case "$arg" in q35,*) arg=microvm ;; esac
					set -- "$@" "$arg"
				done
				exec %s "$@"
				""".formatted(binary.path()));
		return new QemuBinary(script, binary.version());
	}

	private static List<String> attached(Snapshot snapshot, String iothread) {
		return snapshot.iothread(iothread).orElseThrow().attached().stream().map(Attachment::place).toList();
	}

}
