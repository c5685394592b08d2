package dev.iothreads.fleet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.fleet.RunningService.Answer;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * How old an answer is, what it says of its age, and what a reading costs QEMU.
 */
class FreshnessTests {

	private static final String VISITING = "--iothreads.machines.vm1.hold=false";

	private static final String IOTHREADS = "/api/v1/machines/vm1/iothreads";

	private Path directory;

	private Qemu qemu;

	private MonitorProxy proxy;

	@BeforeEach
	void createDirectory() throws IOException {
		this.directory = Files.createTempDirectory("fresh");
	}

	@AfterEach
	void endQemu() throws IOException {
		if (this.qemu != null) {
			this.proxy.close();
			this.qemu.close();
		}
		Files.delete(this.directory);
	}

	@EveryQemu
	void aReadingInSteadyStateIsThreeCommandsHoweverManyAskAndFourOnAnOlderQemu(QemuBinary binary) {
		int most = binary.isAtLeast(10, 1) ? 3 : 4;
		try (RunningService service = start(binary, "--iothreads.max-age=0s", "--iothreads.refresh-interval=1h")) {
			int askers = 20;
			this.proxy.takeCommands();
			this.proxy.hold();
			List<CompletableFuture<Answer>> answers = new ArrayList<>();
			try {
				for (int i = 0; i < askers; i++) {
					answers.add(service.ask(IOTHREADS));
				}
				awaitActive(service, askers);
				assertThat(this.proxy.commands()).hasSizeLessThanOrEqualTo(most).containsOnlyOnce("query-iothreads");
			}
			finally {
				this.proxy.release();
			}
			assertThat(answers).allSatisfy((answer) -> assertThat(answer.join().json()).hasSize(1));
			assertThat(this.proxy.commands()).hasSizeLessThanOrEqualTo(most);
			this.proxy.takeCommands();
			for (int i = 0; i < 10; i++) {
				assertThat(service.get(IOTHREADS).status()).isEqualTo(200);
			}
			assertThat(this.proxy.commands()).hasSizeLessThanOrEqualTo(10 * most)
				.filteredOn("query-iothreads"::equals)
				.hasSize(10);
		}
	}

	@EveryQemu
	void aReadingIsOneVisitHoweverManyAskWithinItsAge(QemuBinary binary) {
		List<String> pages = List.of("/", "/api/v1/machines", IOTHREADS, "/actuator/prometheus");
		try (RunningService service = start(binary, VISITING, "--iothreads.max-age=1h",
				"--iothreads.refresh-interval=1h")) {
			this.proxy.takeCommands();
			pages.forEach((page) -> assertThat(service.get(page).status()).isEqualTo(200));
			assertThat(this.proxy.commands()).isEmpty();
			assertThat(service.machine("vm1").path("reading").asString()).isEqualTo("visit");
		}
		String monitor = "--iothreads.machines.vm1.monitor=unix:" + this.directory.resolve("proxy");
		try (RunningService held = RunningService.start(monitor)) {
			await().atMost(RunningService.DEADLINE).until(() -> held.state("vm1").equals("up"));
			assertThat(held.machine("vm1").has("reading")).isFalse();
		}
		try (RunningService service = RunningService.start(monitor, VISITING, "--iothreads.max-age=0s",
				"--iothreads.refresh-interval=1h")) {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			this.proxy.takeCommands();
			pages.forEach(service::get);
			assertThat(this.proxy.commands()).filteredOn("query-iothreads"::equals)
				.hasSizeLessThanOrEqualTo(pages.size());
		}
	}

	@EveryQemu
	void whatDevicesDoIsCountedOnceInAReading(QemuBinary binary) {
		try (RunningService service = start(binary, "--iothreads.max-age=0s", "--iothreads.refresh-interval=1h")) {
			this.proxy.takeCommands();
			String first = countedAt(service);
			String second = countedAt(service);
			assertThat(second).isGreaterThan(first);
			assertThat(this.proxy.commands()).filteredOn("query-blockstats"::equals).hasSize(2);
			assertThat(this.proxy.commands()).filteredOn("query-iothreads"::equals).hasSize(2);
		}
	}

	@Test
	void aScrapeReadsTheMachineOnceAndDoesNotWaitForOneThatHangs() {
		try (RunningService service = start(anyQemu(), "--iothreads.max-age=0s", "--iothreads.refresh-interval=1h")) {
			this.proxy.takeCommands();
			assertThat(service.get("/actuator/prometheus").body()).contains("iothread_attached_cnt{");
			assertThat(this.proxy.commands()).containsOnlyOnce("query-iothreads");
			this.proxy.hold();
			try {
				assertThat(service.get("/actuator/prometheus").body()).contains("iothread_attached_cnt{");
				assertThat(this.proxy.commands()).filteredOn("query-iothreads"::equals).hasSize(2);
			}
			finally {
				this.proxy.release();
			}
		}
	}

	private static String countedAt(RunningService service) {
		return service.get("/api/v1/activity").json().path(0).path("observed-at").asString();
	}

