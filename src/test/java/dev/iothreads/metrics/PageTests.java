package dev.iothreads.metrics;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import org.springframework.beans.factory.support.StaticListableBeanFactory;

import static dev.iothreads.metrics.PuppetMachine.disk;
import static dev.iothreads.metrics.PuppetMachine.iothread;
import static dev.iothreads.metrics.PuppetMachine.path;
import static dev.iothreads.metrics.PuppetMachine.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The lines of the page, of machines that are as the test says.
 */
class PageTests {

	private static final Map<IoOperation, IoCount> COUNTS = Map.of(IoOperation.READ, new IoCount(1, 512, 2_000_000_000),
			IoOperation.WRITE, new IoCount(3, 4096, 500_000_000), IoOperation.FLUSH, new IoCount(5, 0, 6_000_000),
			IoOperation.UNMAP, IoCount.ZERO);

	private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1));

	private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

	private final PuppetMachine vm1 = new PuppetMachine();

	@BeforeEach
	void bind() {
		this.registry.throwExceptionOnRegistrationFailure();
		bindAll(this.inventory, this.registry);
		new DeviceMetrics(this.inventory,
				new StaticListableBeanFactory(Map.of("page", this.registry.getPrometheusRegistry()))
					.getBeanProvider(PrometheusRegistry.class));
		this.inventory.add("vm1", this.vm1);
	}

	@AfterEach
	void close() {
		this.inventory.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void everySeriesOfTheContractIsThereWithItsLabels() {
		this.vm1.show(full(new FixedThread(7, 3)));
		assertThat(lines()).contains("iothread_machine_up{machine=\"vm1\"} 1.0",
				"iothread_machine_info{machine=\"vm1\",managed_by=\"libvirt\",qemu_version=\"11.1.3\",run_state=\"\"} 1",
				"iothread_orphaned_devices{machine=\"vm1\"} 1.0",
				"iothread_attached_cnt{iothread=\"io0\",machine=\"vm1\"} 2.0",
				"iothread_attached_cnt{iothread=\"io1\",machine=\"vm1\"} 1.0",
				"iothread_device_attached{device=\"blk0\",driver=\"virtio-blk-pci\",iothread=\"io0\",machine=\"vm1\"} 1.0",
				"iothread_device_attached{device=\"blk0\",driver=\"virtio-blk-pci\",iothread=\"io1\",machine=\"vm1\"} 1.0",
				"iothread_device_attached{device=\"nbd0\",driver=\"block-export\",iothread=\"io0\",machine=\"vm1\"} 1.0",
				"iothread_info{iothread=\"io0\",machine=\"vm1\",thread_id=\"11\"} 1",
				"iothread_poll_max_seconds{iothread=\"io0\",machine=\"vm1\"} 3.2768E-5",
				"iothread_poll_grow{iothread=\"io0\",machine=\"vm1\"} 2.0",
				"iothread_poll_shrink{iothread=\"io0\",machine=\"vm1\"} 3.0",
				"iothread_poll_weight{iothread=\"io0\",machine=\"vm1\"} 4.0",
				"iothread_aio_max_batch{iothread=\"io0\",machine=\"vm1\"} 5.0",
				"iothread_device_operations_total{device=\"blk0\",machine=\"vm1\",operation=\"read\"} 1.0",
				"iothread_device_operations_total{device=\"blk0\",machine=\"vm1\",operation=\"flush\"} 5.0",
				"iothread_device_operations_total{device=\"blk0\",machine=\"vm1\",operation=\"unmap\"} 0.0",
				"iothread_device_bytes_total{device=\"blk0\",machine=\"vm1\",operation=\"write\"} 4096.0",
				"iothread_device_operation_seconds_total{device=\"blk0\",machine=\"vm1\",operation=\"read\"} 2.0",
				"iothread_device_operation_seconds_total{device=\"blk0\",machine=\"vm1\",operation=\"write\"} 0.5");
		assertThat(lines("iothread_cpu_seconds_total")).hasSize(2)
			.allMatch((line) -> line.matches(
					"iothread_cpu_seconds_total\\{iothread=\"io0\",machine=\"vm1\",mode=\"(user|system)\"} [0-9.E-]+"));
		assertThat(lines("iothread_refresh_seconds"))
			.anyMatch((line) -> line.startsWith("iothread_refresh_seconds_count"))
			.anyMatch((line) -> line.startsWith("iothread_refresh_seconds_sum"))
			.noneMatch((line) -> line.contains("le="));
		assertThat(lines("iothread_device_bytes_total")).noneMatch((line) -> line.contains("flush"));
	}

	@Test
	void theAttachmentsAddUpToTheCounts() {
		this.vm1.show(full(new FixedThread(7, 3)));
		assertThat(sum("iothread_device_attached{")).isEqualTo(sum("iothread_attached_cnt{")).isEqualTo(3);
	}

	@Test
	void promtoolHasNothingToSay() {
		this.vm1.show(full(new FixedThread(7, 3)));
		Monitoring.Outcome check = Monitoring.promtool(this.registry.scrape(), "check", "metrics");
		assertThat(check.words()).isEmpty();
		assertThat(check.code()).isZero();
	}

	@Test
	void thePageIsToBeHadAsOpenMetrics() throws IOException {
		this.vm1.show(full(new FixedThread(7, 3)));
		ByteArrayOutputStream page = new ByteArrayOutputStream();
		this.registry.scrape(page, "application/openmetrics-text; version=1.0.0; charset=utf-8");
		assertThat(page.toString(StandardCharsets.UTF_8)).contains("# TYPE iothread_cpu_seconds counter\n")
			.contains("iothread_cpu_seconds_total{")
			.endsWith("# EOF\n");
	}

	@Test
	void aMachineThatIsDownLeavesNothingButThat() {
		this.vm1.show(full(new FixedThread(7, 3)));
		this.vm1.fall("it was stopped");
		assertThat(lines("iothread_")).containsExactly("iothread_machine_up{machine=\"vm1\"} 0.0");
	}

	@Test
	void aMachineThatHasLeftLeavesNothing() {
		this.vm1.show(full(new FixedThread(7, 3)));
		this.inventory.remove("vm1");
		assertThat(lines("iothread_")).isEmpty();
	}

	@Test
	void theTimeIsThatOfTheReadingThatIsShown() {
		Snapshot first = full(new FixedThread(7, 3));
		this.vm1.show(first);
		assertThat(observed()).isEqualTo(first.observedAt().toEpochMilli() / 1e3);
		this.vm1
			.show(new Snapshot(first.observedAt().plusSeconds(7), "11.1.3", null, first.iothreads(), first.devices()));
		assertThat(observed()).isEqualTo(first.observedAt().plusSeconds(7).toEpochMilli() / 1e3);
	}

	private double observed() {
		return Double.parseDouble(lines("iothread_observed_timestamp_seconds").get(0).split(" ")[1]);
	}

	@Test
	void whatIsRemovedLeavesWithTheNextReading() {
		this.vm1.show(full(new FixedThread(7, 3)));
		this.vm1.show(snapshot(List.of(iothread("io1", 12)), disk("blk1", "io1")));
		assertThat(lines("iothread_")).noneMatch((line) -> line.contains("\"io0\"") || line.contains("blk0"))
			.contains("iothread_attached_cnt{iothread=\"io1\",machine=\"vm1\"} 1.0",
					"iothread_orphaned_devices{machine=\"vm1\"} 0.0");
		assertThat(lines("iothread_device_operations_total")).isEmpty();
		assertThat(lines("iothread_cpu_seconds_total")).isEmpty();
	}

	@Test
	void aSettingThatTheQemuLacksHasNoRow() {
		this.vm1.show(snapshot(List
			.of(new IOThread("io0", 11, new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 0L)), List.of()))));
		assertThat(lines("iothread_poll_max_seconds")).hasSize(1);
		assertThat(lines("iothread_poll_weight")).isEmpty();
	}

	@Test
	void machinesDoNotTouchEachOthersRows() {
		PuppetMachine vm2 = new PuppetMachine();
		this.inventory.add("vm2", vm2);
		this.vm1.show(snapshot(List.of(iothread("io0", 11)), disk("blk0", "io0")));
		vm2.show(snapshot(List.of(iothread("io0", 21)), disk("blk0", "io0")));
		this.vm1.fall("it was stopped");
		assertThat(lines("iothread_attached_cnt"))
			.containsExactly("iothread_attached_cnt{iothread=\"io0\",machine=\"vm2\"} 1.0");
	}

	@Test
	void ofTwoDevicesWithTheSameIdTheFirstIsCounted() {
		Snapshot before = full(new FixedThread(7, 3));
		Device twin = new Device("blk0", "virtio-blk-pci", "/machine/peripheral/twin", List.of("io0"),
				DeviceState.ATTACHED, null, "node-blk0");
		Snapshot twins = new Snapshot(before.observedAt(), before.qemuVersion(), null, before.iothreads(),
				List.of(disk("blk0", "io0"), twin));
		this.vm1.show(twins.with(new Activity(Map.of(), null,
				Map.of(path("blk0"), COUNTS, twin.qomPath(), Map.of(IoOperation.READ, new IoCount(9, 9, 9))),
				Instant.now())));
		assertThat(lines("iothread_device_operations_total")).hasSize(4)
			.contains("iothread_device_operations_total{device=\"blk0\",machine=\"vm1\",operation=\"read\"} 1.0");
	}

	@Test
	void whatIsCountedGrowsWithTheNextReading() {
		Snapshot before = full(new FixedThread(7, 3));
		this.vm1.show(before);
		Map<IoOperation, IoCount> grown = Map.of(IoOperation.READ, new IoCount(7, 512, 2_000_000_000),
				IoOperation.WRITE, new IoCount(3, 4096, 500_000_000), IoOperation.FLUSH, new IoCount(5, 0, 6_000_000),
				IoOperation.UNMAP, IoCount.ZERO);
		this.vm1.show(before
			.with(new Activity(before.activity().threads(), null, Map.of(path("blk0"), grown), Instant.now())));
		assertThat(lines("iothread_device_operations_total")).hasSize(4)
			.contains("iothread_device_operations_total{device=\"blk0\",machine=\"vm1\",operation=\"read\"} 7.0");
	}

	@Test
	void aThreadThatComesBackUnderItsIdStartsANewCounter() {
		this.vm1.show(full(new FixedThread(7, 3)));
		assertThat(sum("iothread_cpu_seconds_total")).isEqualTo(10);
		this.vm1.show(full(new FixedThread(1, 1)));
		assertThat(lines("iothread_cpu_seconds_total")).hasSize(2);
		assertThat(sum("iothread_cpu_seconds_total")).isEqualTo(2);
	}

	@Test
	void aThreadThatHasEndedHasNoRow() {
		FixedThread thread = new FixedThread(7, 3);
		thread.end();
		this.vm1.show(full(thread));
		assertThat(lines("iothread_attached_cnt")).hasSize(2);
		assertThat(lines("iothread_cpu_seconds_total")).isEmpty();
	}

	@Test
	void aThreadsTimeIsReadWhenThePageIs() {
		FixedThread thread = new FixedThread(7, 3);
		this.vm1.show(full(thread));
		thread.work(1, 2);
		await().untilAsserted(() -> assertThat(lines("iothread_cpu_seconds_total")).containsExactly(
				"iothread_cpu_seconds_total{iothread=\"io0\",machine=\"vm1\",mode=\"system\"} 5.0",
				"iothread_cpu_seconds_total{iothread=\"io0\",machine=\"vm1\",mode=\"user\"} 8.0"));
	}

	@Test
	void aThreadThatEndsKeepsItsTimeUntilTheNextReading() {
		FixedThread thread = new FixedThread(7, 3);
		this.vm1.show(full(thread));
		assertThat(sum("iothread_cpu_seconds_total")).isEqualTo(10);
		thread.end();
		assertThat(sum("iothread_cpu_seconds_total")).isEqualTo(10);
		this.vm1.show(full(new FixedThread(1, 1)));
		assertThat(sum("iothread_cpu_seconds_total")).isEqualTo(2);
	}

	@Test
	void onlyReadingsThatWentWellAreTimed() {
		double before = sum("iothread_refresh_seconds_count");
		this.vm1.show(full(new FixedThread(7, 3)));
		assertThat(sum("iothread_refresh_seconds_count")).isEqualTo(before + 1);
		this.vm1.fall("it was stopped");
		this.vm1.show(full(new FixedThread(7, 3)));
		assertThat(sum("iothread_refresh_seconds_count")).isEqualTo(1);
	}

	static void bindAll(Inventory inventory, MeterRegistry registry) {
		List.of(new MachineMetrics(inventory), new IOThreadMetrics(inventory), new CpuMetrics(inventory),
				new ReadingMetrics(inventory))
			.forEach((metrics) -> metrics.bindTo(registry));
	}

	private static Snapshot full(HostThread thread) {
		Snapshot joined = snapshot(
				List.of(iothread("io0", 11, new Attachment("block-export", "nbd0", null, null)), iothread("io1", 12)),
				disk("blk0", "io0", "io1"), disk("blk1", DeviceState.ORPHANED));
		return new Snapshot(joined.observedAt(), joined.qemuVersion(), "libvirt", joined.iothreads(), joined.devices())
			.with(new Activity(Map.of("io0", thread), null, Map.of(path("blk0"), COUNTS), Instant.now()));
	}

	private List<String> lines() {
		return this.registry.scrape().lines().toList();
	}

	private List<String> lines(String prefix) {
		return lines().stream().filter((line) -> line.startsWith(prefix)).toList();
	}

	private double sum(String prefix) {
		return lines(prefix).stream()
			.mapToDouble((line) -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
			.sum();
	}

}
