package dev.iothreads.contract;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Another client changes the machine, at the worst moment.
 */
@EveryTappedQemu
class SecondMonitorTests {

	private final QemuSubject machine;

	SecondMonitorTests(QemuSubject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
		this.machine.pool("pool0");
	}

	@Test
	void aDeviceThatWasPluggedJustNowIsSeen() {
		plug(Map.of("id", "hot0", "bus", "rp9", "iothread", "pool0", "drive", "disk5"));
		JsonNode problem = this.machine.delete("/iothreads/pool0").isProblem(409, "iothread-in-use");
		assertThat(problem.path("attached-devices").path(0).path("id").asString()).isEqualTo("hot0");
		assertThat(this.machine.tap().changes()).doesNotContain("object-del");
	}

	@ParameterizedTest
	@ValueSource(strings = { "hot0", "" })
	void aDeviceThatIsPluggedAfterTheReadingIsSeen(String id) {
		Wiretap.Held lastLook = this.machine.tap().hold("query-block-exports");
		CompletableFuture<Answer> removal = this.machine.begin("DELETE", "/iothreads/pool0", null);
		lastLook.await();
		plug(id.isEmpty() ? Map.of("bus", "rp9", "iothread", "pool0", "drive", "disk5")
				: Map.of("id", id, "bus", "rp9", "iothread", "pool0", "drive", "disk5"));
		lastLook.release();
		JsonNode problem = removal.join().isProblem(409, "iothread-in-use");
		JsonNode attached = problem.path("attached-devices");
		assertThat(attached).isEqualTo(this.machine.get("/iothreads/pool0").is(200).body().path("attached-devices"));
		assertThat(attached.path(0).path("id").asString()).startsWith(id.isEmpty() ? "device[" : id);
		assertThat(this.machine.tap().changes()).doesNotContain("object-del");
	}

	@Test
	void aMappedDeviceThatIsPluggedAfterTheReadingIsSeen() {
		if (this.machine.maps("virtio-blk-pci")) {
			Wiretap.Held lastLook = this.machine.tap().hold("query-block-exports");
			CompletableFuture<Answer> removal = this.machine.begin("DELETE", "/iothreads/pool0", null);
			lastLook.await();
			plug(Map.of("id", "hot0", "bus", "rp9", "drive", "disk5", "iothread-vq-mapping",
					List.of(Map.of("iothread", "iothread0"), Map.of("iothread", "pool0"))));
			lastLook.release();
			removal.join().isProblem(409, "iothread-in-use");
		}
	}

	@Test
	void anObjectThatRunsOnItIsSeen(@TempDir Path directory) {
		for (String side : List.of("primary", "secondary", "out")) {
			this.machine.monitor()
				.execute("chardev-add", Map.of("id", side, "backend", Map.of("type", "socket", "data",
						Map.of("addr",
								Map.of("type", "unix", "data", Map.of("path", directory.resolve(side).toString())),
								"server", true, "wait", false))));
		}
		Wiretap.Held lastLook = this.machine.tap().hold("query-block-exports");
		CompletableFuture<Answer> removal = this.machine.begin("DELETE", "/iothreads/pool0", null);
		lastLook.await();
		this.machine.monitor()
			.execute("object-add", Map.of("qom-type", "colo-compare", "id", "comp0", "primary_in", "primary",
					"secondary_in", "secondary", "outdev", "out", "iothread", "pool0"));
		lastLook.release();
		try {
			for (Answer answer : List.of(removal.join(), this.machine.delete("/iothreads/pool0"))) {
				JsonNode attached = answer.isProblem(409, "iothread-in-use").path("attached-devices");
				assertThat(attached).hasSize(1);
				assertThat(attached.path(0).path("id").asString()).isEqualTo("comp0");
				assertThat(attached.path(0).path("kind").asString()).isEqualTo("colo-compare");
			}
			assertThat(this.machine.tap().changes()).doesNotContain("object-del");
		}
		finally {
			this.machine.restart();
		}
	}

