package dev.iothreads.contract;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Unplugs that wait for a guest, by ACPI. The guest never runs: {@code system_reset} from
 * a second monitor makes it let go.
 */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@MethodSource("machines")
class UnpluggingTests {

	private final QemuSubject machine;

	UnpluggingTests(QemuSubject machine) {
		this.machine = machine;
	}

	static Stream<QemuSubject> machines() {
		List<String> args = new ArrayList<>(QemuSubject.setUp());
		// On the root bus, in one slot, and with something behind it.
		args.addAll(List.of("-device", "virtio-blk-pci,id=fixed,drive=disk10,iothread=iothread1"));
		args.addAll(List.of("-device",
				"virtio-blk-pci,id=twin0,drive=disk11,iothread=iothread1,bus=rp13,addr=0.0,multifunction=on"));
		args.addAll(List.of("-device", "virtio-blk-pci,id=twin1,drive=disk12,iothread=iothread1,bus=rp13,addr=0.1"));
		args.addAll(List.of("-device", "virtio-scsi-pci,id=scsi0,iothread=iothread1,bus=rp14"));
		args.addAll(List.of("-device", "scsi-hd,id=hd0,drive=disk13,bus=scsi0.0"));
		return QemuSubject.everyTapped(args);
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
		this.machine.pool("pool0");
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
	}

	@Test
	void aDeviceThatHasYetToGoIsAcceptedToBeDetached() {
		Answer answer = this.machine.delete("/devices/hot0").is(202);
		assertThat(answer.header("Location")).endsWith(this.machine.path("/devices/hot0"));
		assertThat(answer.header("Preference-Applied")).isNull();
		JsonNode device = answer.body();
		assertThat(device.path("state").asString()).isEqualTo("detaching");
		assertThat(device.path("reason").asString("")).isNotBlank();
		assertThat(device.path("iothreads").path(0).asString()).isEqualTo("pool0");
		assertThat(this.machine.get("/devices/hot0").is(200).body()).isEqualTo(device);
		guestLetsGo();
		Eventually.see(() -> this.machine.get("/devices/hot0").status(), (status) -> status == 404);
		assertThat(this.machine.get("/iothreads/pool0").is(200).body().path("attached-cnt").asInt(-1)).isZero();
		this.machine.showsWhatIs();
	}

	@Test
	void itsIOThreadIsAcceptedToLoseIt() {
		Answer answer = this.machine.delete("/iothreads/pool0/devices/hot0").is(202);
		assertThat(answer.header("Location")).endsWith(this.machine.path("/devices/hot0"));
		JsonNode iothread = answer.body();
		assertThat(iothread.path("id").asString()).isEqualTo("pool0");
		assertThat(iothread.path("attached-cnt").asInt(-1)).isEqualTo(1);
		assertThat(this.machine.get("/iothreads/pool0").is(200).body()).isEqualTo(iothread);
	}

	@Test
	void toAskAgainIsNoError() {
		for (int round = 0; round < 2; round++) {
			this.machine.delete("/devices/hot0").is(202);
			this.machine.delete("/iothreads/pool0/devices/hot0").is(202);
		}
		CompletableFuture<Answer> once = this.machine.begin("DELETE", "/devices/hot0", null, "Prefer", "wait=60");
		CompletableFuture<Answer> twice = this.machine.begin("DELETE", "/iothreads/pool0/devices/hot0", null, "Prefer",
				"wait=60");
		awaitUnplugs(6);
		guestLetsGo();
		once.join().is(204);
		assertThat(twice.join().is(200).body().path("attached-cnt").asInt(-1)).isZero();
	}

	@Test
	void theGuestIsWaitedForAsLongAsPreferred() {
		CompletableFuture<Answer> patient = this.machine.begin("DELETE", "/devices/hot0", null, "Prefer", "wait=60");
		awaitUnplugs(1);
		Answer impatient = this.machine.delete("/devices/hot0", "Prefer", "wait=0").is(202);
		assertThat(impatient.header("Preference-Applied")).isEqualTo("wait=0");
		Answer async = this.machine.delete("/devices/hot0", "Prefer", "respond-async").is(202);
		assertThat(async.header("Preference-Applied")).isEqualTo("respond-async");
		assertThat(patient.isDone()).isFalse();
		guestLetsGo();
		assertThat(patient.join().is(204).header("Preference-Applied")).isEqualTo("wait=60");
	}

