package dev.iothreads.contract;

import dev.iothreads.embedded.EmbeddedMachine;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * What a registry of Micrometer has of a machine that is changed.
 */
@EveryMachine
class MeterTests {

	private final MeterRegistry registry = Service.shared().meters();

	private final Subject machine;

	MeterTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@AfterEach
	void close() {
		this.registry.close();
	}

	@Test
	void theAttachedCountFollowsAnAttachAndADetach() {
		double before = value("iothread0");
		this.machine.post("/iothreads/iothread0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		assertThat(value("iothread0")).isEqualTo(before + 1);
		this.machine.delete("/devices/hot0").is(204);
		assertThat(value("iothread0")).isEqualTo(before);
	}

	@Test
	void itsRowIsThereAsLongAsTheIOThread() {
		this.machine.post("/iothreads", "{'id': 'metered'}").is(201);
		assertThat(value("metered")).isZero();
		this.machine.delete("/iothreads/metered").is(204);
		assertThat(gauge(this.machine.name(), "metered")).isNull();
	}

	@Test
	void itsRowIsThereAsLongAsTheMachine() {
		String name = Service.newName("metered");
		Service.shared().add(name, EmbeddedMachine.demo());
		await().atMost(Service.LONGEST_WAIT).until(() -> gauge(name, "iothread0") != null);
		Service.shared().remove(name);
		assertThat(this.registry.find("iothread.machine.up").tag("machine", name).gauge()).isNull();
		assertThat(gauge(name, "iothread0")).isNull();
	}

	private double value(String iothread) {
		Gauge gauge = gauge(this.machine.name(), iothread);
		assertThat(gauge).as(iothread).isNotNull();
		return gauge.value();
	}

	private @Nullable Gauge gauge(String machineName, String iothread) {
		return this.registry.find("iothread.attached.cnt").tags("machine", machineName, "iothread", iothread).gauge();
	}

}