	@Test
	void aBlockExportMayRunOnAnyIOThread(@TempDir Path directory) throws IOException {
		this.machine.monitor()
			.execute("nbd-server-start", Map.of("addr",
					Map.of("type", "unix", "data", Map.of("path", directory.resolve("nbd").toString()))));
		this.machine.monitor()
			.execute("block-export-add",
					Map.of("type", "nbd", "id", "exp0", "node-name", "disk9", "iothread", "pool0"));
		JsonNode attached = this.machine.delete("/iothreads/pool0")
			.isProblem(409, "iothread-in-use")
			.path("attached-devices");
		assertThat(attached.path(0).path("id").asString()).isEqualTo("exp0");
		assertThat(attached.path(0).path("kind").asString()).isEqualTo("block-export");
		assertThat(this.machine.tap().changes()).doesNotContain("object-del");
		this.machine.monitor().execute("block-export-del", Map.of("id", "exp0"));
		this.machine.monitor().awaitEvent("BLOCK_EXPORT_DELETED", (data) -> true, Service.LONGEST_WAIT);
		this.machine.monitor().execute("nbd-server-stop");
		this.machine.delete("/iothreads/pool0").is(204);
	}

	@Test
	void anIOThreadThatHasJustGoneIsNotFound() {
		Wiretap.Held lastLook = this.machine.tap().hold("query-block-exports");
		CompletableFuture<Answer> removal = this.machine.begin("DELETE", "/iothreads/pool0", null);
		lastLook.await();
		this.machine.monitor().execute("object-del", Map.of("id", "pool0"));
		lastLook.release();
		removal.join().isProblem(404, "iothread-not-found");
	}

