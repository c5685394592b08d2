package dev.iothreads.fleet;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

/**
 * A service that is stopped in the middle of a visit.
 */
class FrozenVisitTests {

	// Longer than a visit may last.
	private static final Duration LONGER = Duration.ofSeconds(2);

	@TempDir
	Path directory;

	@EveryQemu
	void itKeepsTheMonitorUntilItGoesOn(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start();
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				ServiceProcess service = start(proxy.socket())) {
			freeze(service, proxy);
			CompletableFuture<JsonNode> other = CompletableFuture.supplyAsync(() -> ask(qemu));
			assertThatExceptionOfType(TimeoutException.class)
				.isThrownBy(() -> other.get(LONGER.toMillis(), TimeUnit.MILLISECONDS));
			service.signal("CONT");
			assertThat(other.get(60, TimeUnit.SECONDS).path("running").asBoolean()).isFalse();
			proxy.release();
			service.awaitState("vm1", "up");
		}
	}

	@EveryQemu
	void itsEndFreesTheMonitor(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start();
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				ServiceProcess service = start(proxy.socket())) {
			freeze(service, proxy);
			CompletableFuture<JsonNode> other = CompletableFuture.supplyAsync(() -> ask(qemu));
			service.signal("KILL");
			assertThat(other.get(60, TimeUnit.SECONDS).path("running").asBoolean()).isFalse();
		}
	}

	@EveryQemu
	void withAMonitorOfItsOwnItKeepsNothingFromOthers(QemuBinary binary) throws Exception {
		Assumptions.assumeTrue(binary.isAtLeast(11, 1), "monitors are objects since QEMU 11.1");
		Path own = Files.createDirectory(this.directory.resolve("own"));
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start();
				ServiceProcess service = ServiceProcess.start(List.of(), List.of("-Xmx128m"),
						"--iothreads.machines.vm1.monitor=unix:" + qemu.socket(), "--iothreads.machines.vm1.hold=own",
						"--iothreads.own-monitor.directory=" + own)) {
			service.awaitState("vm1", "up");
			assertThat(own).isDirectoryContaining("glob:**/iothread-inventory-*.sock");
			service.signal("STOP");
			for (int i = 0; i < 10; i++) {
				assertThat(ask(qemu).path("running").asBoolean(true)).isFalse();
			}
			service.signal("CONT");
			service.awaitState("vm1", "up");
			service.signal("KILL");
			await().atMost(RunningService.DEADLINE).untilAsserted(() -> assertThat(own).isEmptyDirectory());
			assertThat(ask(qemu).path("running").asBoolean(true)).isFalse();
		}
	}

	private static ServiceProcess start(Path monitor) {
		return ServiceProcess.start(List.of(), List.of("-Xmx128m"), "--iothreads.machines.vm1.monitor=unix:" + monitor,
				"--iothreads.machines.vm1.hold=false", "--iothreads.idle-interval=1s");
	}

	private static void freeze(ServiceProcess service, MonitorProxy proxy) throws InterruptedException {
		CountDownLatch stopped = new CountDownLatch(1);
		proxy.stopAt("qmp_capabilities", () -> {
			proxy.hold();
			service.signal("STOP");
			stopped.countDown();
		});
		assertThat(stopped.await(60, TimeUnit.SECONDS)).as("a visit").isTrue();
	}

	private static JsonNode ask(Qemu qemu) {
		try (Monitor monitor = Monitor.connect(qemu.socket())) {
			return monitor.execute("query-status");
		}
	}

}