	@Test
	void anAnswerIsNoOlderThanAllowedAndTellsItsAge() {
		try (RunningService service = start(anyQemu(), "--iothreads.max-age=3s", "--iothreads.refresh-interval=1h")) {
			Instant begun = Instant.now();
			String first = observedAt(service);
			this.proxy.takeCommands();
			await().pollInterval(Duration.ofMillis(50)).atMost(RunningService.DEADLINE).until(() -> {
				Instant before = Instant.now();
				Answer answer = service.get("/api/v1/machines/vm1");
				Instant after = Instant.now();
				Instant observed = Instant.parse(answer.json().path("observed-at").asString());
				assertThat(answer.header("cache-control")).isEqualTo("no-cache");
				assertThat(Duration.between(observed, before)).isLessThan(Duration.ofMillis(3005));
				assertThat(Long.parseLong(answer.header("age"))).isBetween(
						Duration.between(observed, before).minusMillis(5).toSeconds(),
						Duration.between(observed, after).plusMillis(5).toSeconds());
				return !answer.json().path("observed-at").asString().equals(first);
			});
			assertThat(Duration.between(begun, Instant.now())).isGreaterThan(Duration.ofMillis(1500));
			assertThat(this.proxy.commands()).filteredOn("query-iothreads"::equals).hasSize(1);
		}
	}

	@Test
	void whatIsUnchangedIsNotSentAgain() {
		try (RunningService service = start(anyQemu(), "--iothreads.max-age=0s", "--iothreads.refresh-interval=1h")) {
			for (String path : List.of(IOTHREADS, IOTHREADS + "/iothread0", IOTHREADS + "/iothread0/devices",
					"/api/v1/machines/vm1/devices", "/api/v1/machines/vm1/devices/blk0", "/api/v1/iothreads")) {
				String tag = service.get(path).header("etag");
				assertThat(tag).as(path).isNotEmpty();
				Answer again = service.get(path, "If-None-Match", tag);
				assertThat(again.status()).as(path).isEqualTo(304);
				assertThat(again.body()).isEmpty();
				assertThat(again.header("etag")).isEqualTo(tag);
				assertThat(again.header("cache-control")).isEqualTo("no-cache");
			}
			String tag = service.get(IOTHREADS).header("etag");
			plug();
			Answer changed = service.get(IOTHREADS, "If-None-Match", tag);
			assertThat(changed.status()).isEqualTo(200);
			assertThat(changed.header("etag")).isNotEqualTo(tag);
			assertThat(changed.json().path(0).path("attached-cnt").asInt()).isEqualTo(11);
		}
	}

	@Test
	void whatOthersPlugIsSeenWithoutAnybodyAsking() {
		try (RunningService service = start(anyQemu(), "--iothreads.max-age=0s",
				"--iothreads.refresh-interval=200ms")) {
			awaitAttached(service, 10);
			plug();
			awaitAttached(service, 11);
		}
	}

	@Test
	void whatOthersUnplugIsSeenAtOnceWithoutAnybodyAsking() {
		try (RunningService service = start(anyQemu(), "--iothreads.max-age=1h", "--iothreads.refresh-interval=1h")) {
			awaitAttached(service, 10);
			try (Monitor monitor = this.qemu.monitor()) {
				monitor.execute("device_del", Map.of("id", "blk8"));
				// No guest lets go of it, but a reset does.
				monitor.execute("system_reset");
			}
			awaitAttached(service, 9);
		}
	}

	private static QemuBinary anyQemu() {
		return QemuBinary.at(Needs.program("qemu-system-x86_64", "qemu-system-x86"));
	}

	private RunningService start(QemuBinary binary, String... args) {
		startQemu(binary);
		List<String> all = new ArrayList<>(List.of(args));
		all.add("--iothreads.machines.vm1.monitor=unix:" + this.directory.resolve("proxy"));
		all.add("--iothreads.timeouts.command=30s");
		RunningService service = RunningService.start(all.toArray(String[]::new));
		await().atMost(RunningService.DEADLINE).until(() -> !observedAt(service).isEmpty());
		return service;
	}

	private void startQemu(QemuBinary binary) {
		List<String> args = new ArrayList<>(
				List.of("-object", "iothread,id=iothread0", "-device", "pcie-root-port,id=port0,chassis=1", "-device",
						"pcie-root-port,id=port1,chassis=2", "-device", "virtio-scsi-pci,id=scsi0,iothread=iothread0"));
		for (int disk = 0; disk < 10; disk++) {
			args.addAll(List.of("-blockdev", "null-co,read-zeroes=on,node-name=disk" + disk));
		}
		for (int disk = 0; disk < 8; disk++) {
			args.addAll(
					List.of("-device", "virtio-blk-pci,iothread=iothread0,drive=disk%d,id=blk%1$d".formatted(disk)));
		}
		args.addAll(List.of("-device", "virtio-blk-pci,iothread=iothread0,drive=disk8,id=blk8,bus=port1"));
		this.qemu = Qemu.of(binary).args(args.toArray(String[]::new)).start();
		this.proxy = new MonitorProxy(this.directory.resolve("proxy"), this.qemu.socket());
	}

	private void plug() {
		try (Monitor monitor = this.qemu.monitor()) {
			monitor.execute("device_add", Map.of("driver", "virtio-blk-pci", "id", "blk9", "drive", "disk9", "iothread",
					"iothread0", "bus", "port0"));
		}
	}

	private static String observedAt(RunningService service) {
		return service.machine("vm1").path("observed-at").asString("");
	}

	private static void awaitActive(RunningService service, int requests) {
		await().atMost(RunningService.DEADLINE)
			.until(() -> service.metrics()
				.stream()
				.filter((line) -> line.startsWith("http_server_requests_active_seconds_count")
						&& !line.contains("prometheus"))
				.mapToDouble((line) -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
				.sum() >= requests);
	}

	private static void awaitAttached(RunningService service, int devices) {
		await().atMost(RunningService.DEADLINE)
			.until(() -> service.metrics()
				.contains("iothread_attached_cnt{iothread=\"iothread0\",machine=\"vm1\"} " + devices + ".0"));
	}

}