	@Test
	void nothingIsPluggedOntoAnIOThreadThatHasJustGone() {
		for (String iothreads : this.machine.maps("virtio-blk-pci") ? List.of("['pool0']", "['iothread0', 'pool0']")
				: List.of("['pool0']")) {
			Wiretap.Held plug = this.machine.tap().hold("device_add");
			CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
					"{'id': 'hot0', 'drive': 'disk5', 'iothreads': %s}".formatted(iothreads));
			plug.await();
			this.machine.monitor().execute("object-del", Map.of("id", "pool0"));
			plug.release();
			attaching.join().isProblem(404, "iothread-not-found");
			assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
			this.machine.pool("pool0");
		}
	}

	@Test
	void aTuningOfAnIOThreadThatHasJustGoneIsNotFound() {
		Wiretap.Held look = this.machine.tap()
			.hold((request) -> request.path("arguments").path("property").asString("").equals("poll-grow"));
		CompletableFuture<Answer> tuning = this.machine.begin("PATCH", "/iothreads/pool0", "{'poll-grow': 5}");
		look.await();
		this.machine.monitor().execute("object-del", Map.of("id", "pool0"));
		look.release();
		tuning.join().isProblem(404, "iothread-not-found");
	}

	@Test
	void anIdThatHasJustBeenTakenIsRefused() {
		Wiretap.Held plug = this.machine.tap().hold("device_add");
		CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
				"{'id': 'hot0', 'drive': 'disk5', 'bus': 'rp4'}");
		plug.await();
		plug(Map.of("id", "hot0", "bus", "rp9", "drive", "disk6"));
		plug.release();
		attaching.join().isProblem(409, "device-exists");
	}

	@Test
	void aNodeThatHasJustBeenTakenIsRefused() {
		Wiretap.Held plug = this.machine.tap().hold("device_add");
		CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
				"{'id': 'hot0', 'drive': 'disk5', 'bus': 'rp4'}");
		plug.await();
		plug(Map.of("id", "hot1", "bus", "rp9", "drive", "disk5"));
		plug.release();
		attaching.join().isProblem(409, "node-in-use");
	}

	@ParameterizedTest
	@ValueSource(strings = { ", 'bus': 'rp3'", "" })
	void noDeviceIsPluggedBesideOneThatHasJustCome(String bus) {
		Wiretap.Held plug = this.machine.tap().hold("device_add");
		CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
				"{'id': 'hot0', 'drive': 'disk5'%s}".formatted(bus));
		plug.await();
		plug(Map.of("id", "hot1", "bus", "rp3", "drive", "disk6"));
		plug.release();
		attaching.join().isInvalid("bus");
		assertThat(this.machine.links()).containsKey("hot1").doesNotContainKey("hot0");
	}

	@Test
	void anIOThreadOfThatIdThatHasJustComeIsRefused() {
		Wiretap.Held add = this.machine.tap().hold("object-add");
		CompletableFuture<Answer> adding = this.machine.begin("POST", "/iothreads", "{'id': 'pool1'}");
		add.await();
		this.machine.monitor().execute("object-add", Map.of("qom-type", "iothread", "id", "pool1"));
		add.release();
		adding.join().isProblem(409, "iothread-exists");
	}

	@Test
	void anObjectOfThatIdIsInTheWay() {
		this.machine.monitor().execute("object-add", Map.of("qom-type", "throttle-group", "id", "group0"));
		this.machine.post("/iothreads", "{'id': 'group0'}").isProblem(409, "iothread-exists");
		this.machine.patch("/iothreads/group0", "{'poll-grow': 1}").isProblem(404, "iothread-not-found");
		this.machine.delete("/iothreads/group0").isProblem(404, "iothread-not-found");
		this.machine.monitor().execute("object-del", Map.of("id", "group0"));
	}

	@Test
	void aDeviceThatHasJustGoneIsNotFound() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		Wiretap.Held unplug = this.machine.tap().hold("device_del");
		CompletableFuture<Answer> detaching = this.machine.begin("DELETE", "/devices/hot0", null);
		unplug.await();
		this.machine.monitor().execute("device_del", Map.of("id", "hot0"));
		unplug.release();
		// It has gone, as was wanted: QEMU tells so before or after it finds it missing.
		assertThat(detaching.join().status()).isIn(204, 404);
	}

	@Test
	void aDeviceWithoutAnIdIsDetached() {
		plug(Map.of("bus", "rp9", "iothread", "pool0", "drive", "disk5"));
		String id = this.machine.get("/iothreads/pool0/devices").is(200).body().path(0).path("id").asString();
		assertThat(id).startsWith("device[");
		String encoded = id.replace("[", "%5B").replace("]", "%5D");
		assertThat(this.machine.get("/devices/" + encoded).is(200).body().path("iothreads").path(0).asString())
			.isEqualTo("pool0");
		Answer async = this.machine.delete("/devices/" + encoded, "Prefer", "wait=60").is(204);
		assertThat(async.header("Preference-Applied")).isEqualTo("wait=60");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
		this.machine.delete("/devices/" + encoded).isProblem(404, "device-not-found");
	}

	@Test
	void aDeviceWhoseIOThreadWasDeletedIsAnOrphan() {
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		this.machine.monitor().execute("object-del", Map.of("id", "pool0"));
		isOrphan("hot0");
		// Another thread of that name is not its own, and nothing runs on it.
		this.machine.pool("pool0");
		isOrphan("hot0");
		JsonNode pool = this.machine.get("/iothreads/pool0").is(200).body();
		assertThat(pool.path("attached-cnt").asInt(-1)).isZero();
		this.machine.delete("/iothreads/pool0/devices/hot0").isProblem(404, "device-not-found");
		this.machine.delete("/iothreads/pool0").is(204);
		this.machine.delete("/devices/hot0").is(204);
	}

	@Test
	void aMappingThatNamesADeletedIOThreadIsAnOrphanToo() {
		if (this.machine.maps("virtio-blk-pci")) {
			this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['iothread0', 'pool0']}")
				.is(201);
			this.machine.monitor().execute("object-del", Map.of("id", "pool0"));
			JsonNode device = isOrphan("hot0");
			assertThat(device.path("iothreads")).hasSize(1);
			assertThat(device.path("iothreads").path(0).asString()).isEqualTo("iothread0");
			this.machine.delete("/iothreads/iothread0/devices/hot0").is(200);
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "wait=10", "respond-async" })
	void aDiskThatWasGivenBackCanBeTakenAtOnce(String prefer) {
		for (int round = 0; round < 5; round++) {
			this.machine
				.post("/devices", "{'id': 'hot%d', 'drive': 'disk5', 'properties': {'bootindex': 5}}".formatted(round))
				.is(201);
			this.machine.delete("/devices/hot" + round, "Prefer", prefer).is(204);
		}
	}

	@Test
	void aDiskThatAnotherClientGaveBackCanBeTakenAtOnce() {
		for (int round = 0; round < 5; round++) {
			this.machine.post("/devices", "{'id': 'hot%d', 'drive': 'disk5'}".formatted(round)).is(201);
			this.machine.monitor().execute("device_del", Map.of("id", "hot" + round));
		}
	}

	private JsonNode isOrphan(String id) {
		JsonNode device = this.machine.get("/devices/" + id).is(200).body();
		assertThat(device.path("state").asString()).isEqualTo("orphaned");
		assertThat(device.path("reason").asString("")).contains("pool0");
		return device;
	}

	private void plug(Map<String, ?> device) {
		Map<String, Object> arguments = new HashMap<>(device);
		arguments.put("driver", "virtio-blk-pci");
		this.machine.monitor().execute("device_add", arguments);
	}

}
