package dev.iothreads.metrics;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.metrics.Dashboard.Expression;
import dev.iothreads.metrics.Monitoring.Outcome;
import dev.iothreads.metrics.Prometheus.Sample;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * A real Prometheus scrapes the service, which watches a QEMU of each kind: their guests
 * stand still. Another one's guest, {@code busy}, writes for ever, and that of
 * {@code done} has written what it had to.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PrometheusOnQemuTests {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final Duration RATE_INTERVAL = Duration.ofSeconds(30);

	private static final int WRITES = 40;

	private static final String ALL = ".*";

	private final List<AutoCloseable> open = new ArrayList<>();

	private final List<QemuBinary> binaries = QemuBinary.all();

	@TempDir
	private static Path directory;

	private RunningService service;

	private Prometheus prometheus;

	@BeforeAll
	void start() {
		QemuBinary binary = QemuBinary.at(Needs.program("qemu-system-x86_64", "qemu-system-x86"));
		List<String> machines = new ArrayList<>();
		for (QemuBinary each : this.binaries) {
			add(machines, "vm" + each.major(), each, 0, false);
		}
		cont(add(machines, "busy", binary, 65535, true));
		cont(add(machines, "done", binary, WRITES, false));
		this.service = RunningService.start(machines.toArray(String[]::new));
		this.open.add(this.service);
		this.prometheus = Prometheus.start(directory, this.service.port());
		this.open.add(this.prometheus);
	}

	private Qemu add(List<String> machines, String name, QemuBinary binary, int writes, boolean forever) {
		Path image = BootSector.image(directory.resolve(name + ".img"), writes, forever);
		Qemu qemu = Qemu.of(binary)
			.args(BootSector.args(image))
			.args("-object", "iothread,id=iothread1", "-object", "iothread,id=iothread2", "-blockdev",
					"null-co,node-name=disk1", "-device", "virtio-blk-pci,id=blk1,drive=disk1,iothread=iothread1")
			.start();
		this.open.add(qemu);
		machines.add("--iothreads.machines." + name + ".monitor=unix:" + qemu.socket());
		return qemu;
	}

	private static void cont(Qemu qemu) {
		try (Monitor monitor = qemu.monitor()) {
			monitor.execute("cont");
		}
	}

	@AfterAll
	void stop() throws Exception {
		for (int i = this.open.size() - 1; i >= 0; i--) {
			this.open.get(i).close();
		}
	}

	@Test
	void everyExpressionOfTheDashboardReturnsData() {
		for (Expression expression : Dashboard.ofTheChart().expressions()) {
			if (!expression.text().contains("poll_weight") || hasPollWeight()) {
				awaitSamples(expression.with(ALL, RATE_INTERVAL));
			}
		}
	}

	@Test
	void theVariableOfTheDashboardListsTheMachines() {
		String query = Dashboard.ofTheChart().variable("machine").path("query").path("query").asString();
		assertThat(query).isEqualTo("label_values(iothread_machine_up{node=~\"$node\"}, machine)");
		await().atMost(DEADLINE)
			.untilAsserted(() -> assertThat(
					this.prometheus.query("iothread_machine_up").stream().map((sample) -> sample.label("machine")))
				.hasSize(this.binaries.size() + 2)
				.contains("busy", "done"));
	}

	@Test
	void everyRuleIsEvaluatedWithoutComplaint() {
		await().atMost(DEADLINE)
			.untilAsserted(() -> assertThat(this.prometheus.rules()).isNotEmpty()
				.allSatisfy((rule) -> assertThat(rule.path("health").asString()).as(rule.toString()).isEqualTo("ok")));
		assertThat(this.prometheus.rules())
			.allSatisfy((rule) -> assertThat(rule.path("lastError").asString("")).isEmpty());
	}

	@Test
	void everyRecordedSeriesHasData() {
		for (JsonNode rule : this.prometheus.rules()) {
			if (rule.path("type").asString().equals("recording")) {
				awaitSamples(rule.path("name").asString());
			}
		}
	}

	@Test
	void whatAGuestWroteIsWhatPrometheusHas() {
		String series = "iothread_device_bytes_total{machine=\"done\", device=\"blk0\", operation=\"write\"}";
		await().atMost(DEADLINE)
			.untilAsserted(() -> assertThat(this.prometheus.query(series)).extracting(Sample::value)
				.containsExactly((double) WRITES * BootSector.WRITE));
		assertThat(this.prometheus.query(series.replace("bytes", "operations"))).extracting(Sample::value)
			.containsExactly((double) WRITES);
	}

	@Test
	void theLoadIsThatOfTheThreadThatDoesTheWork() {
		await().atMost(DEADLINE).untilAsserted(() -> {
			assertThat(value("machine_iothread:iothread_device_operations:rate5m", "iothread0")).isPositive();
			assertThat(value("machine_iothread:iothread_cpu_seconds:rate5m", "iothread0")).isPositive();
		});
		assertThat(value("machine_iothread:iothread_device_operations:rate5m", "iothread1")).isZero();
		assertThat(value("machine_iothread:iothread_device_operations:rate5m", "iothread2")).isZero();
		assertThat(value("machine_iothread:iothread_cpu_seconds:rate5m", "iothread2")).isLessThan(0.1);
	}

	@Test
	void everyThreadOfEveryMachineHasItsCpuTime() {
		String threads = "count by (machine) (iothread_cpu_seconds_total)";
		await().atMost(DEADLINE)
			.untilAsserted(() -> assertThat(this.prometheus.query(threads)).hasSize(this.binaries.size() + 2)
				.allSatisfy((sample) -> assertThat(sample.value()).isEqualTo(3 * 2)));
	}

	@Test
	void theAttachmentsThatPrometheusHasAddUpToItsCounts() {
		awaitSamples("iothread_attached_cnt");
		List<Sample> sums = this.prometheus.query(
				"sum by (machine, iothread) (iothread_device_attached) - on (machine, iothread) iothread_attached_cnt");
		assertThat(sums).isNotEmpty().extracting(Sample::value).containsOnly(0.0);
	}

	@Test
	void aMachineThatGoesDownLeavesNothingButThat(@TempDir Path home) {
		try (Qemu qemu = Qemu.of(this.binaries.get(0)).monitor("gone").args("-object", "iothread,id=iothread0").start();
				RunningService service = RunningService
					.start("--iothreads.machines.gone.monitor=unix:" + qemu.socket());
				Prometheus watching = Prometheus.start(home, service.port())) {
			String all = "{__name__=~\"iothread_.+\", machine=\"gone\"}";
			await().atMost(DEADLINE).until(() -> watching.query(all).size() > 5);
			qemu.kill();
			await().atMost(DEADLINE).untilAsserted(() -> {
				List<Sample> left = watching.query(all);
				assertThat(left).extracting((sample) -> sample.label("__name__"))
					.containsExactly("iothread_machine_up");
				assertThat(left.get(0).value()).isZero();
			});
		}
	}

	@Test
	void promtoolHasNoComplaintAboutOurSeries() {
		await().atMost(DEADLINE).until(() -> this.service.state("busy").equals("up"));
		String page = String.join("\n", this.service.metrics()) + "\n";
		assertThat(page).contains("iothread_cpu_seconds_total", "iothread_device_bytes_total");
		Outcome check = Monitoring.promtool(page, "check", "metrics");
		assertThat(check.words().lines()).noneMatch((line) -> line.contains("iothread_"));
		assertThat(check.words()).doesNotContain("error while linting");
	}

	@Test
	void openMetricsIsGivenToWhomAsksForIt() {
		String asked = "application/openmetrics-text; version=1.0.0; charset=utf-8";
		RunningService.Answer page = this.service.get("/actuator/prometheus", "Accept", asked);
		assertThat(page.header("content-type")).startsWith("application/openmetrics-text");
		assertThat(page.body()).endsWith("# EOF\n");
		assertThat(this.service.get("/actuator/prometheus").header("content-type")).startsWith("text/plain");
	}

	private boolean hasPollWeight() {
		return this.binaries.stream().anyMatch((binary) -> binary.isAtLeast(11, 1));
	}

	private double value(String series, String iothread) {
		List<Sample> samples = this.prometheus
			.query("%s{machine=\"busy\", iothread=\"%s\"}".formatted(series, iothread));
		assertThat(samples).as(series + " of " + iothread).hasSize(1);
		return samples.get(0).value();
	}

	private void awaitSamples(String expression) {
		await(expression).atMost(DEADLINE).until(() -> !this.prometheus.query(expression).isEmpty());
	}

}
