package dev.iothreads.metrics;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static dev.iothreads.metrics.PuppetMachine.disk;
import static dev.iothreads.metrics.PuppetMachine.iothread;
import static dev.iothreads.metrics.PuppetMachine.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The meters that every registry of Micrometer gets.
 */
class MeterTests {

	private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1));

	private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

	private final PuppetMachine vm1 = new PuppetMachine();

	@AfterEach
	void close() {
		this.inventory.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void aRegistryGetsTheMachinesThatWereThereBefore() {
		this.inventory.add("vm1", this.vm1);
		this.vm1.show(snapshot(List.of(iothread("io0", 11)), disk("blk0", "io0")));
		PageTests.bindAll(this.inventory, this.registry);
		assertThat(attachedCount(this.registry, "io0")).isEqualTo(1);
	}

	@Test
	void severalRegistriesHaveTheSameRowsAndLoseThemTogether() {
		PrometheusMeterRegistry page = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
		SimpleMeterRegistry member = new SimpleMeterRegistry();
		CompositeMeterRegistry composite = new CompositeMeterRegistry();
		composite.add(member);
		List<MeterRegistry> registries = List.of(this.registry, page, composite);
		registries.forEach((each) -> PageTests.bindAll(this.inventory, each));
		this.inventory.add("vm1", this.vm1);
		this.vm1.show(busy());
		assertThat(List.of(this.registry, page, member))
			.allSatisfy((each) -> assertThat(names(each)).containsExactlyInAnyOrder("iothread.machine.up",
					"iothread.machine.info", "iothread.observed.timestamp", "iothread.uneven",
					"iothread.orphaned.devices", "iothread.orphaned.threads", "iothread.attached.cnt",
					"iothread.device.attached", "iothread.info", "iothread.poll.max", "iothread.poll.grow",
					"iothread.poll.shrink", "iothread.poll.weight", "iothread.aio.max.batch", "iothread.cpu",
					"iothread.refresh"));
		this.vm1.fall("it was stopped");
		assertThat(List.of(this.registry, page, member, composite))
			.allSatisfy((each) -> assertThat(names(each)).containsExactly("iothread.machine.up"));
		this.inventory.remove("vm1");
		assertThat(List.of(this.registry, page, member, composite))
			.allSatisfy((each) -> assertThat(each.getMeters()).isEmpty());
	}

	@Test
	void aValueThatChangesIsThatOfTheSameMeter() {
		PageTests.bindAll(this.inventory, this.registry);
		this.inventory.add("vm1", this.vm1);
		this.vm1.show(snapshot(List.of(iothread("io0", 11))));
		Meter before = this.registry.get("iothread.attached.cnt").gauge();
		this.vm1.show(snapshot(List.of(iothread("io0", 11)), disk("blk0", "io0")));
		assertThat(this.registry.get("iothread.attached.cnt").gauge()).isSameAs(before);
		assertThat(attachedCount(this.registry, "io0")).isEqualTo(1);
	}

	@Test
	void theMetricsEndpointShowsThem() {
		try (RunningService service = RunningService
			.start("--management.endpoints.web.exposure.include=health,prometheus,metrics")) {
			String row = "/actuator/metrics/iothread.attached.cnt?tag=machine:demo&tag=iothread:iothread0";
			await().atMost(RunningService.DEADLINE)
				.untilAsserted(() -> assertThat(service.get(row).json().at("/measurements/0/value").asDouble(-1))
					.isEqualTo(2));
			assertThat(service.get("/actuator/metrics").body()).contains("\"iothread.machine.up\"",
					"\"iothread.device.attached\"", "\"iothread.poll.max\"");
		}
	}

	@Test
	void theMetersOutliveAGarbageCollection() {
		PageTests.bindAll(this.inventory, this.registry);
		this.inventory.add("vm1", this.vm1);
		this.vm1.show(busy());
		Runtime.getRuntime().gc();
		assertThat(attachedCount(this.registry, "io0")).isEqualTo(1);
		assertThat(this.registry.get("iothread.cpu").tag("mode", "user").functionCounter().count()).isEqualTo(7);
	}

	private static Snapshot busy() {
		return snapshot(List.of(iothread("io0", 11)), disk("blk0", "io0"))
			.with(new Activity(Map.of("io0", new FixedThread(7, 3)), null, Map.of(), null));
	}

	private static double attachedCount(MeterRegistry registry, String iothread) {
		return registry.get("iothread.attached.cnt").tags("machine", "vm1", "iothread", iothread).gauge().value();
	}

	private static List<String> names(MeterRegistry registry) {
		return registry.getMeters().stream().map((meter) -> meter.getId().getName()).distinct().toList();
	}

}
