package dev.iothreads.contract;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.qemu.QemuMachine;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * Changes whose answer is late or lost, and changes that meet each other.
 */
@EveryTappedQemu
class LostAnswerTests {

	private final QemuSubject machine;

	LostAnswerTests(QemuSubject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void aChangeWhoseAnswerIsLostMayHaveHappened() {
		Wiretap.Held plug = this.machine.tap().hold("device_add");
		CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
				"{'id': 'hot0', 'drive': 'disk5'}");
		plug.await();
		plug.loseReply();
		mayStillHappen(attaching.join());
		awaitDevices(4);
		assertThat(this.machine.get("/devices/hot0").is(200).body().path("state").asString()).isEqualTo("attached");
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5'}").isProblem(409, "device-exists");
	}

	@Test
	void aConnectionThatIsLostBeforeTheChangeHasChangedNothing() {
		Wiretap.Held question = this.machine.tap().hold("device-list-properties");
		CompletableFuture<Answer> attaching = this.machine.begin("POST", "/devices",
				"{'id': 'hot0', 'drive': 'disk5'}");
		question.await();
		this.machine.tap().cut();
		Answer answer = attaching.join();
		JsonNode problem = answer.isProblem(503, "machine-unavailable");
		assertThat(problem.path("machine-state").asString()).isEqualTo("down");
		assertThat(answer.header("Retry-After")).isNotBlank();
		awaitDevices(3);
		assertThat(this.machine.tap().changes()).isEmpty();
	}

	@Test
	void aChangeThatIsNotAnsweredInTimeMayStillHappen() {
		// A QEMU that is stopped between the reading and the change. Another machine's
		// changes do not wait for it.
		String name = Service.newName("hurried");
		Service.shared().remove(this.machine.name());
		Service.shared()
			.add(name, Service.shared().connect(name, this.machine.tap().address(), Duration.ofMillis(1500)));
		String path = "/api/v1/machines/" + name;
		EmbeddedSubject other = new EmbeddedSubject();
		other.tidy();
		try {
			Eventually.see(() -> Service.shared().send("GET", path + "/devices", null).status(),
					(status) -> status == 200);
			Wiretap.Held plug = this.machine.tap().hold("device_add");
			CompletableFuture<Answer> attaching = Service.shared()
				.begin("POST", path + "/devices", "{\"id\": \"hot0\", \"drive\": \"disk5\"}");
			plug.await();
			this.machine.qemu().stop();
			plug.release();
			other.pool("pool0");
			other.post("/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
			assertThat(attaching.isDone()).isFalse();
			mayStillHappen(attaching.join());
			this.machine.qemu().cont();
			Eventually.see(() -> Service.shared().send("GET", path + "/devices/hot0", null).status(),
					(status) -> status == 200);
			assertThat(this.machine.links()).containsKey("hot0");
			assertThat(this.machine.tap().changes()).containsExactly("device_add");
		}
		finally {
			this.machine.qemu().cont();
			other.close();
			Service.shared().remove(name);
			this.machine.introduce();
		}
	}

	@Test
	void changesOfOneMachineAreMadeOneAfterAnother() {
		Wiretap.Held add = this.machine.tap().hold("object-add");
		CompletableFuture<Answer> first = this.machine.begin("POST", "/iothreads", "{'id': 'pool0'}");
		add.await();
		CompletableFuture<Answer> second = this.machine.begin("POST", "/iothreads", "{'id': 'pool0'}");
		CompletableFuture<Answer> third = this.machine.begin("DELETE", "/iothreads/pool0", null);
		// Who only reads does not wait.
		assertThat(this.machine.get("/iothreads").is(200).body()).hasSize(2);
		assertThat(this.machine.tap().changes()).containsExactly("object-add");
		assertThat(second.isDone()).isFalse();
		assertThat(third.isDone()).isFalse();
		add.release();
		first.join().is(201);
		// Whichever came first of the other two found the IOThread there.
		third.join().is(204);
		assertThat(second.join().status()).isIn(201, 409);
	}

	@Test
	void whatWasReadOfOneQemuIsNotDoneToTheNext() {
		QemuMachine held = Service.shared().connect("held", this.machine.tap().address());
		Service.shared().remove(this.machine.name());
		try {
			Eventually.see(held::status, (status) -> status.isUp());
			Changes changes = held.changes();
			changes.addIOThread("pool0", IOThreadSettings.NONE);
			this.machine.tap().cut();
			Eventually.see(held::status, (status) -> !status.isUp());
			Eventually.see(held::status, (status) -> status.isUp());
			assertThatExceptionOfType(MachineUnavailableException.class)
				.isThrownBy(() -> changes.removeIOThread("pool0"));
			assertThatExceptionOfType(MachineUnavailableException.class)
				.isThrownBy(() -> changes.detach("blk0", false));
			assertThatExceptionOfType(MachineUnavailableException.class).isThrownBy(() -> changes
				.attach(new NewDevice("hot0", "virtio-scsi-pci", List.of("pool0"), null, null, Map.of())));
			assertThat(this.machine.tap().changes()).containsExactly("object-add");
			held.changes().removeIOThread("pool0");
		}
		finally {
			held.close();
			this.machine.introduce();
		}
	}

	private void awaitDevices(int count) {
		Eventually.see(() -> this.machine.get("/devices"),
				(devices) -> devices.status() == 200 && devices.body().size() == count);
	}

	private static void mayStillHappen(Answer answer) {
		JsonNode problem = answer.isProblem(504, "machine-timeout");
		assertThat(problem.path("detail").asString()).contains("may still happen");
	}

}
