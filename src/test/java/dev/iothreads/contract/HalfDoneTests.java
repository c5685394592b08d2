package dev.iothreads.contract;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.iothreads.testing.MonitorException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * A tuning of which QEMU refuses a part.
 */
@EveryTappedQemu
class HalfDoneTests {

	private final QemuSubject machine;

	HalfDoneTests(QemuSubject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
		this.machine.pool("pool0");
	}

	@Test
	void whatWasSetAlreadyIsPutBack() {
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 10, 'poll-grow': 11, 'aio-max-batch': 12}").is(200);
		JsonNode before = this.machine.get("/iothreads/pool0").is(200).body();
		Wiretap.Held second = this.machine.tap().holdSetting("poll-grow");
		CompletableFuture<Answer> tuning = this.machine.begin("PATCH", "/iothreads/pool0",
				"{'poll-max-ns': 20, 'poll-grow': 21, 'aio-max-batch': 22}");
		second.await();
		assertThat(this.machine.setting("pool0", "poll-max-ns")).isEqualTo(20);
		second.refuse("GenericError", "not today");
		JsonNode problem = tuning.join().isProblem(502, "qemu-error");
		assertThat(problem.path("detail").asString()).contains("not today");
		assertThat(problem.path("qemu-class").asString()).isEqualTo("GenericError");
		assertThat(this.machine.setting("pool0", "poll-max-ns")).isEqualTo(10);
		assertThat(this.machine.setting("pool0", "poll-grow")).isEqualTo(11);
		assertThat(this.machine.setting("pool0", "aio-max-batch")).isEqualTo(12);
		assertThat(this.machine.get("/iothreads/pool0").is(200).body()).isEqualTo(before);
	}

	@Test
	void qemuStoresABoundOfThePoolThatItRefuses() {
		assertThatExceptionOfType(MonitorException.class).isThrownBy(() -> set("thread-pool-min", 65));
		assertThat(this.machine.setting("pool0", "thread-pool-min")).isEqualTo(65);
	}

	@Test
	void aBoundOfThePoolThatWasRefusedAndStoredIsPutBack() {
		Wiretap.Held bound = this.machine.tap().holdSetting("thread-pool-max");
		CompletableFuture<Answer> tuning = this.machine.begin("PATCH", "/iothreads/pool0",
				"{'poll-max-ns': 20, 'thread-pool-max': 10}");
		bound.await();
		set("thread-pool-min", 20);
		bound.release();
		tuning.join().isProblem(502, "qemu-error");
		assertThat(this.machine.setting("pool0", "thread-pool-max")).isEqualTo(64);
		assertThat(this.machine.setting("pool0", "thread-pool-min")).isEqualTo(20);
		assertThat(this.machine.setting("pool0", "poll-max-ns")).isEqualTo(32768);
		JsonNode after = this.machine.get("/iothreads/pool0").is(200).body();
		assertThat(after.path("poll-max-ns").asLong()).isEqualTo(32768);
		assertThat(after.path("thread-pool-max").asLong()).isEqualTo(64);
	}

	@Test
	void whatCannotBePutBackIsSaid() {
		Wiretap.Held second = this.machine.tap().holdSetting("poll-grow");
		CompletableFuture<Answer> tuning = this.machine.begin("PATCH", "/iothreads/pool0",
				"{'poll-max-ns': 20, 'poll-grow': 21}");
		second.await();
		Wiretap.Held back = this.machine.tap().holdSetting("poll-max-ns");
		second.refuse("GenericError", "not today");
		back.refuse("GenericError", "neither");
		JsonNode problem = tuning.join().isProblem(502, "qemu-error");
		assertThat(problem.path("detail").asString()).contains("not today").contains("poll-max-ns");
		assertThat(this.machine.get("/iothreads/pool0").is(200).body().path("poll-max-ns").asLong()).isEqualTo(20);
	}

	@Test
	void onlyWhatIsDifferentIsSet() {
		int before = settings();
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 32768, 'aio-max-batch': 3}").is(200);
		assertThat(settings() - before).isEqualTo(1);
	}

	@Test
	void aReadingThatBeganBeforeTheChangeDoesNotBringBackWhatWas() throws InterruptedException {
		Wiretap.Held bound = this.machine.tap().holdSetting("thread-pool-max");
		CompletableFuture<Answer> tuning = this.machine.begin("PATCH", "/iothreads/pool0", "{'thread-pool-max': 10}");
		bound.await();
		// A device that the reading has to ask after makes it last until after the
		// change.
		this.machine.monitor()
			.execute("device_add", Map.of("driver", "virtio-blk-pci", "id", "hot0", "bus", "rp9", "drive", "disk5"));
		Wiretap.Held question = this.machine.tap()
			.hold((request) -> request.path("arguments").path("path").asString("").equals("/machine/peripheral/hot0"));
		CompletableFuture<Answer> reading = this.machine.begin("GET", "/iothreads/pool0", null);
		question.await();
		bound.release();
		// It is not seen from here when the service has noticed the reply. To go on
		// early makes the test easier, not red.
		TimeUnit.MILLISECONDS.sleep(200);
		question.release();
		reading.join().is(200);
		assertThat(tuning.join().is(200).body().path("thread-pool-max").asLong()).isEqualTo(10);
		assertThat(this.machine.get("/iothreads/pool0").is(200).body().path("thread-pool-max").asLong()).isEqualTo(10);
	}

	private int settings() {
		List<String> changes = this.machine.tap().changes();
		return (int) changes.stream().filter("qom-set"::equals).count();
	}

	private void set(String property, long value) {
		this.machine.monitor()
			.execute("qom-set", Map.of("path", "/objects/pool0", "property", property, "value", value));
	}

}
