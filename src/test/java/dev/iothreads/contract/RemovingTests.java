package dev.iothreads.contract;

import java.util.Objects;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * {@code DELETE …/iothreads/{id}}.
 */
@EveryMachine
class RemovingTests {

	private final Subject machine;

	RemovingTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void anIOThreadThatNothingUsesIsRemoved() {
		this.machine.pool("pool0");
		Answer answer = this.machine.delete("/iothreads/pool0").is(204);
		assertThat(answer.text()).isEmpty();
		this.machine.get("/iothreads/pool0").isProblem(404, "iothread-not-found");
		this.machine.delete("/iothreads/pool0").isProblem(404, "iothread-not-found");
	}

	@Test
	void itsIdIsFreeAgain() {
		this.machine.post("/iothreads", "{'id': 'pool0', 'poll-max-ns': 1}").is(201);
		this.machine.delete("/iothreads/pool0").is(204);
		JsonNode again = this.machine.post("/iothreads", "{'id': 'pool0'}").is(201).body();
		assertThat(again.path("poll-max-ns").asLong()).isEqualTo(32768);
	}

	@Test
	void anIOThreadInUseIsNotRemoved() {
		JsonNode problem = this.machine.delete("/iothreads/iothread0").isProblem(409, "iothread-in-use");
		JsonNode attached = problem.path("attached-devices");
		assertThat(attached).isEqualTo(this.machine.get("/iothreads/iothread0").body().path("attached-devices"));
		assertThat(attached).hasSize(2);
		assertThat(attached.path(0).path("id").asString()).isEqualTo("blk0");
		assertThat(attached.path(0).path("driver").asString()).isEqualTo("virtio-blk-pci");
		assertThat(attached.path(0).path("qom-path").asString()).isEqualTo("/machine/peripheral/blk0/virtio-backend");
		assertThat(problem.path("detail").asString()).contains("blk0").contains("blk1");
		this.machine.showsWhatIs();
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void anIOThreadThatOneQueueOfADeviceUsesIsNotRemoved() {
		if (this.machine.maps("virtio-blk-pci")) {
			this.machine.pool("pool0");
			this.machine.pool("pool1");
			this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['pool0', 'pool1']}").is(201);
			this.machine.delete("/iothreads/pool0").isProblem(409, "iothread-in-use");
			this.machine.delete("/iothreads/pool1").isProblem(409, "iothread-in-use");
			this.machine.delete("/devices/hot0").is(204);
			this.machine.delete("/iothreads/pool0").is(204);
		}
	}

	@Test
	void itIsRemovedAfterItsLastDevice() {
		this.machine.pool("pool0");
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot1', 'driver': 'virtio-scsi-pci'}").is(201);
		this.machine.delete("/devices/hot0").is(204);
		this.machine.delete("/iothreads/pool0").isProblem(409, "iothread-in-use");
		this.machine.delete("/devices/hot1").is(204);
		this.machine.delete("/iothreads/pool0").is(204);
	}

	@Test
	void whoNamesTheTagOfWhatIsThereMayRemoveIt() {
		this.machine.pool("pool0");
		String tag = tag();
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1}").is(200);
		this.machine.delete("/iothreads/pool0", "If-Match", tag).isProblem(412, "precondition-failed");
		this.machine.delete("/iothreads/pool0", "If-Match", "W/" + tag()).isProblem(412, "precondition-failed");
		this.machine.delete("/iothreads/pool0", "If-Match", "\"a\", " + tag()).is(204);
	}

	@Test
	void anotherThreadOfTheSameNameIsNotTheOneThatWasLookedAt() {
		this.machine.pool("pool0");
		String tag = tag();
		this.machine.delete("/iothreads/pool0").is(204);
		this.machine.pool("pool0");
		this.machine.delete("/iothreads/pool0", "If-Match", tag).isProblem(412, "precondition-failed");
		this.machine.delete("/iothreads/pool0", "If-Match", "*").is(204);
	}

	@Test
	void aTagDoesNotOverruleWhatIsAttached() {
		String tag = Objects.requireNonNull(this.machine.get("/iothreads/iothread1").is(200).header("ETag"));
		this.machine.delete("/iothreads/iothread1", "If-Match", tag).isProblem(409, "iothread-in-use");
		this.machine.delete("/iothreads/iothread1", "If-Match", "*").isProblem(409, "iothread-in-use");
	}

	@ParameterizedTest
	@ValueSource(strings = { "absent", "blk0", "disk0", "rp0", "..%20", "%C3%A4", "iothread0%20", "IOTHREAD0" })
	void whatIsNoIOThreadIsNotFound(String id) {
		this.machine.delete("/iothreads/" + id).isProblem(404, "iothread-not-found");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@ParameterizedTest
	@ValueSource(strings = { "a%2Fb", "a%5Cb", "..%2Fiothread0" })
	void aSlashIsPartOfNoId(String id) {
		this.machine.delete("/iothreads/" + id).isProblem(400, "invalid-request");
	}

	@Test
	void aMachineThatIsNotThereIsNotFound() {
		Service.shared()
			.send("DELETE", "/api/v1/machines/absent/iothreads/iothread0", null)
			.isProblem(404, "machine-not-found");
	}

	private String tag() {
		return Objects.requireNonNull(this.machine.get("/iothreads/pool0").is(200).header("ETag"));
	}

}
