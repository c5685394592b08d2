package dev.iothreads.web;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.MachineState;
import dev.iothreads.testing.Needs;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;

import static dev.iothreads.web.ShownMachine.iothread;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * What Kubernetes and Prometheus look at.
 */
@WebTest
class ActuatorTests {

	private final Wire wire;

	private final Inventory inventory;

	ActuatorTests(@LocalServerPort int port, @Autowired Inventory inventory) {
		this.wire = new Wire(port);
		this.inventory = inventory;
	}

	@AfterEach
	void forgetMachine() {
		this.inventory.remove("vm1");
	}

	@ParameterizedTest
	@ValueSource(strings = { "/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness" })
	void theServiceIsHealthyWhateverBecomesOfAMachine(String target) throws IOException {
		this.inventory.add("vm1", FailingMachine.unavailable(MachineState.DOWN, "vm1 is down."));
		Wire.Answer answer = this.wire.get(target);
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.json().path("status").asString()).isEqualTo("UP");
	}

	@Test
	void nothingButHealthAndPrometheusIsExposed() throws IOException {
		assertThat(this.wire.get("/actuator").json().path("_links").propertyNames()).containsExactlyInAnyOrder("self",
				"health", "health-path", "prometheus");
		for (String endpoint : List.of("env", "beans", "heapdump", "shutdown", "metrics", "info", "loggers")) {
			assertThat(this.wire.get("/actuator/" + endpoint).status()).as(endpoint).isEqualTo(404);
		}
	}

	@Test
	void thePrometheusPageShowsTheIOThreads() throws IOException {
		assertThat(this.wire.get("/actuator/prometheus").body().lines()).contains(
				"iothread_attached_cnt{iothread=\"iothread0\",machine=\"demo\"} 2.0",
				"iothread_attached_cnt{iothread=\"iothread1\",machine=\"demo\"} 1.0",
				"iothread_info{iothread=\"iothread0\",machine=\"demo\",thread_id=\"5281\"} 1",
				"iothread_machine_up{machine=\"demo\"} 1.0");
	}

	@Test
	void aMachineThatIsDownIsSaidToBeAndNothingElseOfIt() throws IOException {
		this.inventory.add("vm1", FailingMachine.unavailable(MachineState.DOWN, "vm1 is down."));
		assertThat(this.wire.get("/actuator/prometheus").body().lines())
			.filteredOn((line) -> line.startsWith("iothread_") && line.contains("machine=\"vm1\""))
			.contains("iothread_machine_up{machine=\"vm1\"} 0.0")
			.noneMatch((line) -> line.startsWith("iothread_attached_cnt") || line.startsWith("iothread_info"));
	}

	@Test
	void aMachineThatIsNoLongerThereLeavesThePage() throws IOException {
		this.inventory.add("vm1", new ShownMachine(List.of(iothread("a", 1)), List.of()));
		assertThat(this.wire.get("/actuator/prometheus").body())
			.contains("iothread_attached_cnt{iothread=\"a\",machine=\"vm1\"} 0.0");
		this.inventory.remove("vm1");
		assertThat(this.wire.get("/actuator/prometheus").body()).doesNotContain("machine=\"vm1\"");
	}

	@Test
	void promtoolFindsNothingWrongWithTheMetrics() throws IOException, InterruptedException {
		Path promtool = Needs.program("promtool", "prometheus");
		String own = this.wire.get("/actuator/prometheus")
			.body()
			.lines()
			.filter((line) -> line.matches("(# (HELP|TYPE) )?iothread_.*"))
			.map((line) -> line + "\n")
			.collect(Collectors.joining());
		Process check = new ProcessBuilder(promtool.toString(), "check", "metrics").redirectErrorStream(true).start();
		try (OutputStream in = check.getOutputStream()) {
			in.write(own.getBytes(StandardCharsets.UTF_8));
		}
		String said = new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
		assertThat(own).contains("# TYPE iothread_attached_cnt gauge");
		assertThat(said).isEmpty();
		assertThat(check.waitFor()).isZero();
	}

	@ParameterizedTest
	@ValueSource(strings = { "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0" })
	void prometheusGetsTheFormatItAsksFor(String format) throws IOException {
		Wire.Answer answer = this.wire.get("/actuator/prometheus", "Accept: " + format);
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.header("Content-Type")).startsWith(format);
	}

}
