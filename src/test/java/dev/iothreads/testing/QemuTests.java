package dev.iothreads.testing;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

class QemuTests {

	private static final Duration DEADLINE = Duration.ofSeconds(30);

	@EveryQemu
	void aStartedQemuAnswersOnEveryMonitor(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").monitor("main").monitor("second").start();
				Monitor main = Monitor.connect(qemu.socket());
				Monitor second = Monitor.connect(qemu.socket("second"));
				Monitor own = qemu.monitor()) {
			assertThat(qemu.socket()).isEqualTo(qemu.socket("main"));
			for (Monitor monitor : new Monitor[] { main, second, own }) {
				assertThat(monitor.execute("query-iothreads").path(0).path("id").asString()).isEqualTo("io0");
			}
		}
	}

	@EveryQemu
	void theGreetingHasTheVersionOfTheBinary(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Monitor monitor = qemu.monitor()) {
			var version = monitor.greeting().path("QMP").path("version").path("qemu");
			assertThat(version.path("major").asInt()).isEqualTo(binary.major());
			assertThat(version.path("minor").asInt()).isEqualTo(binary.minor());
		}
	}

	@EveryQemu
	void aRefusedCommandSaysWhy(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Monitor monitor = qemu.monitor()) {
			assertThatExceptionOfType(MonitorException.class).isThrownBy(() -> monitor.execute("no-such-command"))
				.withMessageContaining("no-such-command")
				.satisfies((refusal) -> assertThat(refusal.errorClass()).isEqualTo("CommandNotFound"));
		}
	}

	@EveryQemu
	void eachEventIsTakenOnce(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Monitor monitor = qemu.monitor()) {
			monitor.execute("system_reset");
			monitor.awaitEvent("RESET", (data) -> data.has("guest"), DEADLINE);
			assertThatExceptionOfType(AssertionError.class)
				.isThrownBy(() -> monitor.awaitEvent("RESET", (data) -> true, Duration.ZERO))
				.withMessageContaining("the event RESET");
		}
	}

	@EveryQemu
	void aQemuThatDoesNotStartSaysWhy(QemuBinary binary) {
		assertThatIllegalStateException()
			.isThrownBy(() -> Qemu.of(binary).args("-device", "no-such-device").start().close())
			.withMessageContaining("ended with code 1")
			.withMessageContaining("'no-such-device' is not a valid device model name");
	}

	@EveryQemu
	void aKilledQemuLeavesSocketsThatNoProcessServes(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start()) {
			long pid = qemu.pid();
			qemu.kill();
			assertThat(qemu.isAlive()).isFalse();
			assertThat(ProcessHandle.of(pid)).isEmpty();
			assertThat(qemu.socket()).exists();
			assertThatExceptionOfType(UncheckedIOException.class).isThrownBy(() -> Monitor.connect(qemu.socket()))
				.withMessageContaining("No process listens at");
		}
	}

	@EveryQemu
	void aTerminatedQemuRemovesItsSockets(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start()) {
			qemu.terminate();
			assertThat(qemu.isAlive()).isFalse();
			assertThat(qemu.socket()).doesNotExist();
		}
	}

	@EveryQemu
	void aRestartedQemuServesTheSameSocketAnew(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start()) {
			long before = qemu.pid();
			Path socket = qemu.socket();
			try (Monitor monitor = Monitor.connect(socket)) {
				monitor.execute("object-add", Map.of("qom-type", "iothread", "id", "added"));
			}
			qemu.restart();
			assertThat(qemu.pid()).isNotEqualTo(before);
			try (Monitor monitor = Monitor.connect(socket)) {
				assertThat(monitor.execute("query-iothreads")).isEmpty();
			}
		}
	}

	@EveryQemu
	void aStoppedQemuAnswersWhenItContinues(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).start(); Monitor monitor = qemu.monitor()) {
			Path state = Path.of("/proc", Long.toString(qemu.pid()), "stat");
			qemu.stop();
			assertThat(Files.readString(state)).contains(") T ");
			assertThat(qemu.isAlive()).isTrue();
			qemu.cont();
			assertThat(monitor.execute("query-iothreads")).isEmpty();
		}
	}

	@EveryQemu
	void aStoppedQemuCanBeClosed(QemuBinary binary) {
		Qemu qemu = Qemu.of(binary).start();
		qemu.stop();
		qemu.close();
		assertThat(ProcessHandle.of(qemu.pid())).isEmpty();
	}

	@EveryQemu
	void closingLeavesNoFileBehind(QemuBinary binary, @TempDir Path directory) {
		Qemu qemu = Qemu.of(binary).in(directory).monitor("vm1").start();
		assertThat(directory.resolve("vm1.sock")).isEqualTo(qemu.socket()).exists();
		qemu.close();
		assertThat(directory).isEmptyDirectory();
	}

	@EveryQemu
	void aMonitorEndsWithItsQemu(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start(); Monitor monitor = qemu.monitor()) {
			qemu.kill();
			assertThatExceptionOfType(UncheckedIOException.class)
				.isThrownBy(() -> monitor.awaitEvent("SHUTDOWN", (data) -> true, DEADLINE))
				.withMessageContaining("The monitor ended without the event SHUTDOWN");
		}
	}

}
