package dev.iothreads.fleet;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

/**
 * How the monitors that were found are used, switched by configuration while their QEMU
 * runs on.
 */
class HoldTests {

	// Longer than a visit may last.
	private static final Duration LONGER = Duration.ofSeconds(2);

	@TempDir
	Path directory;

	@EveryQemu
	void itIsSwitchedByConfiguration(QemuBinary binary) throws Exception {
		Path own = Files.createDirectory(this.directory.resolve("own"));
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=io0")
			.monitor("vm1")
			.in(Files.createDirectory(this.directory.resolve("found")))
			.start()) {
			for (int i = 0; i < 2; i++) {
				CompletableFuture<JsonNode> other;
				try (RunningService service = start(qemu, "true")) {
					assertThat(machine(service).has("reading")).isFalse();
					other = CompletableFuture.supplyAsync(() -> ask(qemu));
					CompletableFuture<JsonNode> waiting = other;
					assertThatExceptionOfType(TimeoutException.class)
						.isThrownBy(() -> waiting.get(LONGER.toMillis(), TimeUnit.MILLISECONDS));
				}
				assertThat(other.get(60, TimeUnit.SECONDS).has("status")).isTrue();
				try (RunningService service = start(qemu, "false")) {
					assertThat(machine(service).path("reading").asString()).isEqualTo("visit");
					assertThat(ask(qemu).has("status")).isTrue();
				}
				try (RunningService service = start(qemu, "own", "--iothreads.own-monitor.directory=" + own)) {
					boolean makes = binary.isAtLeast(11, 1);
					await().atMost(RunningService.DEADLINE)
						.until(() -> machine(service).path("reading").asString("").equals(makes ? "" : "visit"));
					assertThat(own.toFile().list()).hasSize(makes ? 1 : 0);
					assertThat(ask(qemu).has("status")).isTrue();
				}
				await().atMost(RunningService.DEADLINE).untilAsserted(() -> assertThat(own).isEmptyDirectory());
			}
		}
	}

	private static RunningService start(Qemu qemu, String hold, String... more) {
		String[] args = new String[more.length + 2];
		args[0] = "--iothreads.discovery.directory=" + qemu.socket().getParent();
		args[1] = "--iothreads.discovery.hold=" + hold;
		System.arraycopy(more, 0, args, 2, more.length);
		return RunningService.start(args);
	}

	private static JsonNode machine(RunningService service) {
		await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
		return service.machine("vm1");
	}

	private static JsonNode ask(Qemu qemu) {
		try (Monitor monitor = Monitor.connect(qemu.socket())) {
			return monitor.execute("query-status");
		}
	}

}
