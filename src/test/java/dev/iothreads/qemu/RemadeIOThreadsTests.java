package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.iothreads.host.ProcFinder;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * IOThreads that were deleted and made anew beneath a mapped device before the service
 * connected.
 */
class RemadeIOThreadsTests {

	private static final String[] NAMED = { "-name", "guest=vm1,debug-threads=on" };

	@EveryQemu
	void aDeviceThatIsThereSinceTheStartIsAnOrphan(QemuBinary binary) throws Exception {
		try (Qemu qemu = cold(binary); Monitor others = qemu.monitor()) {
			remake(others, "io0");
			try (Watched vm = Watched.at(qemu.socket(), HostThreads.Finder.NONE)) {
				isOrphanUntilItsIOThreadIsRemoved(vm, "io0", others);
			}
			assertThat(qemu.isAlive()).isTrue();
			assertThat(others.children("/machine/peripheral")).doesNotContainKey("blk0");
		}
	}

	@EveryQemu
	void aDeviceOfItsFirstIOThreadGoesWithoutForce(QemuBinary binary) throws Exception {
		try (Qemu qemu = cold(binary);
				Monitor others = qemu.monitor();
				Watched vm = Watched.at(qemu.socket(), HostThreads.Finder.NONE)) {
			assertThat(vm.read().device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ATTACHED);
			detach(vm, false, others);
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void aPluggedDeviceIsAnOrphanWhereAThreadHasTheNameOfItsIOThread(QemuBinary binary) throws Exception {
		try (Qemu qemu = empty(binary, NAMED); Monitor others = qemu.monitor()) {
			plug(others, "hot0");
			remake(others, "hot0");
			try (Watched vm = Watched.at(qemu.socket(), new ProcFinder())) {
				isOrphanUntilItsIOThreadIsRemoved(vm, "hot0", others);
			}
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void aPluggedDeviceGoesWithoutForceWhereNoThreadIsLeft(QemuBinary binary) throws Exception {
		for (String[] args : List.of(NAMED, new String[0])) {
			try (Qemu qemu = empty(binary, args); Monitor others = qemu.monitor()) {
				plug(others, "hot0");
				try (Watched vm = Watched.at(qemu.socket(), new ProcFinder())) {
					assertThat(vm.read().device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ATTACHED);
					detach(vm, false, others);
				}
				assertThat(qemu.isAlive()).isTrue();
			}
		}
	}

	@EveryQemu
	void aPluggedDeviceStaysWhereAThreadWithoutANameIsLeft(QemuBinary binary) {
		// The name does not fit: the kernel cuts it, so it says nothing.
		String id = "hot-with-a-long-name";
		try (Qemu qemu = empty(binary); Monitor others = qemu.monitor()) {
			plug(others, id);
			remake(others, id);
			try (Watched vm = Watched.at(qemu.socket(), new ProcFinder())) {
				isNotDetached(vm, "force=true");
			}
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void whereNothingTellsAPluggedDeviceGoesByForceOnly(QemuBinary binary) throws Exception {
		try (Qemu qemu = empty(binary); Monitor others = qemu.monitor()) {
			plug(others, "hot0");
			try (Watched vm = Watched.at(qemu.socket(), HostThreads.Finder.NONE)) {
				isNotDetached(vm, "force=true");
				detach(vm, true, others);
				// What is plugged from now on is seen from its begin.
				plugDisk(others, "disk1", "hot0");
				assertThat(vm.read().device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ATTACHED);
				detach(vm, false, others);
			}
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	private static void isOrphanUntilItsIOThreadIsRemoved(Watched vm, String iothread, Monitor others)
			throws Exception {
		Snapshot snapshot = vm.read();
		assertThat(snapshot.device("blk0").orElseThrow().state()).isEqualTo(DeviceState.ORPHANED);
		assertThat(snapshot.iothread(iothread).orElseThrow().attached()).isEmpty();
		assertThat(snapshot.activity().orphanedThreads()).isOne();
		isNotDetached(vm, "Remove that IOThread first");
		vm.machine().changes().removeIOThread(iothread);
		vm.read();
		detach(vm, false, others);
		assertThat(vm.read().activity().orphanedThreads()).isZero();
	}

	private static void isNotDetached(Watched vm, String wayOut) {
		vm.read();
		assertThatExceptionOfType(ChangeRefusedException.class)
			.isThrownBy(() -> vm.machine().changes().detach("blk0", false))
			.withMessageContaining(wayOut)
			.satisfies(
					(refused) -> assertThat(refused.reason()).isEqualTo(ChangeRefusedException.Reason.UNPLUG_REFUSED));
	}

	private static void detach(Watched vm, boolean force, Monitor others) throws Exception {
		CompletableFuture<Void> gone = vm.machine().changes().detach("blk0", force);
		// What is there since the start goes when the guest resets.
		others.execute("system_reset");
		gone.get(Watched.LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS);
	}

	private static Qemu cold(QemuBinary binary) {
		assumeTrue(Args.supportsMapping(binary, "virtio-blk-pci"), binary + " has no mapping");
		return Args.none()
			.ports(1)
			.iothread("io0")
			.iothread("io1")
			.disk("disk0")
			.mapped("virtio-blk-pci", "blk0", Map.of("drive", "disk0", "bus", "rp1", "num-queues", 2),
					List.of(Map.of("iothread", "io0"), Map.of("iothread", "io1")))
			.start(binary);
	}

	private static Qemu empty(QemuBinary binary, String... more) {
		assumeTrue(Args.supportsMapping(binary, "virtio-blk-pci"), binary + " has no mapping");
		return Args.none().nativeHotplug().ports(1).disk("disk0").disk("disk1").add(more).start(binary);
	}

	private static void plug(Monitor others, String iothread) {
		Args.addIOThread(others, iothread);
		plugDisk(others, "disk0", iothread);
	}

	private static void plugDisk(Monitor others, String disk, String iothread) {
		Args.plug(others, Map.of("driver", "virtio-blk-pci", "id", "blk0", "drive", disk, "bus", "rp1",
				"iothread-vq-mapping", List.of(Map.of("iothread", iothread))));
	}

	private static void remake(Monitor others, String iothread) {
		Args.deleteObject(others, iothread);
		Args.addIOThread(others, iothread);
	}

}
