package dev.iothreads.qemu;

import java.lang.reflect.Proxy;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Delayed;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpMonitor;
import dev.iothreads.qmp.QmpOptions;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

/**
 * Machines whose monitor is asked and left.
 */
class VisitedMachineTests {

	@EveryQemu
	void theMonitorIsFreeBetweenTwoReadings(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary); Watched vm = Watched.at(qemu.socket(), Hold.FALSE)) {
			for (int i = 0; i < 10; i++) {
				Snapshot snapshot = vm.read();
				assertThat(snapshot.iothreads()).extracting((iothread) -> iothread.id()).containsExactly("io0", "io1");
				assertThat(snapshot.identity().reading()).isNotNull()
					.satisfies((reading) -> assertThat(reading.by()).isEqualTo("visit"))
					.satisfies((reading) -> assertThat(reading.limits()).contains("between two visits"));
				assertThat(snapshot.identity().runState()).isEqualTo("prelaunch");
				try (Monitor other = Monitor.connect(qemu.socket())) {
					assertThat(other.execute("query-status").path("status").asString()).isEqualTo("prelaunch");
				}
			}
		}
	}

	@EveryQemu
	void changesAreMadeByVisits(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary); Watched vm = Watched.at(qemu.socket(), Hold.FALSE)) {
			vm.read();
			vm.machine().changes().addIOThread("io2", IOThreadSettings.NONE);
			assertThat(vm.read().iothread("io2")).isPresent();
			vm.machine().changes().removeIOThread("io2");
			assertThat(vm.read().iothread("io2")).isEmpty();
		}
	}

	@EveryQemu
	void aDeviceThatGoesIsMissedAndADetachIsAnsweredByLookingAgain(QemuBinary binary) throws Exception {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket(), Hold.FALSE);
				Monitor others = qemu.monitor()) {
			Args.plug(others, disk("blk0", "disk0", "rp1", "io1"));
			Args.plug(others, disk("blk1", "disk1", "rp2", "io1"));
			Snapshot before = vm.read();
			assertThat(before.devices()).hasSize(2);
			Args.unplug(others, "blk0");
			CompletableFuture<Void> gone = vm.machine().changes().detach("blk1", false);
			gone.get(60, TimeUnit.SECONDS);
			Snapshot after = vm.read();
			assertThat(after.devices()).isEmpty();
			assertThat(after.departures()).containsKey(before.device("blk0").orElseThrow().qomPath())
				.doesNotContainKey(before.device("blk1").orElseThrow().qomPath());
		}
	}

	@EveryQemu
	void anIdUsedAgainBetweenTwoVisitsIsOnItsNewIOThread(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket(), Hold.FALSE);
				Monitor others = qemu.monitor()) {
			for (int round = 0; round < 4; round++) {
				Args.plug(others, disk("blk0", "disk" + round % 3, "rp1", "io" + round % 2));
				Snapshot snapshot = vm.read();
				assertThat(Picture.of(snapshot)).as("in round " + round).isEqualTo(Picture.of(others));
				Args.unplug(others, "blk0");
			}
		}
	}

	@EveryQemu
	void anIOThreadMadeAnewBeneathADeviceIsNotTheOneItRunsOn(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket(), Hold.FALSE);
				Monitor others = qemu.monitor()) {
			Args.plug(others, Map.of("driver", "virtio-scsi-pci", "id", "scsi0", "bus", "rp1", "iothread", "io1"));
			vm.read();
			try {
				Args.deleteObject(others, "io1");
			}
			catch (RuntimeException ex) {
				return; // this QEMU lets none in use go
			}
			Args.addIOThread(others, "io1");
			assertThat(vm.read().device("scsi0"))
				.hasValueSatisfying((device) -> assertThat(device.state()).isEqualTo(DeviceState.ORPHANED));
		}
	}

	@EveryQemu
	void aDevicePluggedAgainOnAnIOThreadMadeAnewIsNotOrphaned(QemuBinary binary) {
		Map<String, Object> scsi = Map.of("driver", "virtio-scsi-pci", "id", "scsi0", "bus", "rp1", "iothread", "io1");
		try (Qemu qemu = hotpluggable().start(binary);
				Watched vm = Watched.at(qemu.socket(), Hold.FALSE);
				Monitor others = qemu.monitor()) {
			Args.plug(others, scsi);
			vm.read();
			Args.unplug(others, "scsi0");
			Args.deleteObject(others, "io1");
			Args.addIOThread(others, "io1");
			Args.plug(others, scsi);
			assertThat(vm.read().device("scsi0"))
				.hasValueSatisfying((device) -> assertThat(device.state()).isEqualTo(DeviceState.ATTACHED));
		}
	}

	@EveryQemu
	void aDeviceWithoutAnIdIsSeenByTheNextOfRareReadings(QemuBinary binary) throws Exception {
		try (Qemu qemu = hotpluggable().start(binary);
				Monitor others = qemu.monitor();
				QmpMonitor monitor = QmpClient.open(new MonitorAddress.UnixAddress(qemu.socket()),
						QmpOptions.defaults(), (event) -> {
						})) {
			monitor.ready().get(60, TimeUnit.SECONDS);
			ReadingPlan rare = new ReadingPlan(monitor, false, new Knowledge(), Duration.ZERO);
			assertThat(rare.list(false).get(60, TimeUnit.SECONDS).anon()).isEmpty();
			Args.plug(others, Map.of("driver", "virtio-blk-pci", "drive", "disk0", "bus", "rp1", "iothread", "io1"));
			assertThat(rare.list(false).get(60, TimeUnit.SECONDS).anon()).hasSize(1);
		}
	}

	@EveryQemu
	void aGuestThatLetsGoLateIsNoticedWithoutOtherReadings(QemuBinary binary) throws Exception {
		QemuOptions options = new QemuOptions(Watched.LONGEST_WAIT, Watched.LONGEST_WAIT, Watched::daemon, null,
				HostThreads.Finder.NONE);
		AtomicLong readings = new AtomicLong();
		try (Qemu qemu = Args.none()
			.iothread("io0")
			.disk("disk0")
			.ports(1)
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0,bus=rp1")
			.start(binary);
				Monitor others = qemu.monitor();
				QmpMonitor held = QmpClient.open(new MonitorAddress.UnixAddress(qemu.socket()), options.ofConnection(),
						(event) -> {
						})) {
			QmpMonitor visited = visited(held, readings);
			QemuSession session = QemuSession
				.begin(visited, null, true, held.ready().get(60, TimeUnit.SECONDS), options)
				.get(60, TimeUnit.SECONDS);
			session.read().get(60, TimeUnit.SECONDS);
			readings.set(0);
			CompletableFuture<Void> gone = session.changes("vm1").detach("blk0", false);
			// After 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s, and then each 5 s.
			await().atMost(Watched.LONGEST_WAIT).until(() -> readings.get() >= 7);
			assertThat(gone).isNotDone();
			others.execute("system_reset");
			gone.get(60, TimeUnit.SECONDS);
		}
	}

	// A visit may fail on a machine that has much to do. Here are its gaps only.
	private static QmpMonitor visited(QmpMonitor held, AtomicLong readings) {
		return (QmpMonitor) Proxy.newProxyInstance(QmpMonitor.class.getClassLoader(),
				new Class<?>[] { QmpMonitor.class }, (proxy, method, args) -> {
					if (method.getName().equals("executeAll") && args[0].toString().contains("query-iothreads")) {
						readings.incrementAndGet();
					}
					return method.getName().equals("hasAllEvents") ? false : method.invoke(held, args);
				});
	}

	@EveryQemu
	void anotherClientIsNotWaitedForInLine(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary); Watched vm = Watched.at(qemu.socket(), Hold.FALSE)) {
			vm.read();
			try (Monitor other = Monitor.connect(qemu.socket())) {
				long begin = System.nanoTime();
				assertThat(vm.machine().read()).failsWithin(Duration.ofSeconds(30));
				assertThat(vm.await(MachineState.BUSY).reason()).contains("does not wait in line");
				assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThan(Duration.ofMillis(800));
				assertThat(other.execute("query-status").has("status")).isTrue();
			}
			assertThat(vm.read().iothreads()).hasSize(2);
		}
	}

	@EveryQemu
	void aShortVisitOfAnotherClientDoesNotEndIt(QemuBinary binary) throws Exception {
		try (Qemu qemu = hotpluggable().start(binary); Watched vm = Watched.at(qemu.socket(), Hold.FALSE)) {
			vm.read();
			CompletableFuture<Snapshot> reading;
			try (Monitor other = Monitor.connect(qemu.socket())) {
				reading = vm.machine().read();
				assertThatExceptionOfType(TimeoutException.class)
					.isThrownBy(() -> reading.get(250, TimeUnit.MILLISECONDS));
				assertThat(other.execute("query-status").has("status")).isTrue();
			}
			assertThat(Watched.result(reading).iothreads()).hasSize(2);
		}
	}

	@EveryQemu
	void aQemuThatWasStartedAnewIsAnotherOne(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary); Watched vm = Watched.at(qemu.socket(), Hold.FALSE)) {
			vm.read();
			vm.machine().changes().addIOThread("io2", IOThreadSettings.NONE);
			qemu.restart();
			await().atMost(Watched.LONGEST_WAIT).ignoreExceptions().until(() -> vm.machine().read().get() != null);
			assertThat(vm.read().iothread("io2")).isEmpty();
		}
	}

	@EveryQemu
	void whatProxmoxRunsIsLeftAndVisitedAndNotChanged(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().add("-device", "virtio-scsi-pci,id=scsihw0", "-name", "web")
			.builder(binary)
			.monitor("qmp")
			.monitor("qmp-event")
			.start(); Watched vm = Watched.at(qemu.socket("qmp"), Hold.TRUE)) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.managedBy()).isEqualTo("proxmox");
			assertThat(snapshot.identity().guestName()).isEqualTo("web");
			assertThat(snapshot.identity().reading()).isNotNull();
			assertThat(snapshot.device("scsihw0").orElseThrow().reason()).contains("--scsihw virtio-scsi-single");
			assertThat(vm.machine().refusal()).isNotNull()
				.satisfies((refusal) -> assertThat(refusal.message()).contains("qm set 100 ", "iothread=1"));
			try (Monitor qm = Monitor.connect(qemu.socket("qmp"))) {
				assertThat(qm.execute("query-status").has("status")).isTrue();
			}
		}
	}

	@EveryQemu
	void aMonitorThatWritesPrettilyIsVisited(QemuBinary binary, @TempDir Path directory) {
		Path pretty = directory.resolve("pretty.sock");
		try (Qemu qemu = monitorAt(pretty, "mode=control,pretty=on").start(binary);
				Watched vm = Watched.at(pretty, Hold.FALSE)) {
			for (int i = 0; i < 3; i++) {
				assertThat(vm.read().iothreads()).hasSize(2);
			}
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void aHumanMonitorIsNamedSoByAVisit(QemuBinary binary, @TempDir Path directory) {
		Path human = directory.resolve("human.sock");
		try (Qemu qemu = monitorAt(human, "mode=readline").start(binary); Watched vm = Watched.at(human, Hold.FALSE)) {
			assertThat(vm.await(MachineState.DOWN).reason()).contains("human monitor");
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void whereIncusHoldsTheMonitorTheReasonSaysHowToGetAnother(QemuBinary binary, @TempDir Path directory) {
		Path held = directory.resolve("qemu.monitor");
		try (Qemu qemu = monitorAt(held, "mode=control").start(binary);
				Monitor incus = Monitor.connect(held);
				Watched waiting = Watched.at(new MonitorAddress.UnixAddress(held), Duration.ofMillis(200),
						Watched.LONGEST_WAIT)) {
			assertThat(waiting.await(MachineState.BUSY).reason()).contains("raw.qemu", "Incus");
			try (Watched visiting = Watched.at(held, Hold.FALSE); Watched found = Watched.found(held)) {
				assertThat(visiting.await(MachineState.BUSY).reason()).contains("raw.qemu", "does not wait in line");
				assertThat(found.await(MachineState.BUSY).reason()).contains("raw.qemu");
			}
			assertThat(incus.execute("query-status").has("status")).isTrue();
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void whatWasBusyWhenItWasFoundIsTriedEachMinuteAndRead(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary)) {
			Watched vm;
			try (Monitor other = Monitor.connect(qemu.socket())) {
				vm = Watched.found(qemu.socket());
				vm.await((status) -> String.valueOf(status.reason()).contains("left alone"));
				tryNow(vm);
				assertThat(nextTry(vm)).isNotNull();
				assertThat(other.execute("query-status").has("status")).isTrue();
			}
			try (vm) {
				tryNow(vm);
				assertThat(vm.read().iothreads()).hasSize(2);
			}
		}
	}

	// The next try is a minute later, or now.
	private static void tryNow(Watched vm) {
		Runnable next = nextTry(vm);
		vm.scheduler().remove(next);
		next.run();
	}

	private static Runnable nextTry(Watched vm) {
		return await().atMost(Watched.LONGEST_WAIT)
			.until(() -> vm.scheduler().getQueue().peek(),
					(next) -> next instanceof Delayed later && later.getDelay(TimeUnit.SECONDS) > 30);
	}

	@EveryQemu
	void aDiskPluggedAgainElsewhereBetweenTwoVisitsIsShownThere(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().device("virtio-scsi-pci,id=scsi0,iothread=io0")
			.device("scsi-hd,id=hd0,bus=scsi0.0,lun=1,drive=disk0")
			.start(binary); Watched vm = Watched.at(qemu.socket(), Hold.FALSE); Monitor others = qemu.monitor()) {
			assertThat(vm.read().device("scsi0").orElseThrow().disks()).extracting(Disk::lun).containsExactly(1L);
			Args.unplug(others, "hd0");
			Args.plug(others, Map.of("driver", "scsi-hd", "id", "hd0", "bus", "scsi0.0", "lun", 5, "drive", "disk1"));
			assertThat(vm.read().device("scsi0").orElseThrow().disks()).extracting(Disk::lun).containsExactly(5L);
		}
	}

	@Test
	void proxmoxsMonitorBehindARelayIsLeft() {
		try (ScriptedMonitor relay = ScriptedMonitor
			.onTcp(ScriptedMonitor.Script.answering(proxmox("unix:/run/qemu-server/100.qmp,server=on")));
				Watched vm = Watched.at(relay.address())) {
			assertThat(vm.await(MachineState.DOWN).reason()).contains("over TCP it cannot be visited");
		}
	}

	@Test
	void aMonitorOverTcpThatProxmoxDoesNotNeedIsHeld() {
		try (ScriptedMonitor second = ScriptedMonitor
			.onTcp(ScriptedMonitor.Script.answering(proxmox("disconnected:unix:/run/qemu-server/100.qmp,server=on")));
				Watched vm = Watched.at(second.address())) {
			assertThat(vm.read().managedBy()).isEqualTo("proxmox");
			assertThat(vm.read().identity().reading()).isNull();
		}
	}

	@Test
	void aMonitorOverTcpIsAskedAgainWhetherProxmoxNeedsIt() {
		ScriptedQemu busy = proxmox("unix:/run/qemu-server/100.qmp,server=on");
		ScriptedQemu free = proxmox("disconnected:unix:/run/qemu-server/100.qmp,server=on");
		AtomicBoolean left = new AtomicBoolean();
		try (ScriptedMonitor second = ScriptedMonitor
			.onTcp(ScriptedMonitor.Script.answering((request) -> (left.get() ? free : busy).apply(request)));
				Watched vm = Watched.at(second.address())) {
			assertThat(vm.await(MachineState.DOWN).reason()).contains("over TCP it cannot be visited");
			left.set(true);
			assertThat(vm.read().managedBy()).isEqualTo("proxmox");
		}
	}

	private static ScriptedQemu proxmox(String monitor) {
		return ScriptedQemu.create()
			.replying("query-chardev", "{\"return\": [{\"label\": \"qmp\", \"filename\": \"" + monitor
					+ "\"}, {\"label\": \"qmp-event\", \"filename\": \"unix:/run/qmeventd.sock\"}]}");
	}

	@EveryQemu
	void aConsoleThatWasFoundIsLeftToItsUsers(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary)
			.machine("-nodefaults", "-nographic", "-S", "-machine", "q35", "-m", "64")
			.start(); Watched vm = Watched.found(qemu.console())) {
			assertThat(vm.await((status) -> String.valueOf(status.reason()).contains("left alone")).state())
				.isEqualTo(MachineState.BUSY);
			// The next try is a minute later.
			assertThat(vm.scheduler().getQueue()).hasSize(1)
				.allMatch((next) -> ((Delayed) next).getDelay(TimeUnit.SECONDS) > 30);
			// One client at a time: what is written would otherwise be in the queue.
			try (SocketChannel user = SocketChannel.open(UnixDomainSocketAddress.of(qemu.console()));
					Monitor others = qemu.monitor()) {
				// QEMU names the peer of a chardev that has one.
				await().atMost(Watched.LONGEST_WAIT)
					.until(() -> others.execute("query-chardev")
						.valueStream()
						.filter((chardev) -> chardev.path("label").asString().equals("console"))
						.noneMatch((chardev) -> chardev.path("filename").asString().startsWith("disconnected")));
				assertThat(user.isConnected()).isTrue();
			}
		}
	}

	@EveryQemu
	void aMonitorThatWasFoundAndGreetsIsHeld(QemuBinary binary) {
		try (Qemu qemu = hotpluggable().start(binary); Watched vm = Watched.found(qemu.socket())) {
			assertThat(vm.read().identity().reading()).isNull();
			qemu.stop();
			qemu.cont();
			assertThat(vm.read().iothreads()).hasSize(2);
		}
	}

	private static Args monitorAt(Path socket, String mode) {
		return hotpluggable().add("-chardev", "socket,id=other,path=" + socket + ",server=on,wait=off", "-mon",
				"chardev=other," + mode);
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

	private static Map<String, Object> disk(String id, String node, String port, String iothread) {
		return Map.of("driver", "virtio-blk-pci", "id", id, "drive", node, "bus", port, "iothread", iothread);
	}

}
