package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.awaitility.Awaitility;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * Whether the guest runs, and what is refused because of a migration.
 */
class RunStateTests {

	@EveryQemu
	void itFollowsTheGuestByEventsAndIsAskedForOnce(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.socket());
				Monitor monitor = qemu.monitor()) {
			Notifications notified = Notifications.of(vm.machine());
			assertThat(vm.read().identity().runState()).isEqualTo("prelaunch");
			proxy.takeCommands();
			vm.read();
			assertThat(proxy.takeCommands()).doesNotContain("query-status");
			notified.await(() -> monitor.execute("cont"));
			assertThat(vm.read().identity().runState()).isEqualTo("running");
			notified.await(() -> monitor.execute("stop"));
			assertThat(vm.read().identity().runState()).isEqualTo("paused");
			proxy.takeCommands();
			vm.read();
			assertThat(proxy.takeCommands()).doesNotContain("query-status");
		}
	}

	@EveryQemu
	void aGuestThatIsResetIsFollowedToo(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").add("-no-shutdown").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			Notifications notified = Notifications.of(vm.machine());
			vm.read();
			notified.await(() -> monitor.execute("cont"));
			notified.await(() -> monitor.execute("stop"));
			notified.await(() -> monitor.execute("system_reset"));
			assertThat(vm.read().identity().runState())
				.isEqualTo(monitor.execute("query-status").path("status").asString());
		}
	}

	@EveryQemu
	void aDestinationTakesAndGivesNoDevice(QemuBinary binary) {
		try (Qemu qemu = machine().add("-incoming", "defer").start(binary); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().identity().runState()).isEqualTo("inmigrate");
			assertRefused(vm, "inmigrate", "Wait until that is complete");
		}
	}

	@EveryQemu
	void aSourceAfterItsMigrationTakesAndGivesNoDevice(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			vm.read();
			monitor.execute("cont");
			monitor.execute("migrate", Map.of("uri", "exec:cat > /dev/null"));
			// No event says that it is postmigrate: readings go on asking until it is.
			Awaitility.await()
				.atMost(Watched.LONGEST_WAIT)
				.untilAsserted(() -> assertThat(vm.read().identity().runState()).isEqualTo("postmigrate"));
			assertRefused(vm, "postmigrate", "Change it there");
		}
	}

	@EveryQemu
	void aSourceThatMigratesTakesAndGivesNoDevice(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			vm.read();
			monitor.execute("cont");
			monitor.execute("migrate-set-parameters", Map.of("max-bandwidth", 1000));
			monitor.execute("migrate", Map.of("uri", "exec:cat > /dev/null"));
			assertRefused(vm, "running", "migrate_cancel");
			monitor.execute("migrate_cancel");
			Awaitility.await()
				.atMost(Watched.LONGEST_WAIT)
				.until(() -> "cancelled".equals(monitor.execute("query-migrate").path("status").asString()));
			vm.machine().changes().attach(disk());
			assertThat(vm.read().device("blk1")).isPresent();
		}
	}

	@EveryQemu
	void anUnplugOfAPausedMachineSaysWhatItWaitsFor(QemuBinary binary) {
		try (Qemu qemu = Args.none()
			.ports(1)
			.iothread("io0")
			.disk("disk0")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0,bus=rp1")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			vm.machine().changes().detach("blk0", false);
			Snapshot snapshot = vm.read();
			assertThat(snapshot.device("blk0").orElseThrow().state()).isEqualTo(DeviceState.DETACHING);
			assertThat(snapshot.device("blk0").orElseThrow().reason()).contains("is prelaunch", "before it runs");
		}
	}

	private static Args machine() {
		return Args.none()
			.nativeHotplug()
			.ports(2)
			.iothread("io0")
			.disk("disk0")
			.disk("disk1")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0,bus=rp1");
	}

	private static NewDevice disk() {
		return new NewDevice("blk1", "virtio-blk-pci", List.of("io0"), "disk1", null, Map.of());
	}

	private static void assertRefused(Watched vm, String runState, String advice) {
		assertThatExceptionOfType(ChangeRefusedException.class).isThrownBy(() -> vm.machine().changes().attach(disk()))
			.withMessageContaining(advice)
			.satisfies((refused) -> assertMigrating(refused, runState));
		assertThatExceptionOfType(ChangeRefusedException.class)
			.isThrownBy(() -> vm.machine().changes().detach("blk0", false))
			.satisfies((refused) -> assertMigrating(refused, runState));
	}

	private static void assertMigrating(ChangeRefusedException refused, String runState) {
		assertThat(refused.reason()).isEqualTo(ChangeRefusedException.Reason.MACHINE_MIGRATING);
		assertThat(refused.runState()).isEqualTo(runState);
	}

}
