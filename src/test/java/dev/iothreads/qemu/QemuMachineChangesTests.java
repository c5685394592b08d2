package dev.iothreads.qemu;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * What another client changes, on another monitor, between two readings.
 */
class QemuMachineChangesTests {

	@EveryQemu
	void aDeviceJustPluggedIsThere(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			assertThat(vm.read().attachedCount()).isZero();
			Args.plug(others, disk("blk0", "disk0", "rp1", "io1"));
			Snapshot snapshot = vm.read();
			assertThat(on(snapshot, "io1")).containsExactly("blk0");
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(others));
		}
	}

	@EveryQemu
	void aDeviceJustPluggedWithoutAnIdIsThere(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Args.plug(others, Map.of("driver", "virtio-blk-pci", "drive", "disk0", "bus", "rp1", "iothread", "io1"));
			Snapshot snapshot = vm.read();
			assertThat(on(snapshot, "io1")).containsExactly("device[0]");
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(others));
		}
	}

	@EveryQemu
	void aDeviceJustUnpluggedIsGone(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io1"));
			assertThat(vm.read().devices()).hasSize(1);
			Args.unplug(others, "blk0");
			Snapshot snapshot = vm.read();
			assertThat(snapshot.devices()).isEmpty();
			assertThat(snapshot.attachedCount()).isZero();
		}
	}

	@EveryQemu
	void aDeviceThatOthersUnpluggedWentUnasked(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io1"));
			Args.plug(others, disk("blk1", "disk1", "rp2", "io1"));
			Snapshot before = vm.read();
			assertThat(before.departures()).isEmpty();
			Args.unplug(others, "blk0");
			vm.machine().changes().detach("blk1").join();
			assertThat(vm.read().departures()).containsKey(before.device("blk0").orElseThrow().qomPath())
				.doesNotContainKey(before.device("blk1").orElseThrow().qomPath());
		}
	}

	@EveryQemu
	void anIdUsedAgainOnAnotherIOThreadIsThereAndNotOnTheFirst(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io0"));
			assertThat(on(vm.read(), "io0")).containsExactly("blk0");
			for (int round = 0; round < 10; round++) {
				String iothread = "io" + (round + 1) % 2;
				Args.unplug(others, "blk0");
				Args.plug(others, disk("blk0", "disk" + round % 3, "rp1", iothread));
				Snapshot snapshot = vm.read();
				assertThat(on(snapshot, iothread)).as("in round " + round).containsExactly("blk0");
				assertThat(Picture.of(snapshot)).as("in round " + round).isEqualTo(Picture.of(others));
			}
		}
	}

	@EveryQemu
	void anIdUsedAgainForAnotherDriverIsThatDriver(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("x", "disk0", "rp1", "io0"));
			vm.read();
			Args.unplug(others, "x");
			Args.plug(others, Map.of("driver", "virtio-scsi-pci", "id", "x", "bus", "rp1", "iothread", "io1"));
			assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(others));
			Args.unplug(others, "x");
			Args.plug(others, Map.of("driver", "virtio-rng-pci", "id", "x", "bus", "rp1"));
			assertThat(vm.read().devices()).isEmpty();
		}
	}

	@EveryQemu
	void anUnplugThatTheGuestHasYetToAgreeToChangesNothing(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").disk("disk0").ports(1).start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io0"));
			vm.read();
			others.execute("device_del", Map.of("id", "blk0"));
			assertThat(on(vm.read(), "io0")).containsExactly("blk0");
			others.execute("system_reset");
			others.awaitEvent("DEVICE_DELETED", (data) -> data.has("device"), Watched.LONGEST_WAIT);
			assertThat(vm.read().devices()).as("after the reset that ends it").isEmpty();
		}
	}

	@EveryQemu
	void listenersAreNotifiedOfAnUnplug(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io0"));
			vm.read();
			Notifications notified = Notifications.of(vm.machine());
			Args.unplug(others, "blk0");
			notified.await();
		}
	}

	@EveryQemu
	void listenersAreNotifiedOfAReset(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start();
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Notifications notified = Notifications.of(vm.machine());
			others.execute("system_reset");
			notified.await();
		}
	}

	@EveryQemu
	void anIOThreadAddedByOthersIsThereWithItsSettings(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			others.execute("object-add",
					Map.of("qom-type", "iothread", "id", "late", "poll-max-ns", 777, "thread-pool-max", 3));
			Snapshot snapshot = vm.read();
			assertThat(snapshot.iothread("late").orElseThrow().settings().values())
				.containsEntry(IOThreadProperty.POLL_MAX_NS, 777L)
				.containsEntry(IOThreadProperty.THREAD_POOL_MAX, 3L);
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(others));
		}
	}

	@EveryQemu
	void anIOThreadRemovedByOthersIsGone(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			assertThat(vm.read().iothreads()).extracting(IOThread::id).containsExactly("io0", "io1");
			Args.deleteObject(others, "io0");
			assertThat(vm.read().iothreads()).extracting(IOThread::id).containsExactly("io1");
		}
	}

	@EveryQemu
	void anIOThreadMadeAnewHasItsNewSettings(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0", "thread-pool-max=5").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Args.deleteObject(others, "io0");
			others.execute("object-add", Map.of("qom-type", "iothread", "id", "io0", "thread-pool-max", 6));
			assertThat(vm.read().iothreads().get(0).settings().get(IOThreadProperty.THREAD_POOL_MAX)).isEqualTo(6L);
		}
	}

	@EveryQemu
	void aDeviceIsOrphanedWhenItsIOThreadIsDeleted(QemuBinary binary) {
		try (Qemu qemu = withADisk().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Args.deleteObject(others, "io0");
			for (int reading = 0; reading < 3; reading++) {
				Device device = vm.read().device("blk0").orElseThrow();
				assertThat(device.state()).isEqualTo(DeviceState.ORPHANED);
				assertThat(device.iothreads()).isEmpty();
				assertThat(device.reason()).contains("io0").contains("Unplug it and plug it again");
			}
		}
	}

	@EveryQemu
	void anOrphanIsNotOnTheNewIOThreadOfThatId(QemuBinary binary) {
		try (Qemu qemu = withADisk().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Args.deleteObject(others, "io0");
			Args.addIOThread(others, "io0");
			Snapshot snapshot = vm.read();
			assertThat(on(snapshot, "io0")).isEmpty();
			assertThat(snapshot.device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ORPHANED);
		}
	}

	@EveryQemu
	void anOrphanThatIsPluggedAgainIsNoOrphan(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io0"));
			vm.read();
			Args.deleteObject(others, "io0");
			assertThat(vm.read().device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ORPHANED);
			Args.unplug(others, "blk0");
			Args.plug(others, disk("blk0", "disk1", "rp1", "io1"));
			assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(others));
		}
	}

	// A block job is no reason to believe what QEMU says of a link it has cleared.
	@EveryQemu
	void anOrphanStaysOneWhenABlockJobEnds(QemuBinary binary) {
		try (Qemu qemu = withADisk().disk("target").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Args.deleteObject(others, "io0");
			assertThat(vm.read().device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ORPHANED);
			Args.addDisk(others, "source");
			others.execute("blockdev-backup",
					Map.of("job-id", "job0", "device", "source", "target", "target", "sync", "none"));
			others.execute("block-job-cancel", Map.of("device", "job0"));
			awaitConcluded(others, "job0");
			Device device = vm.read().device("blk0").orElseThrow();
			assertThat(device.state()).isEqualTo(DeviceState.ORPHANED);
		}
	}

	@EveryQemu
	void theDriveIsTheOverlayInTheReadingAfterASnapshot(QemuBinary binary, @TempDir Path directory) {
		try (Qemu qemu = withADisk().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			assertThat(vm.read().device("blk0").orElseThrow().drive()).isEqualTo("disk0");
			others.execute("blockdev-snapshot-sync",
					Map.of("node-name", "disk0", "snapshot-file", directory.resolve("overlay.qcow2").toString(),
							"snapshot-node-name", "overlay0", "format", "qcow2"));
			assertThat(vm.read().device("blk0").orElseThrow().drive()).isEqualTo("overlay0");
		}
	}

	@EveryQemu
	void theThreadPoolIsInTheNextReadingAsOthersHaveTunedIt(QemuBinary binary) {
		assumeCommandToSpare(binary);
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			tune(others, "thread-pool-max", 7);
			tune(others, "thread-pool-min", 3);
			assertThat(vm.read().iothreads().get(0).settings().values())
				.containsEntry(IOThreadProperty.THREAD_POOL_MIN, 3L)
				.containsEntry(IOThreadProperty.THREAD_POOL_MAX, 7L);
		}
	}

	@EveryQemu
	void aMappingThatNamesAVanishedIOThreadIsAnOrphan(QemuBinary binary) {
		assumeMapping(binary);
		try (Qemu qemu = mapped().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Args.deleteObject(others, "io0");
			Snapshot snapshot = vm.read();
			Device device = snapshot.device("blk0").orElseThrow();
			assertThat(device.state()).isEqualTo(DeviceState.ORPHANED);
			assertThat(device.iothreads()).containsExactly("io1");
			assertThat(on(snapshot, "io1")).containsExactly("blk0");
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(others));
			Args.addIOThread(others, "io0");
			assertThat(on(vm.read(), "io0")).as("the new io0").isEmpty();
			assertThat(on(vm.read(), "io1")).containsExactly("blk0");
		}
	}

	@EveryQemu
	void aMappingToAVanishedIOThreadIsAnOrphanToWhoComesLater(QemuBinary binary) {
		assumeMapping(binary);
		try (Qemu qemu = mapped().start(binary); Monitor others = qemu.monitor()) {
			Args.deleteObject(others, "io0");
			try (Watched vm = Watched.at(qemu.socket())) {
				Device device = vm.read().device("blk0").orElseThrow();
				assertThat(device.state()).isEqualTo(DeviceState.ORPHANED);
				assertThat(device.iothreads()).containsExactly("io1");
				Args.addIOThread(others, "io0");
				assertThat(on(vm.read(), "io0")).as("the new io0").isEmpty();
			}
		}
	}

	@EveryQemu
	void settingsTunedByOthersAreInTheNextReading(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			tune(others, "poll-max-ns", 4321);
			tune(others, "poll-grow", 5);
			tune(others, "poll-shrink", 6);
			tune(others, "aio-max-batch", 7);
			assertThat(vm.read().iothreads().get(0).settings().values())
				.containsEntry(IOThreadProperty.POLL_MAX_NS, 4321L)
				.containsEntry(IOThreadProperty.POLL_GROW, 5L)
				.containsEntry(IOThreadProperty.POLL_SHRINK, 6L)
				.containsEntry(IOThreadProperty.AIO_MAX_BATCH, 7L);
		}
	}

	@EveryQemu
	void theDriveIsAnotherWhenAMirrorHasTakenItsPlace(QemuBinary binary) {
		try (Qemu qemu = withADisk().disk("target").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			assertThat(vm.read().device("blk0").orElseThrow().drive()).isEqualTo("disk0");
			others.execute("blockdev-mirror",
					Map.of("job-id", "job0", "device", "disk0", "target", "target", "sync", "none"));
			others.awaitEvent("BLOCK_JOB_READY", (data) -> true, Watched.LONGEST_WAIT);
			assertThat(vm.read().device("blk0").orElseThrow().drive()).as("beneath the job's filter")
				.isEqualTo("disk0");
			others.execute("job-complete", Map.of("id", "job0"));
			awaitConcluded(others, "job0");
			Snapshot snapshot = vm.read();
			assertThat(snapshot.device("blk0").orElseThrow().drive()).isEqualTo("target");
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(others));
		}
	}

	@EveryQemu
	void whatHappenedWhileNoClientWatchedIsSeenAfresh(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary); Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io0"));
			try (Watched vm = Watched.at(qemu.socket())) {
				assertThat(on(vm.read(), "io0")).containsExactly("blk0");
			}
			Args.unplug(others, "blk0");
			Args.plug(others, disk("blk0", "disk0", "rp1", "io1"));
			try (Watched vm = Watched.at(qemu.socket())) {
				assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(others));
			}
		}
	}

	// The snapshots in between cannot be foretold, but none may contradict itself.
	@EveryQemu
	void readingsWhileOthersPlugAndUnplugAreConsistent(QemuBinary binary) throws InterruptedException {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			Thread plugging = new Thread(() -> {
				for (int round = 0; round < 60; round++) {
					String bus = "rp" + (1 + round % 2);
					Args.plug(others, disk("blk" + round % 2, "disk" + round % 2, bus, "io" + round / 2 % 2));
					Args.unplug(others, "blk" + round % 2);
				}
				Args.plug(others, disk("blk0", "disk0", "rp1", "io1"));
			});
			plugging.start();
			int readings = 0;
			while (plugging.isAlive()) {
				Snapshot snapshot = vm.read();
				readings++;
				for (IOThread iothread : snapshot.iothreads()) {
					assertThat(iothread.attached()).extracting(Attachment::id)
						.containsExactlyElementsOf(snapshot.devices()
							.stream()
							.filter((device) -> device.iothreads().contains(iothread.id()))
							.map(Device::id)
							.toList());
				}
				assertThat(snapshot.devices()).extracting(Device::state)
					.containsOnly(snapshot.devices()
						.stream()
						.map((device) -> DeviceState.ATTACHED)
						.toArray(DeviceState[]::new));
			}
			plugging.join();
			assertThat(readings).isPositive();
			assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(others));
		}
	}

	private static Args hotpluggable() {
		return Args.none()
			.nativeHotplug()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.disk("disk1")
			.disk("disk2")
			.ports(2);
	}

	private static Args withADisk() {
		return Args.none().iothread("io0").disk("disk0").device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0");
	}

	private static Args mapped() {
		return Args.none()
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0"),
					List.of(Map.of("iothread", "io0"), Map.of("iothread", "io1")));
	}

	private static void assumeCommandToSpare(QemuBinary binary) {
		assumeTrue(binary.isAtLeast(10, 1), binary + " leaves a reading a command to spare every 20 s only");
	}

	private static void readUntil(Watched vm, Predicate<Snapshot> expected) {
		long end = System.nanoTime() + Watched.LONGEST_WAIT.toNanos();
		while (!expected.test(vm.read())) {
			assertThat(System.nanoTime()).as("not yet seen").isLessThan(end);
		}
	}

	private static void assumeMapping(QemuBinary binary) {
		assumeTrue(Args.supportsMapping(binary, "virtio-blk-pci"), binary + " has no iothread-vq-mapping");
	}

	private static Map<String, ?> disk(String id, String drive, String bus, String iothread) {
		return Map.of("driver", "virtio-blk-pci", "id", id, "drive", drive, "bus", bus, "iothread", iothread);
	}

	private static void tune(Monitor monitor, String property, long value) {
		monitor.execute("qom-set", Map.of("path", "/objects/io0", "property", property, "value", value));
	}

	private static void awaitConcluded(Monitor monitor, String job) {
		monitor.awaitEvent("JOB_STATUS_CHANGE", (data) -> job.equals(data.path("id").asString(""))
				&& "concluded".equals(data.path("status").asString("")), Watched.LONGEST_WAIT);
	}

	private static List<String> on(Snapshot snapshot, String iothread) {
		return snapshot.iothread(iothread).orElseThrow().attached().stream().map(Attachment::id).toList();
	}

}
