package dev.iothreads.contract;

import java.util.Map;

import dev.iothreads.machine.IOThreadProperty;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * {@code POST …/iothreads}.
 */
@EveryMachine
class AddingTests {

	private static final Map<IOThreadProperty, Long> STORED_FOR_ZERO = Map.of(IOThreadProperty.POLL_GROW, 2L,
			IOThreadProperty.POLL_SHRINK, 2L, IOThreadProperty.POLL_WEIGHT, 3L);

	private final Subject machine;

	AddingTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void anIOThreadNeedsAnIdOnly() {
		Answer answer = this.machine.post("/iothreads", "{'id': 'pool0'}").is(201);
		assertThat(answer.header("Location")).endsWith(this.machine.path("/iothreads/pool0"));
		JsonNode added = answer.body();
		assertThat(added.path("machine").asString()).isEqualTo(this.machine.name());
		assertThat(added.path("id").asString()).isEqualTo("pool0");
		assertThat(added.path("thread-id").asLong(0)).isPositive();
		assertThat(added.path("attached-cnt").asInt(-1)).isZero();
		assertThat(added.path("attached-dev").asString()).isEqualTo("none");
		assertThat(added.path("attached-devices")).isEmpty();
		for (IOThreadProperty property : IOThreadProperty.values()) {
			if (property != IOThreadProperty.POLL_WEIGHT || this.machine.hasPollWeight()) {
				assertThat(added.path(property.qemuName()).asLong(-1))
					.isEqualTo(this.machine.setting("pool0", property.qemuName()));
			}
			else {
				assertThat(added.has(property.qemuName())).isFalse();
			}
		}
		assertThat(this.machine.get("/iothreads/pool0").is(200).body()).isEqualTo(added);
	}

	@ParameterizedTest
	@EnumSource
	void everyPropertyCanBeGivenAtBothEndsOfItsRange(IOThreadProperty property) {
		if (property == IOThreadProperty.POLL_WEIGHT && !this.machine.hasPollWeight()) {
			this.machine.post("/iothreads", "{'id': 'pool0', 'poll-weight': 3}").isProblem(422, "not-supported");
			return;
		}
		// The least of the pool can be as large as the most is.
		String room = (property == IOThreadProperty.THREAD_POOL_MIN)
				? ", 'thread-pool-max': " + IOThreadProperty.THREAD_POOL_MAX.max() : "";
		for (long value : new long[] { property.min(), property.max() }) {
			String id = "at" + value;
			long stored = (value == 0 && this.machine.hasPollWeight()) ? STORED_FOR_ZERO.getOrDefault(property, 0L)
					: value;
			JsonNode added = this.machine
				.post("/iothreads", "{'id': '%s', '%s': %d%s}".formatted(id, property.qemuName(), value, room))
				.is(201)
				.body();
			assertThat(added.path(property.qemuName()).asLong(-1)).isEqualTo(stored);
			assertThat(this.machine.setting(id, property.qemuName())).isEqualTo(stored);
		}
	}

	@ParameterizedTest
	@EnumSource
	void aValueBeyondItsRangeIsRefused(IOThreadProperty property) {
		String below = Long.toString(property.min() - 1);
		String above = (property.max() == Long.MAX_VALUE) ? "9223372036854775808" : Long.toString(property.max() + 1);
		for (String value : new String[] { below, above, "-9223372036854775809" }) {
			this.machine.post("/iothreads", "{'id': 'pool0', '%s': %s}".formatted(property.qemuName(), value))
				.isInvalid(property.qemuName());
		}
		isNotThere("pool0");
	}

	@ParameterizedTest
	@ValueSource(strings = { "null", "'1'", "true", "[1]", "{}", "1.0", "1.5", "1e3", "1e999999999",
			"100000000000000000000000000000000000000000000000000" })
	void aValueThatIsNoWholeNumberIsRefused(String value) {
		this.machine.post("/iothreads", "{'id': 'pool0', 'poll-max-ns': %s}".formatted(value)).isInvalid("poll-max-ns");
		isNotThere("pool0");
	}

