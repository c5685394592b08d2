package dev.iothreads.qemu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What becomes of the watch when QEMU comes, goes, hangs, or is none.
 */
@ExtendWith(OutputCaptureExtension.class)
class QemuMachineStateTests {

	private static final Duration SOON = Duration.ofMillis(300);

	@Test
	void withoutASocketItIsDownAndSaysHowToStartQemu(@TempDir Path directory) {
		try (Watched vm = Watched.at(directory.resolve("vm1.sock"))) {
			MachineStatus status = vm.await(MachineState.DOWN);
			assertThat(status.reason()).startsWith("vm1 is down: ")
				.contains("there is no such socket")
				.contains("-qmp unix:" + directory.resolve("vm1.sock"));
			assertThat(vm.failure(MachineUnavailableException.class)).hasMessage(status.reason())
				.extracting(MachineUnavailableException::state)
				.isEqualTo(MachineState.DOWN);
		}
	}

	@EveryQemu
	void aQemuThatStartsLaterIsFound(QemuBinary binary, @TempDir Path directory) {
		try (Watched vm = Watched.at(directory.resolve("vm1.sock"))) {
			vm.await(MachineState.DOWN);
			try (Qemu qemu = Qemu.of(binary).in(directory).monitor("vm1").args("-object", "iothread,id=io0").start()) {
				assertThat(qemu.isAlive()).isTrue();
				assertThat(vm.read().iothreads()).hasSize(1);
				assertThat(vm.status()).isEqualTo(MachineStatus.UP);
			}
		}
	}

