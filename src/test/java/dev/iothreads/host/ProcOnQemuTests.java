package dev.iothreads.host;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.BootSector;
import dev.iothreads.metrics.Watched;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Which threads of this host are taken for a QEMU's IOThreads.
 */
class ProcOnQemuTests {

	private static final String[] TWO = { "-object", "iothread,id=iothread0", "-object", "iothread,id=iothread1" };

	@TempDir
	private Path directory;

	@EveryQemu
	void theThreadsOfItsIOThreadsAreFoundInItsProcess(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).args(TWO).start(); Watched watched = Watched.at(qemu.socket())) {
			Snapshot snapshot = watched.read();
			assertThat(snapshot.activity().cpuUnavailable()).isNull();
			assertThat(snapshot.activity().threads()).containsOnlyKeys("iothread0", "iothread1")
				.allSatisfy((id, thread) -> {
					assertThat(thread.processId()).isEqualTo(qemu.pid());
					assertThat(thread.threadId()).isEqualTo(snapshot.iothread(id).orElseThrow().threadId());
				});
		}
	}

	@EveryQemu
	void theirTimeIsThatOfTheirWork(QemuBinary binary) {
		Path image = BootSector.image(this.directory.resolve("boot.img"), 65535, true);
		try (Qemu qemu = Qemu.of(binary).args(BootSector.args(image)).start();
				Watched watched = Watched.at(qemu.socket())) {
			HostThread thread = watched.activity().threads().get("iothread0");
			assertThat(seconds(thread)).isLessThan(0.1);
			try (Monitor monitor = qemu.monitor()) {
				monitor.execute("cont");
			}
			await().atMost(Duration.ofSeconds(60)).until(() -> seconds(thread) > 0.2);
			assertThat(seconds(watched.activity().threads().get("iothread0"))).isGreaterThan(0.2);
		}
	}

	@EveryQemu
	void anIOThreadThatComesBackUnderItsIdIsAnotherThread(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).args(TWO).start(); Watched watched = Watched.at(qemu.socket())) {
			Map<String, HostThread> before = watched.activity().threads();
			try (Monitor monitor = qemu.monitor()) {
				monitor.execute("object-del", Map.of("id", "iothread1"));
				assertThat(watched.activity().threads()).containsOnlyKeys("iothread0");
				await().atMost(Duration.ofSeconds(60)).until(() -> before.get("iothread1").cpuTime().isEmpty());
				monitor.execute("object-add", Map.of("qom-type", "iothread", "id", "iothread1"));
			}
			Map<String, HostThread> after = watched.activity().threads();
			assertThat(after.get("iothread0")).isEqualTo(before.get("iothread0"));
			assertThat(after.get("iothread1")).isNotNull().isNotEqualTo(before.get("iothread1"));
		}
	}

	@Test
	void aQemuThatRestartsHasOtherThreads() {
		try (Qemu qemu = Qemu.of(anyQemu()).args(TWO).start(); Watched watched = Watched.at(qemu.socket())) {
			Map<String, HostThread> before = watched.activity().threads();
			qemu.kill();
			assertThat(before.values()).allSatisfy((thread) -> assertThat(thread.cpuTime()).isEmpty());
			watched.awaitDown();
			qemu.restart();
			watched.awaitUp();
			Activity activity = watched.activity();
			assertThat(activity.cpuUnavailable()).isNull();
			assertThat(activity.threads().values()).hasSize(2)
				.doesNotContainAnyElementsOf(before.values())
				.allSatisfy((thread) -> assertThat(thread.processId()).isEqualTo(qemu.pid()));
		}
	}

	@EveryQemu
	void aQemuInAnotherPidNamespaceIsFoundByItsSocket(QemuBinary binary) throws Exception {
		QemuBinary inside = wrapped(binary, "unshare --pid --net --mount-proc --fork --kill-child");
		try (Qemu one = Qemu.of(inside).args(TWO).start();
				Qemu other = Qemu.of(inside).args(TWO).start();
				Watched watchedOne = Watched.at(one.socket());
				Watched watchedOther = Watched.at(other.socket())) {
			Snapshot snapshot = watchedOne.read();
			Snapshot otherSnapshot = watchedOther.read();
			// Both are number one where they are, and have the same numbers for their
			// threads.
			assertThat(snapshot.iothreads()).isEqualTo(otherSnapshot.iothreads());
			assertThat(snapshot.activity().cpuUnavailable()).isNull();
			assertThat(snapshot.activity().threads()).containsOnlyKeys("iothread0", "iothread1");
			assertThat(snapshot.activity().threads().values())
				.allSatisfy((thread) -> assertThat(parent(thread.processId())).isEqualTo(one.pid()));
			assertThat(otherSnapshot.activity().threads().values()).hasSize(2)
				.allSatisfy((thread) -> assertThat(parent(thread.processId())).isEqualTo(other.pid()));
			snapshot.activity()
				.threads()
				.forEach((id, thread) -> assertThat(innermost(thread))
					.isEqualTo(snapshot.iothread(id).orElseThrow().threadId()));
		}
	}

	@EveryQemu
	void aQemuThatChangedItsRootIsFoundByItsSocket(QemuBinary binary) throws Exception {
		Path jail = Files.createDirectory(this.directory.resolve("jail"));
		Path socket = jail.resolve("vm.sock");
		String[] chroot = (binary.isAtLeast(9, 0)) ? new String[] { "-run-with", "chroot=" + jail }
				: new String[] { "-chroot", jail.toString() };
		isFoundAsDaemon(binary, socket, socket.toString(), chroot);
	}

	@EveryQemu
	void aDaemonWithARelativePathIsFoundByItsSocket(QemuBinary binary) throws Exception {
		isFoundAsDaemon(binary, this.directory.resolve("vm.sock"), "vm.sock");
		Files.createDirectory(this.directory.resolve("run"));
		isFoundAsDaemon(binary, this.directory.resolve("run/vm.sock"), "./run/vm.sock");
	}

	@Test
	void aSocketOfTheSameNameElsewhereIsNotTakenForTheDaemons() throws Exception {
		Path elsewhere = Files.createDirectory(this.directory.resolve("elsewhere"));
		try (Daemon qemu = Daemon.start(anyQemu(), this.directory, "vm.sock");
				MonitorProxy relay = new MonitorProxy(elsewhere.resolve("other.sock"),
						this.directory.resolve("vm.sock"));
				Watched watched = Watched.at(relay.socket())) {
			assertThat(qemu.process().isAlive()).isTrue();
			assertThat(watched.activity().threads()).isEmpty();
		}
	}

	private void isFoundAsDaemon(QemuBinary binary, Path socket, String path, String... args) throws Exception {
		try (Daemon qemu = Daemon.start(binary, this.directory, path, args); Watched watched = Watched.at(socket)) {
			Activity activity = watched.activity();
			assertThat(activity.cpuUnavailable()).isNull();
			assertThat(activity.threads()).containsOnlyKeys("iothread0", "iothread1");
			assertThat(activity.threads().values())
				.allSatisfy((thread) -> assertThat(thread.processId()).isEqualTo(qemu.process().pid()));
		}
	}

	@Test
	void aProcessThatMayNotBeLookedIntoIsFoundByItsCommandLine() throws Exception {
		try (Qemu qemu = Qemu.of(anyQemu()).args(TWO).start()) {
			List<String> found = look(qemu.socket(), "--bounding-set=-sys_ptrace");
			assertThat(found).containsExactly("null", Long.toString(qemu.pid()), Long.toString(qemu.pid()));
		}
	}

	@Test
	void aProcessThatNeitherHoldsTheSocketNorNamesItIsNotTakenForIt() throws Exception {
		try (Qemu qemu = Qemu.of(anyQemu()).args(TWO).start();
				MonitorProxy relay = new MonitorProxy(this.directory.resolve("relay.sock"), qemu.socket());
				Watched watched = Watched.at(relay.socket())) {
			Activity activity = watched.activity();
			assertThat(activity.threads()).isEmpty();
			assertThat(activity.cpuUnavailable()).startsWith("The process with these threads, " + qemu.pid() + ",")
				.contains("Give the service the socket that QEMU itself has made");
		}
	}

	/**
	 * What Kubernetes shows where the directory is mounted under another path.
	 */
	@Test
	void whatKeepsItFromBeingFoundIsNamedWithTheUsersAndTheGroups() throws Exception {
		try (Qemu qemu = Qemu.of(anyQemu()).args(TWO).start()) {
			Path mounted = Files.createSymbolicLink(this.directory.resolve("mounted.sock"), qemu.socket());
			assertThat(look(mounted, "--bounding-set=-sys_ptrace", "--regid=64055", "--clear-groups")).singleElement()
				.asString()
				.contains("%d: it has the user 0 and the group 0, the service 0 and 64055".formatted(qemu.pid()))
				.contains("Run it with both the user and the group", "SYS_PTRACE", "sockets.mountPath");
		}
	}

	@Test
	void threadsThatNoProcessHasAreNotSearchedForInOthers() {
		assertThat(Obstacle.of(Path.of("/run/qemu/vm1.sock"), List.of(Long.MAX_VALUE), List.of())).contains("hostPID");
	}

	@Test
	void aTcpMonitorDoesNotTellWhoseItIs() throws Exception {
		int port;
		try (ServerSocket free = new ServerSocket(0)) {
			port = free.getLocalPort();
		}
		String address = "tcp:127.0.0.1:" + port;
		try (Qemu qemu = Qemu.of(anyQemu()).args(TWO).args("-qmp", address + ",server=on,wait=off").start();
				Watched watched = Watched.at(address)) {
			Activity activity = watched.activity();
			assertThat(qemu.isAlive()).isTrue();
			assertThat(activity.threads()).isEmpty();
			assertThat(activity.cpuUnavailable()).contains("-qmp unix:");
		}
	}

	@Test
	void aMachineWithoutIOThreadsLacksNothing() {
		try (Qemu qemu = Qemu.of(anyQemu()).start(); Watched watched = Watched.at(qemu.socket())) {
			assertThat(watched.activity().cpuUnavailable()).isNull();
		}
	}

	/**
	 * What this JVM would find with less privileges.
	 */
	private static List<String> look(Path socket, String... privileges) throws IOException, InterruptedException {
		List<String> command = new ArrayList<>();
		command.add(Needs.program("setpriv", "util-linux").toString());
		command.addAll(List.of(privileges));
		command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto",
				"-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), Look.class.getName(),
				socket.toString()));
		Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
		String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
		assertThat(process.waitFor()).isZero();
		return output.lines().filter((line) -> line.startsWith("> ")).map((line) -> line.substring(2)).toList();
	}

	private QemuBinary wrapped(QemuBinary binary, String wrapper) throws IOException, InterruptedException {
		Needs.program("unshare", "util-linux");
		Process attempt = new ProcessBuilder("sh", "-c", wrapper + " true").start();
		Needs.permission(attempt.waitFor() == 0, "no namespace can be made: run the tests as root");
		Path script = Files.createTempFile(this.directory, "qemu", "");
		Files.writeString(script, "#!/bin/sh\nexec %s %s \"$@\"\n".formatted(wrapper, binary.path()));
		Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
		return new QemuBinary(script, binary.version());
	}

	private static long parent(long processId) {
		return ProcessHandle.of(processId).orElseThrow().parent().orElseThrow().pid();
	}

	private static long innermost(HostThread thread) {
		try {
			return Files
				.readAllLines(Path.of("/proc/%d/task/%d/status".formatted(thread.processId(), thread.threadId())))
				.stream()
				.filter((line) -> line.startsWith("NSpid:"))
				.map((line) -> line.substring(line.lastIndexOf('\t') + 1))
				.mapToLong(Long::parseLong)
				.findFirst()
				.orElseThrow();
		}
		catch (IOException ex) {
			throw new AssertionError(ex);
		}
	}

	private static double seconds(HostThread thread) {
		HostThread.CpuTime time = thread.cpuTime().orElseThrow();
		return time.userSeconds() + time.systemSeconds();
	}

	private static QemuBinary anyQemu() {
		return QemuBinary.at(Needs.program("qemu-system-x86_64", "qemu-system-x86"));
	}

	/**
	 * A QEMU that left the directory it was started in.
	 */
	private record Daemon(ProcessHandle process) implements AutoCloseable {

		static Daemon start(QemuBinary binary, Path directory, String monitor, String... args)
				throws IOException, InterruptedException {
			Path pid = directory.resolve("pid");
			List<String> command = new ArrayList<>(List.of(binary.path().toString(), "-nodefaults", "-display", "none",
					"-S", "-machine", "q35", "-accel", "tcg", "-m", "64", "-daemonize", "-pidfile", pid.toString(),
					"-qmp", "unix:" + monitor + ",server=on,wait=off"));
			command.addAll(List.of(TWO));
			command.addAll(List.of(args));
			Process starter = new ProcessBuilder(command).directory(directory.toFile()).inheritIO().start();
			assertThat(starter.waitFor()).isZero();
			return new Daemon(ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow());
		}

		@Override
		public void close() {
			this.process.destroyForcibly();
			await().atMost(Duration.ofSeconds(60)).until(() -> !this.process.isAlive());
		}

	}

	/**
	 * A program that says what it finds.
	 */
	static final class Look {

		private Look() {
		}

		public static void main(String[] args) {
			try (Watched watched = Watched.at(Path.of(args[0]))) {
				Activity activity = watched.activity();
				System.out.println("> " + activity.cpuUnavailable());
				activity.threads().values().forEach((thread) -> System.out.println("> " + thread.processId()));
			}
		}

	}

}