	@Test
	void allThatIsWrongIsSaidAtOnce() {
		this.machine
			.post("/iothreads", "{'id': 7, 'poll-max-ns': '1', 'attached-cnt': 3, 'thread-id': 1, 'poll-grow': null}")
			.isInvalid("id", "poll-max-ns", "attached-cnt", "thread-id", "poll-grow");
		this.machine
			.post("/iothreads",
					"{'id': '7', 'poll-max-ns': -1, 'poll-shrink': -1, 'thread-pool-min': 3, 'thread-pool-max': 2}")
			.isInvalid("id", "poll-max-ns", "poll-shrink", "thread-pool-min");
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "{", "{'id': 'pool0'", "{'id': 'pool0'} {}", "{'id': 'pool0'}]", "pool0", "{id: 1}",
			"{'id': 'pool0', 'id': 'pool1'}", "{'id': 'pool0', 'poll-grow': 1, 'poll-grow': 2}" })
	void whatIsNoJsonIsABadRequest(String body) {
		this.machine.post("/iothreads", body).isProblem(400, "invalid-request");
		isNotThere("pool0");
		isNotThere("pool1");
	}

	@ParameterizedTest
	@ValueSource(strings = { "[]", "[{'id': 'pool0'}]", "null", "7", "'pool0'", "true" })
	void aBodyThatIsNoObjectIsRefused(String body) {
		this.machine.post("/iothreads", body).isInvalid("");
		isNotThere("pool0");
	}

	@ParameterizedTest
	@ValueSource(strings = { "null", "7", "''", "'0pool'", "'-pool'", "'a b'", "'a/b'", "'a\\n'", "'a\\u0000b'",
			"'p\u00f6ol'", "'\u6c60'", "'device[0]'", "{}" })
	void anIdThatQemuWouldNotTakeIsRefused(String id) {
		this.machine.post("/iothreads", "{'id': %s}".formatted(id)).isInvalid("id");
		assertThat(this.machine.get("/iothreads").is(200).body()).hasSize(2);
	}

	@Test
	void withoutAnIdItIsIothreadAndTheNextNumber() {
		String first = this.machine.post("/iothreads", "{}").is(201).body().path("id").asString();
		String second = this.machine.post("/iothreads", "{'persist': false}").is(201).body().path("id").asString();
		assertThat(first).matches("iothread[1-9][0-9]*");
		assertThat(second).matches("iothread[1-9][0-9]*").isNotEqualTo(first);
		this.machine.delete("/iothreads/" + first).is(204);
		this.machine.delete("/iothreads/" + second).is(204);
	}

	@Test
	void anIdMayBeLongButNotTooLong() {
		String longest = "i" + "0".repeat(127);
		Answer answer = this.machine.post("/iothreads", "{'id': '%s'}".formatted(longest)).is(201);
		assertThat(answer.header("Location")).endsWith(longest);
		this.machine.delete("/iothreads/" + longest).is(204);
		this.machine.post("/iothreads", "{'id': '%s0'}".formatted(longest)).isInvalid("id");
	}

	@Test
	void anIdCanHaveDotsAndDashes() {
		this.machine.post("/iothreads", "{'id': 'a-b_c.D9'}").is(201);
		this.machine.get("/iothreads/a-b_c.D9").is(200);
	}

	@Test
	void anIdThatIsTakenIsRefused() {
		this.machine.post("/iothreads", "{'id': 'iothread0', 'poll-max-ns': 1}").isProblem(409, "iothread-exists");
		assertThat(this.machine.setting("iothread0", "poll-max-ns")).isEqualTo(32768);
	}

	@Test
	void anIOThreadMayBeCalledAsADeviceOrANodeIs() {
		this.machine.post("/iothreads", "{'id': 'blk0'}").is(201);
		this.machine.post("/iothreads", "{'id': 'disk0'}").is(201);
		this.machine.showsWhatIs();
	}

	@Test
	void thePoolsLeastMustNotExceedItsMost() {
		this.machine.post("/iothreads", "{'id': 'pool0', 'thread-pool-min': 9, 'thread-pool-max': 8}")
			.isInvalid("thread-pool-min");
		isNotThere("pool0");
	}

	@Test
	void thePoolsLeastMustNotExceedTheDefaultMost() {
		this.machine.post("/iothreads", "{'id': 'pool0', 'thread-pool-min': 65}").isInvalid("thread-pool-min");
		isNotThere("pool0");
		this.machine.post("/iothreads", "{'id': 'pool0', 'thread-pool-min': 64}").is(201);
	}

	@Test
	void onlyJsonIsReadAndWritten() {
		this.machine.post("/iothreads", "{'id': 'pool0'}", "Content-Type", "text/plain")
			.isProblem(415, "unsupported-media-type");
		this.machine.post("/iothreads", "{'id': 'pool0'}", "Accept", "text/plain").isProblem(406, "not-acceptable");
		isNotThere("pool0");
	}

	@Test
	void aMachineThatIsNotThereIsNotFound() {
		Service.shared()
			.send("POST", "/api/v1/machines/absent/iothreads", "{\"id\": \"pool0\"}")
			.isProblem(404, "machine-not-found");
	}

	private void isNotThere(String id) {
		this.machine.get("/iothreads/" + id).isProblem(404, "iothread-not-found");
	}

}
