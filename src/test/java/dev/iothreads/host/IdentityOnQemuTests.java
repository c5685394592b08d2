package dev.iothreads.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import dev.iothreads.machine.Identity;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.awaitility.Awaitility;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Which guest and process a machine is, and where its threads may run.
 */
class IdentityOnQemuTests {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final String UUID = "9f6f9a4e-5c3b-4bb1-a6ff-1f2a3b4c5d6e";

	@EveryQemu
	void nameUuidAndProcessAreThoseOfTheQemu(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary)
			.args("-name", "guest=web 1", "-uuid", UUID, "-object", "iothread,id=io0")
			.start()) {
			Identity identity = read(qemu).identity();
			assertThat(identity).isEqualTo(new Identity("prelaunch", "web 1", UUID, qemu.pid()));
		}
	}

	@EveryQemu
	void whatWasNotGivenIsAbsent(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start()) {
			assertThat(read(qemu).identity()).isEqualTo(new Identity("prelaunch", null, null, qemu.pid()));
		}
	}

	@EveryQemu
	void eachIOThreadHasTheCpusThatTheKernelGivesIt(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io2", "-object", "iothread,id=io10").start()) {
			Snapshot before = read(qemu);
			assertThat(before.iothreads()).extracting(IOThread::id).containsExactly("io2", "io10");
			pin(before.iothreads().get(0).threadId());
			Snapshot after = read(qemu);
			assertThat(after.iothreads().get(0).cpusAllowed()).isEqualTo("0");
			assertThat(after.iothreads()).allSatisfy(
					(iothread) -> assertThat(iothread.cpusAllowed()).isEqualTo(list(qemu.pid(), iothread.threadId())));
		}
	}

	private static void pin(long threadId) throws IOException, InterruptedException {
		Process taskset = new ProcessBuilder("taskset", "-p", "-c", "0", Long.toString(threadId))
			.redirectOutput(ProcessBuilder.Redirect.DISCARD)
			.start();
		assertThat(taskset.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS)).isTrue();
		assertThat(taskset.exitValue()).isZero();
	}

	private static String list(long processId, long threadId) throws IOException {
		return Files.readAllLines(Path.of("/proc/" + processId + "/task/" + threadId + "/status"))
			.stream()
			.filter((line) -> line.startsWith("Cpus_allowed_list:"))
			.map((line) -> line.split("\\s+")[1])
			.findFirst()
			.orElseThrow();
	}

	private static Snapshot read(Qemu qemu) throws Exception {
		ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1);
		try (QemuMachine machine = QemuMachine.connect("vm1", new UnixAddress(qemu.socket()),
				new QemuOptions(DEADLINE, DEADLINE, Thread::new, null, new ProcFinder()), scheduler)) {
			Awaitility.await().atMost(DEADLINE).until(() -> machine.status().state() == MachineState.UP);
			return machine.read().get(DEADLINE.toSeconds(), TimeUnit.SECONDS);
		}
		finally {
			scheduler.shutdownNow();
		}
	}

}
