package dev.iothreads.embedded;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The demo as a newcomer sees it.
 */
class SimulatedDemoTests {

	private static final String DEMO = "/api/v1/machines/demo";

	private static final String JSON = "application/json";

	private static RunningService service;

	@BeforeAll
	static void start() {
		service = RunningService.start("--iothreads.simulated=true");
	}

	@AfterAll
	static void stop() {
		service.close();
	}

	@Test
	void itSaysThatItIsSimulated() {
		JsonNode machine = service.get(DEMO).json();
		assertThat(machine.path("reading").asString()).isEqualTo("simulated");
		assertThat(machine.path("reading-limits").asString()).contains("its load are simulated");
		assertThat(machine.path("run-state").asString()).isEqualTo("running");
	}

	@Test
	void itWorks() {
		double[] before = { operations("blk0"), cpu("iothread0"), cpu("iothread1") };
		await().atMost(RunningService.DEADLINE).until(() -> operations("blk0") - before[0] > 3000);
		double busy = cpu("iothread0") - before[1];
		assertThat(busy).isPositive().isGreaterThan(5 * (cpu("iothread1") - before[2]));
	}

	@Test
	void aDeviceIsOrphaned() {
		assertThat(service.get(DEMO + "/devices/lost0").json().path("state").asString()).isEqualTo("orphaned");
		assertThat(service.metrics()).contains("iothread_orphaned_devices{machine=\"demo\"} 1.0");
	}

	@Test
	void aDeviceTakesFourSecondsToLetGoAndOneNeverDoes() {
		long begin = System.nanoTime();
		RunningService.Answer slow = service.send("DELETE", DEMO + "/devices/slow0", JSON, "");
		assertThat(slow.status()).isEqualTo(204);
		assertThat(Duration.ofNanos(System.nanoTime() - begin)).isBetween(Duration.ofMillis(3900),
				Duration.ofSeconds(9));
		assertThat(service.get(DEMO + "/devices/slow0").status()).isEqualTo(404);
		assertThat(service.send("DELETE", DEMO + "/devices/stuck0?force=false", JSON, "").status()).isEqualTo(202);
		JsonNode stuck = service.get(DEMO + "/devices/stuck0").json();
		assertThat(stuck.path("state").asString()).isEqualTo("detaching");
		assertThat(stuck.path("reason").asString()).contains("stuck0 stays");
	}

	private static double operations(String device) {
		List<Double> counts = new ArrayList<>();
		for (JsonNode each : service.get("/api/v1/activity").json().path(0).path("devices")) {
			if (each.path("id").asString().equals(device)) {
				each.path("operations").forEach((count) -> counts.add(count.path("count").asDouble()));
			}
		}
		return counts.stream().mapToDouble(Double::doubleValue).sum();
	}

	private static double cpu(String iothread) {
		for (JsonNode each : service.get("/api/v1/activity").json().path(0).path("iothreads")) {
			if (each.path("id").asString().equals(iothread)) {
				return each.path("cpu-user-seconds").asDouble();
			}
		}
		throw new AssertionError("no CPU time of " + iothread);
	}

}
