package dev.iothreads.contract;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * {@code DELETE …/devices/{device}} and {@code DELETE …/iothreads/{id}/devices/{device}},
 * where the guest lets go at once.
 */
@EveryMachine
class DetachingTests {

	private final Subject machine;

	DetachingTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void aDeviceThatHasGoneIsNoContent() {
		attach("hot0");
		Answer answer = this.machine.delete("/devices/hot0").is(204);
		assertThat(answer.text()).isEmpty();
		assertThat(answer.header("Location")).isNull();
		this.machine.get("/devices/hot0").isProblem(404, "device-not-found");
		this.machine.delete("/devices/hot0").isProblem(404, "device-not-found");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void theIOThreadThatLetsItGoIsTheAnswer() {
		attach("hot0");
		JsonNode iothread = this.machine.delete("/iothreads/iothread1/devices/hot0").is(200).body();
		assertThat(iothread.path("id").asString()).isEqualTo("iothread1");
		assertThat(iothread.path("attached-cnt").asInt()).isEqualTo(1);
		assertThat(this.machine.get("/iothreads/iothread1").is(200).body()).isEqualTo(iothread);
		this.machine.delete("/iothreads/iothread1/devices/hot0").isProblem(404, "device-not-found");
	}

	@Test
	void theIOThreadIsThereForTheNextDevice() {
		this.machine.pool("pool0");
		for (int round = 0; round < 3; round++) {
			JsonNode pooled = this.machine.post("/devices", "{'id': 'hot%d', 'drive': 'disk5'}".formatted(round))
				.is(201)
				.body();
			assertThat(pooled.path("iothreads").path(0).asString()).isEqualTo("pool0");
			this.machine.delete("/devices/hot" + round).is(204);
			assertThat(this.machine.get("/iothreads/pool0").is(200).body().path("attached-cnt").asInt()).isZero();
		}
		this.machine.showsWhatIs();
	}

	@Test
	void aDeviceOnSeveralIOThreadsLeavesAllOfThem() {
		if (this.machine.maps("virtio-blk-pci")) {
			this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['iothread0', 'iothread1']}")
				.is(201);
			JsonNode iothread = this.machine.delete("/iothreads/iothread0/devices/hot0").is(200).body();
			assertThat(iothread.path("attached-cnt").asInt()).isEqualTo(2);
			this.machine.showsWhatIs();
			assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
		}
	}

	@ParameterizedTest
	@CsvSource({ "wait=60, wait=60", "wait=0, wait=0", "respond-async, respond-async",
			"'respond-async, wait=10', wait=10", "wait=600, wait=60", "handling=strict," })
	void whatWasPreferredIsSaid(String prefer, String applied) {
		attach("hot0");
		assertThat(this.machine.delete("/devices/hot0", "Prefer", prefer).is(204).header("Preference-Applied"))
			.isEqualTo(applied);
		attach("hot1");
		assertThat(this.machine.delete("/iothreads/iothread1/devices/hot1", "Prefer", prefer)
			.is(200)
			.header("Preference-Applied")).isEqualTo(applied);
	}

	@ParameterizedTest
	@ValueSource(strings = { "absent", "disk0", "iothread0", "rp0", "rp9", "pcie.0", "%C3%A4", "blk0%20", "BLK0",
			"device%5B0%5D", "virtio-backend" })
	void whatIsNoDeviceOfAnIOThreadIsNotFound(String id) {
		this.machine.delete("/devices/" + id).isProblem(404, "device-not-found");
		this.machine.delete("/iothreads/iothread0/devices/" + id).isProblem(404, "device-not-found");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aDeviceIsDetachedFromAnIOThreadThatItRunsOnOnly() {
		this.machine.delete("/iothreads/iothread1/devices/blk0").isProblem(404, "device-not-found");
		this.machine.delete("/iothreads/absent/devices/blk0").isProblem(404, "iothread-not-found");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@ParameterizedTest
	@ValueSource(strings = { "a%2Fb", "blk0%2Fvirtio-backend", "%2Fmachine%2Fperipheral%2Fblk0" })
	void aSlashIsPartOfNoId(String id) {
		this.machine.delete("/devices/" + id).isProblem(400, "invalid-request");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aMachineThatIsNotThereIsNotFound() {
		Service.shared()
			.send("DELETE", "/api/v1/machines/absent/devices/blk0", null)
			.isProblem(404, "machine-not-found");
		Service.shared()
			.send("DELETE", "/api/v1/machines/absent/iothreads/iothread0/devices/blk0", null)
			.isProblem(404, "machine-not-found");
	}

	private void attach(String id) {
		this.machine.post("/iothreads/iothread1/devices", "{'id': '%s', 'drive': 'disk5'}".formatted(id)).is(201);
	}

}