	@EveryQemu
	void noProcessListensOnASocketLeftBehind(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start()) {
			qemu.kill();
			try (Watched vm = Watched.at(qemu.socket())) {
				assertThat(vm.await(MachineState.DOWN).reason()).contains("no process listens on it");
			}
		}
	}

	@EveryQemu
	void aMonitorThatAnotherClientHoldsIsBusyUntilThatOneLeaves(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary)) {
			Monitor first = Monitor.connect(qemu.socket());
			try (Watched vm = Watched.at(new MonitorAddress.UnixAddress(qemu.socket()), SOON, Watched.LONGEST_WAIT)) {
				MachineStatus status = vm.await(MachineState.BUSY);
				assertThat(status.reason()).contains("another client holds it")
					.contains("Give the service a -qmp of its own");
				assertThat(vm.failure(MachineUnavailableException.class).state()).isEqualTo(MachineState.BUSY);
				first.close();
				assertThat(vm.read().iothreads()).hasSize(1);
			}
			finally {
				first.close();
			}
		}
	}

	@EveryQemu
	void aQemuThatEndsWhileItIsWaitedForIsDown(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start();
				Monitor first = Monitor.connect(qemu.socket());
				Watched vm = Watched.at(new MonitorAddress.UnixAddress(qemu.socket()), SOON, Watched.LONGEST_WAIT)) {
			assertThat(first.greeting()).isNotEmpty();
			vm.await(MachineState.BUSY);
			qemu.kill();
			vm.await(MachineState.DOWN);
		}
	}

	@EveryQemu
	void aStoppedQemuTimesOutOnceThenIsUnavailableAtOnceAndComesBackByItself(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				Watched vm = Watched.at(new MonitorAddress.UnixAddress(qemu.socket()), Watched.LONGEST_WAIT,
						Duration.ofSeconds(2))) {
			vm.read();
			qemu.stop();
			assertThat(vm.failure(MachineTimeoutException.class)).hasMessageContaining("did not answer within 2 s")
				.hasMessageContaining("goes on by itself");
			assertThat(vm.status().state()).isEqualTo(MachineState.DOWN);
			CompletableFuture<Snapshot> next = vm.machine().read();
			assertThat(next).as("without waiting").isCompletedExceptionally();
			assertThat(Watched.failure(next, MachineUnavailableException.class).state()).isEqualTo(MachineState.DOWN);
			qemu.cont();
			assertThat(readUntilItSucceeds(vm).iothreads()).hasSize(1);
			assertThat(vm.status()).isEqualTo(MachineStatus.UP);
		}
	}

	@EveryQemu
	void aKilledQemuIsDownWithoutBeingAsked(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			qemu.kill();
			assertThat(vm.await(MachineState.DOWN).reason()).startsWith("vm1 is down: ");
		}
	}

	@EveryQemu
	void aRestartedQemuIsReadAfresh(QemuBinary binary) {
		Args args = Args.none().nativeHotplug().ports(1).iothread("io0").iothread("io1").disk("disk0");
		try (Qemu qemu = args.start(binary); Watched vm = Watched.at(qemu.socket())) {
			plug(qemu, "io0");
			assertThat(vm.read().device("blk0").orElseThrow().iothreads()).containsExactly("io0");
			qemu.kill();
			vm.await(MachineState.DOWN);
			qemu.restart();
			plug(qemu, "io1");
			assertThat(vm.read().device("blk0").orElseThrow().iothreads()).containsExactly("io1");
		}
	}

	@EveryQemu
	void listenersAreNotifiedThatItIsDownAndUpAgain(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			Notifications notified = Notifications.of(vm.machine());
			qemu.kill();
			notified.await();
			vm.await(MachineState.DOWN);
			qemu.restart();
			notified.await();
			vm.await(MachineState.UP);
		}
	}

	@Test
	void whatIsNoMonitorIsNamedSo() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.send("220 smtp.example.org ready");
			client.awaitEnd();
		}); Watched vm = Watched.at(monitor.address())) {
			assertThat(vm.await(MachineState.DOWN).reason()).contains("It is not a QMP monitor that listens there")
				.contains("smtp.example.org");
		}
	}

	@Test
	void aMonitorThatGreetsAndNeverAnswersIsDown() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.awaitEnd();
		}); Watched vm = Watched.at(monitor.address(), Watched.LONGEST_WAIT, SOON)) {
			assertThat(vm.await(MachineState.DOWN).reason()).contains("did not answer qmp_capabilities");
		}
	}

	@Test
	void aMonitorThatAgreesAndThenNeverAnswersIsDown() {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(ScriptedMonitor.Script.answering((request) -> null));
				Watched vm = Watched.at(monitor.address(), Watched.LONGEST_WAIT, SOON)) {
			assertThat(vm.await(MachineState.DOWN).reason()).contains("did not answer within 0.3 s");
		}
	}

	@Test
	void aMonitorThatHangsUpInTheMiddleOfAReplyFailsTheReading() {
		ScriptedQemu qemu = ScriptedQemu.create();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			int lists = 0;
			while (true) {
				JsonNode request = client.read();
				// Asked to get to know it, in its first reading, and in ours.
				if (request.path("execute").asString().equals("query-iothreads") && ++lists == 3) {
					break;
				}
				client.reply(request, String.valueOf(qemu.apply(request)));
			}
			client.sendRaw("{\"return\": [{\"name".getBytes(StandardCharsets.UTF_8));
		}); Watched vm = Watched.at(monitor.address())) {
			vm.await(MachineState.UP);
			assertThat(vm.failure(MachineUnavailableException.class))
				.hasMessageContaining("in the middle of a message");
		}
	}

	@EveryQemu
	void aQemuOfLibvirtIsRecognisedByItsSecret(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "secret,id=masterKey0,data=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0,format=base64")
			.start(); Watched vm = Watched.at(qemu.socket())) {
			assertThat(vm.read().managedBy()).isEqualTo("libvirt");
		}
	}

	@EveryQemu
	void aQemuOfLibvirtIsRecognisedByItsMonitorOnAnother(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).monitor("charmonitor").monitor("ours").start();
				Monitor libvirt = Monitor.connect(qemu.socket("charmonitor"));
				Watched vm = Watched.at(qemu.socket("ours"))) {
			assertThat(vm.read().managedBy()).isEqualTo("libvirt");
			assertThat(libvirt.execute("query-status")).isNotEmpty();
		}
	}

	@EveryQemu
	void libvirtsOwnMonitorIsLetGoWithTheReason(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).monitor("charmonitor").start(); Watched vm = Watched.at(qemu.socket())) {
			assertIsLetGoWithTheReason(vm);
		}
	}

	@EveryQemu
	void libvirtsOwnMonitorIsKnownUnderAnotherName(QemuBinary binary, @TempDir Path directory) throws IOException {
		try (Qemu qemu = Qemu.of(binary).monitor("charmonitor").start();
				Watched vm = Watched
					.at(Files.createSymbolicLink(directory.resolve("alias.sock"), qemu.socket("charmonitor")))) {
			assertIsLetGoWithTheReason(vm);
		}
	}

	private static void assertIsLetGoWithTheReason(Watched vm) {
		assertThat(vm.await(
				(status) -> status.state() == MachineState.DOWN && String.valueOf(status.reason()).contains("libvirt"))
			.reason()).contains("locks libvirt out").contains("give the machine a -qmp of its own");
		vm.failure(MachineUnavailableException.class);
	}

	@Test
	void aStorageDaemonIsNoMachine(@TempDir Path directory) throws Exception {
		Path program = Needs.program("qemu-storage-daemon", "qemu-system-common");
		Path socket = directory.resolve("qsd.sock");
		Process daemon = new ProcessBuilder(program.toString(), "--object", "iothread,id=io0", "--chardev",
				"socket,id=qmp,path=" + socket + ",server=on,wait=off", "--monitor", "chardev=qmp")
			.redirectErrorStream(true)
			.redirectOutput(ProcessBuilder.Redirect.DISCARD)
			.start();
		try (Watched vm = Watched.at(socket)) {
			assertThat(vm.await((status) -> String.valueOf(status.reason()).contains("storage-daemon")).reason())
				.startsWith("vm1 is down: ")
				.contains("Name the monitor of a qemu-system instead");
		}
		finally {
			daemon.destroyForcibly();
			daemon.waitFor(60, TimeUnit.SECONDS);
		}
	}

	@Test
	void whatStaysTheSameIsLoggedOnce(@TempDir Path directory, CapturedOutput output) {
		Path socket = directory.resolve("vm1.sock");
		try (Watched vm = Watched.at(socket)) {
			vm.await(MachineState.DOWN);
			long tries = vm.scheduler().getCompletedTaskCount();
			awaitTries(vm, tries + 4);
		}
		assertThat(output.getAll().lines().filter((line) -> line.contains(socket.toString()) && line.contains("WARN")))
			.hasSize(1);
	}

	@EveryQemu
	void eachChangeIsLoggedOnce(QemuBinary binary, CapturedOutput output) {
		try (Qemu qemu = Qemu.of(binary).start(); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			vm.read();
			String socket = qemu.socket().toString();
			assertThat(
					output.getAll().lines().filter((line) -> line.contains("vm1 is up: QEMU") && line.contains(socket)))
				.hasSize(1);
			assertThat(output.getAll()).contains("vm1 is up: QEMU " + binary.version());
		}
	}

	@EveryQemu
	void closingLeavesNeitherThreadsNorSocketsNorTasks(QemuBinary binary) throws IOException {
		Set<String> before = sockets();
		try (Qemu qemu = Qemu.of(binary).start()) {
			for (int round = 0; round < 5; round++) {
				Watched vm = Watched.at(qemu.socket());
				vm.read();
				vm.close();
				assertThat(vm.scheduler().getQueue()).isEmpty();
				assertThat(Watched.failure(vm.machine().read(), MachineUnavailableException.class))
					.hasMessageContaining("no longer watched");
			}
			awaitNoThread("qmp-unix:" + qemu.socket());
		}
		Set<String> left = sockets();
		left.removeAll(before);
		assertThat(left).isEmpty();
	}

	@Test
	void closingWhileItTriesAgainEndsTheTries(@TempDir Path directory) {
		Watched vm = Watched.at(directory.resolve("vm1.sock"));
		vm.await(MachineState.DOWN);
		vm.machine().close();
		assertThat(vm.scheduler().getQueue()).isEmpty();
		assertThat(vm.status().reason()).contains("no longer watched");
		vm.close();
	}

	private static Snapshot readUntilItSucceeds(Watched vm) {
		long end = System.nanoTime() + Watched.LONGEST_WAIT.toNanos();
		while (true) {
			try {
				return vm.machine().read().join();
			}
			catch (CompletionException ex) {
				assertThat(ex.getCause()).isInstanceOf(MachineException.class);
				assertThat(System.nanoTime()).as("still %s", ex.getCause()).isLessThan(end);
				Thread.onSpinWait();
			}
		}
	}

	private static void plug(Qemu qemu, String iothread) {
		try (Monitor monitor = qemu.monitor()) {
			Args.plug(monitor, Map.of("driver", "virtio-blk-pci", "id", "blk0", "drive", "disk0", "bus", "rp1",
					"iothread", iothread));
		}
	}

	private static void awaitTries(Watched vm, long tries) {
		long end = System.nanoTime() + Watched.LONGEST_WAIT.toNanos();
		while (vm.scheduler().getCompletedTaskCount() < tries) {
			assertThat(System.nanoTime()).isLessThan(end);
			Thread.yield();
		}
	}

	private static void awaitNoThread(String name) {
		long end = System.nanoTime() + Watched.LONGEST_WAIT.toNanos();
		while (Thread.getAllStackTraces().keySet().stream().anyMatch((thread) -> thread.getName().equals(name))) {
			assertThat(System.nanoTime()).as(name + " is still there").isLessThan(end);
			Thread.yield();
		}
	}

	private static Set<String> sockets() throws IOException {
		Set<String> sockets = new TreeSet<>();
		try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
			for (Path descriptor : descriptors.toList()) {
				try {
					String target = Files.readSymbolicLink(descriptor).toString();
					if (target.startsWith("socket:")) {
						sockets.add(target);
					}
				}
				catch (IOException ex) {
					// Closed since it was listed.
				}
			}
		}
		return sockets;
	}

}