	@Test
	void theAnswerAfterTheWaitShowsWhatIsThen() {
		CompletableFuture<Answer> patient = this.machine.begin("DELETE", "/iothreads/pool0/devices/hot0", null,
				"Prefer", "wait=2");
		awaitUnplugs(1);
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot1', 'drive': 'disk6'}").is(201);
		assertThat(patient.join().is(202).body().path("attached-cnt").asInt()).isEqualTo(2);
	}

	@Test
	void itsIdIsNotFreeYet() {
		this.machine.delete("/devices/hot0").is(202);
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk6'}").isProblem(409, "device-detaching");
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}")
			.isProblem(409, "device-detaching");
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk5'}").isProblem(409, "node-in-use");
		guestLetsGo();
		Eventually.see(() -> this.machine.get("/devices/hot0").status(), (status) -> status == 404);
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		assertThat(this.machine.get("/devices/hot0").is(200).body().path("state").asString()).isEqualTo("attached");
	}

	@Test
	void itsIOThreadIsInUseUntilItHasGone() {
		this.machine.delete("/devices/hot0").is(202);
		this.machine.delete("/iothreads/pool0").isProblem(409, "iothread-in-use");
		guestLetsGo();
		Eventually.see(() -> this.machine.get("/devices/hot0").status(), (status) -> status == 404);
		this.machine.delete("/iothreads/pool0").is(204);
	}

	@Test
	void itsIOThreadCanBeTunedMeanwhile() {
		this.machine.delete("/devices/hot0").is(202);
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 5}").is(200);
		assertThat(this.machine.get("/devices/hot0").is(200).body().path("state").asString()).isEqualTo("detaching");
	}

	@Test
	void thatItsBackendHasGoneIsNotTheEnd() {
		CompletableFuture<Answer> patient = this.machine.begin("DELETE", "/devices/hot0", null, "Prefer", "wait=60");
		awaitUnplugs(1);
		this.machine.tap().tell("DEVICE_DELETED", "{'path': '/machine/peripheral/hot0/virtio-backend'}");
		// What was announced before this answer was received by then.
		assertThat(this.machine.get("/devices/hot0").is(200).body().path("state").asString()).isEqualTo("detaching");
		assertThat(patient.isDone()).isFalse();
		guestLetsGo();
		patient.join().is(204);
	}

	@Test
	void aPortThatHasJustBecomeEmptyIsNotTakenWhileAnotherIsFree() {
		String first = port("hot0");
		this.machine.delete("/devices/hot0").is(202);
		guestLetsGo();
		Eventually.see(() -> this.machine.get("/devices/hot0").status(), (status) -> status == 404);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk6'}").is(201);
		assertThat(port("hot1")).isNotEqualTo(first);
	}

	@Test
	void aPortThatHasJustBecomeEmptyIsWaitedForWhenThereIsNoOther() {
		String port = port("hot0");
		this.machine.delete("/devices/hot0").is(202);
		long before = System.nanoTime();
		guestLetsGo();
		Eventually.see(() -> this.machine.get("/devices/hot0").status(), (status) -> status == 404);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk6', 'bus': '%s'}".formatted(port)).is(201);
		assertThat(System.nanoTime() - before).isGreaterThan(Duration.ofSeconds(3).toNanos());
		assertThat(port("hot1")).isEqualTo(port);
	}

	@Test
	void aDeviceThatWentBeforeTheAnswerIsAConflict() {
		AtomicBoolean plugged = new AtomicBoolean();
		Wiretap.Held readingBack = this.machine.tap()
			.hold((request) -> plugged
				.getAndSet(plugged.get() || request.path("arguments").path("id").asString("").equals("hot1")));
		CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
				"{'id': 'hot1', 'drive': 'disk6'}");
		readingBack.await();
		this.machine.monitor().execute("device_del", Map.of("id", "hot1"));
		guestLetsGo();
		Eventually.see(() -> this.machine.monitor().children("/machine/peripheral"),
				(present) -> !present.containsKey("hot1"));
		readingBack.release();
		JsonNode problem = attaching.join().isProblem(409, "device-gone");
		assertThat(problem.path("detail").asString()).contains("hot1").contains("Attach it again");
	}

	@Test
	void aGuestThatRefusesKeepsTheDevice() {
		CompletableFuture<Answer> patient = this.machine.begin("DELETE", "/devices/hot0", null, "Prefer", "wait=60");
		awaitUnplugs(1);
		this.machine.tap().tell("DEVICE_UNPLUG_GUEST_ERROR", "{'device': 'hot0', 'path': '/machine/peripheral/hot0'}");
		JsonNode problem = patient.join().isProblem(409, "unplug-refused");
		JsonNode device = this.machine.get("/devices/hot0").is(200).body();
		assertThat(device.path("state").asString()).isEqualTo("attached");
		assertThat(device.path("reason").asString("")).isEqualTo(problem.path("detail").asString());
		JsonNode again = this.machine.delete("/devices/hot0").is(202).body();
		assertThat(again.path("state").asString()).isEqualTo("detaching");
		assertThat(again.path("reason").asString("")).isNotEqualTo(problem.path("detail").asString());
	}

	@Test
	void aRefusalThatComesLaterIsShown() {
		this.machine.delete("/devices/hot0").is(202);
		this.machine.tap().tell("DEVICE_UNPLUG_GUEST_ERROR", "{'device': 'hot0', 'path': '/machine/peripheral/hot0'}");
		awaitState("hot0", "attached");
		assertThat(this.machine.get("/devices/hot0").is(200).body().path("reason").asString("")).isNotBlank();
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk6'}").isProblem(409, "device-exists");
	}

	@Test
	void aQemuThatIsLostMeanwhileMayHaveLetItGo() {
		CompletableFuture<Answer> patient = this.machine.begin("DELETE", "/devices/hot0", null, "Prefer", "wait=60");
		awaitUnplugs(1);
		this.machine.tap().cut();
		JsonNode problem = patient.join().isProblem(504, "machine-timeout");
		// It may be lost while it is waited for, or while it is read back.
		assertThat(problem.path("detail").asString()).containsAnyOf("may still happen", "was made");
	}

	@ParameterizedTest
	@ValueSource(strings = { "fixed", "twin0", "twin1", "scsi0" })
	void aDeviceThatCannotGoAloneStays(String id) {
		JsonNode before = this.machine.get("/devices/" + id).is(200).body();
		assertThat(before.path("hotpluggable").asBoolean(true)).isEqualTo(!id.equals("fixed"));
		this.machine.delete("/devices/" + id).isProblem(409, "unplug-refused");
		this.machine.delete("/iothreads/iothread1/devices/" + id).isProblem(409, "unplug-refused");
		assertThat(this.machine.get("/devices/" + id).is(200).body()).isEqualTo(before);
		if (!id.equals("fixed")) {
			assertThat(this.machine.tap().changes()).doesNotContain("device_del");
		}
	}

	@Test
	void aControllerGoesWhenNothingIsBehindItAnyMore() {
		this.machine.monitor().execute("device_del", Map.of("id", "hd0"));
		this.machine.delete("/devices/scsi0").is(202);
	}

	// What is read after they were sent is answered after them.
	private void awaitUnplugs(int count) {
		Eventually.see(() -> this.machine.tap().changes().stream().filter("device_del"::equals).count(),
				(sent) -> sent == count);
		assertThat(this.machine.get("/devices/hot0").is(200).body().path("state").asString()).isEqualTo("detaching");
	}

	private JsonNode awaitState(String id, String state) {
		return Eventually.see(() -> this.machine.get("/devices/" + id).is(200).body(),
				(device) -> device.path("state").asString().equals(state));
	}

	private String port(String device) {
		return Objects.requireNonNull(this.machine.monitor().property("/machine/peripheral/" + device, "parent_bus"))
			.asString()
			.replaceAll(".*/", "");
	}

	private void guestLetsGo() {
		this.machine.monitor().execute("system_reset");
	}

}
