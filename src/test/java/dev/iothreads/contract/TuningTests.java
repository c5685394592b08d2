package dev.iothreads.contract;

import java.util.Objects;

import dev.iothreads.machine.IOThreadProperty;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * {@code PATCH …/iothreads/{id}}.
 */
@EveryMachine
class TuningTests {

	private final Subject machine;

	TuningTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@ParameterizedTest
	@ValueSource(strings = { "application/json", "application/merge-patch+json", "application/json; charset=utf-8" })
	void settingsAreChangedWhileTheThreadRuns(String mediaType) {
		this.machine.pool("pool0");
		JsonNode before = this.machine.get("/iothreads/pool0").is(200).body();
		JsonNode tuned = this.machine
			.patch("/iothreads/pool0",
					"{'poll-max-ns': 65536, 'poll-grow': 4, 'poll-shrink': 3, 'aio-max-batch': 5, "
							+ "'thread-pool-min': 70, 'thread-pool-max': 80}",
					"Content-Type", mediaType)
			.is(200)
			.body();
		assertThat(tuned.path("thread-id")).isEqualTo(before.path("thread-id"));
		holds("poll-max-ns", 65536, tuned);
		holds("poll-grow", 4, tuned);
		holds("poll-shrink", 3, tuned);
		holds("aio-max-batch", 5, tuned);
		holds("thread-pool-min", 70, tuned);
		holds("thread-pool-max", 80, tuned);
		assertThat(this.machine.get("/iothreads/pool0").is(200).body()).isEqualTo(tuned);
	}

	@ParameterizedTest
	@EnumSource
	void oneSettingIsChangedWithoutTheOthers(IOThreadProperty property) {
		this.machine.pool("pool0");
		if (property == IOThreadProperty.POLL_WEIGHT && !this.machine.hasPollWeight()) {
			this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1, 'poll-weight': 5}")
				.isProblem(422, "not-supported");
			assertThat(this.machine.setting("pool0", "poll-max-ns")).isEqualTo(32768);
			return;
		}
		JsonNode before = this.machine.get("/iothreads/pool0").is(200).body();
		JsonNode after = this.machine.patch("/iothreads/pool0", "{'%s': 5}".formatted(property.qemuName()))
			.is(200)
			.body();
		for (IOThreadProperty other : IOThreadProperty.values()) {
			if (other == property) {
				holds(other.qemuName(), 5, after);
			}
			else {
				assertThat(after.path(other.qemuName())).isEqualTo(before.path(other.qemuName()));
			}
		}
	}

	@Test
	void aThreadThatQemuCannotPinIsPinnedByTheCommandThatIsNamed() {
		this.machine.pool("pool0");
		JsonNode before = this.machine.get("/iothreads/pool0").is(200).body();
		assertThat(this.machine.patch("/iothreads/pool0", "{'cpus': '0'}")
			.isProblem(422, "not-supported")
			.path("detail")
			.asString("")).endsWith("taskset -pc 0 " + before.path("thread-id").asLong());
	}

	@Test
	void zeroIsStoredAsTheDefaultWhereQemuDoesSo() {
		this.machine.pool("pool0");
		this.machine.patch("/iothreads/pool0", "{'poll-grow': 5, 'poll-shrink': 5}").is(200);
		JsonNode tuned = this.machine.patch("/iothreads/pool0", "{'poll-grow': 0, 'poll-shrink': 0}").is(200).body();
		holds("poll-grow", this.machine.hasPollWeight() ? 2 : 0, tuned);
		holds("poll-shrink", this.machine.hasPollWeight() ? 2 : 0, tuned);
	}

	@Test
	void nothingIsChangedByNothing() {
		JsonNode before = this.machine.get("/iothreads/iothread0").is(200).body();
		assertThat(this.machine.patch("/iothreads/iothread0", "{}").is(200).body()).isEqualTo(before);
	}

	@ParameterizedTest
	@CsvSource({ "10, 20, 30, 40", "30, 40, 10, 20", "10, 40, 20, 30", "20, 30, 10, 40", "10, 20, 20, 20",
			"64, 64, 65, 2147483647", "65, 2147483647, 0, 1", "10, 10, 20, 20", "20, 20, 10, 10" })
	void thePoolsBoundsMoveTogether(long min, long max, long newMin, long newMax) {
		this.machine.pool("pool0");
		this.machine.patch("/iothreads/pool0", "{'thread-pool-min': %d, 'thread-pool-max': %d}".formatted(min, max))
			.is(200);
		JsonNode tuned = this.machine
			.patch("/iothreads/pool0", "{'thread-pool-max': %d, 'thread-pool-min': %d}".formatted(newMax, newMin))
			.is(200)
			.body();
		holds("thread-pool-min", newMin, tuned);
		holds("thread-pool-max", newMax, tuned);
	}

	@Test
	void aBoundOfThePoolThatPassesTheOtherIsRefusedAndNotStored() {
		this.machine.pool("pool0");
		this.machine.patch("/iothreads/pool0", "{'thread-pool-min': 10, 'thread-pool-max': 20}").is(200);
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1, 'thread-pool-min': 21}")
			.isInvalid("thread-pool-min");
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1, 'thread-pool-max': 9}").isInvalid("thread-pool-max");
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1, 'thread-pool-max': 9, 'thread-pool-min': 10}")
			.isInvalid("thread-pool-min");
		JsonNode after = this.machine.get("/iothreads/pool0").is(200).body();
		holds("thread-pool-min", 10, after);
		holds("thread-pool-max", 20, after);
		holds("poll-max-ns", 32768, after);
	}

	@ParameterizedTest
	@EnumSource
	void aValueBeyondItsRangeIsRefused(IOThreadProperty property) {
		String above = (property.max() == Long.MAX_VALUE) ? "9223372036854775808" : Long.toString(property.max() + 1);
		for (String value : new String[] { Long.toString(property.min() - 1), above }) {
			this.machine.patch("/iothreads/iothread0", "{'%s': %s}".formatted(property.qemuName(), value))
				.isInvalid(property.qemuName());
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "null", "'1'", "true", "[1]", "{}", "1.0", "1e3", "1e999999999" })
	void aValueThatIsNoWholeNumberIsRefused(String value) {
		this.machine.patch("/iothreads/iothread0", "{'poll-grow': 7, 'poll-max-ns': %s}".formatted(value))
			.isInvalid("poll-max-ns");
		assertThat(this.machine.setting("iothread0", "poll-grow")).isNotEqualTo(7);
	}

	@Test
	void whatIsNotASettingIsRefused() {
		this.machine
			.patch("/iothreads/iothread0", "{'id': 'pool1', 'attached-cnt': 0, 'poll-max-ns': 1, 'Poll-Grow': 1}")
			.isInvalid("id", "attached-cnt", "Poll-Grow");
		assertThat(this.machine.setting("iothread0", "poll-max-ns")).isEqualTo(32768);
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "{", "{'poll-grow': 1, 'poll-grow': 2}" })
	void whatIsNoJsonIsABadRequest(String body) {
		this.machine.patch("/iothreads/iothread0", body).isProblem(400, "invalid-request");
	}

	@ParameterizedTest
	@ValueSource(strings = { "[]", "null", "[{'op': 'replace', 'path': '/poll-grow', 'value': 1}]" })
	void aBodyThatIsNoObjectIsRefused(String body) {
		this.machine.patch("/iothreads/iothread0", body).isInvalid("");
	}

	@Test
	void anotherKindOfPatchIsNotRead() {
		this.machine.patch("/iothreads/iothread0", "[]", "Content-Type", "application/json-patch+json")
			.isProblem(415, "unsupported-media-type");
		this.machine.patch("/iothreads/iothread0", "{}", "Accept", "text/plain").isProblem(406, "not-acceptable");
	}

	@Test
	void whatIsNotThereIsNotFound() {
		this.machine.patch("/iothreads/pool1", "{'poll-max-ns': 1}").isProblem(404, "iothread-not-found");
		this.machine.patch("/iothreads/blk0", "{'poll-max-ns': 1}").isProblem(404, "iothread-not-found");
		this.machine.patch("/iothreads/%C3%A4", "{'poll-max-ns': 1}").isProblem(404, "iothread-not-found");
		Service.shared()
			.send("PATCH", "/api/v1/machines/absent/iothreads/iothread0", "{}")
			.isProblem(404, "machine-not-found");
	}

	@Test
	void whoNamesTheTagOfWhatIsThereMayChangeIt() {
		this.machine.pool("pool0");
		String tag = tag("application/json");
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1}", "If-Match", tag).is(200);
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 2}", "If-Match", tag)
			.isProblem(412, "precondition-failed");
		assertThat(this.machine.setting("pool0", "poll-max-ns")).isEqualTo(1);
	}

	@Test
	void theTagOfTheTextDoesAsWell() {
		this.machine.pool("pool0");
		String tag = tag("text/plain");
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1}", "If-Match", tag).is(200);
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 2}", "If-Match", tag)
			.isProblem(412, "precondition-failed");
	}

	@Test
	void theTagOfTheAnswerServesForTheNextChange() {
		this.machine.pool("pool0");
		String tag = tag("application/json");
		Answer tuned = this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1}", "If-Match", tag).is(200);
		assertThat(tuned.header("ETag")).isNotNull().isEqualTo(tag("application/json"));
		Answer added = this.machine.post("/iothreads", "{'id': 'pool1'}").is(201);
		assertThat(added.header("ETag")).isNotNull()
			.isEqualTo(this.machine.get("/iothreads/pool1").is(200).header("ETag"));
	}

	@Test
	void oneOfSeveralTagsIsEnough() {
		this.machine.pool("pool0");
		this.machine
			.patch("/iothreads/pool0", "{'poll-max-ns': 1}", "If-Match", "\"a\", " + tag("application/json") + ",\"b\"")
			.is(200);
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 2}", "If-Match", "*").is(200);
	}

	@ParameterizedTest
	@ValueSource(strings = { "\"a\"", "\"a\", \"b\"", "W/\"a\"", "nonsense", "" })
	void anotherTagIsRefused(String tags) {
		this.machine.patch("/iothreads/iothread0", "{'poll-max-ns': 1}", "If-Match", tags)
			.isProblem(412, "precondition-failed");
		assertThat(this.machine.setting("iothread0", "poll-max-ns")).isEqualTo(32768);
	}

	@Test
	void aWeakTagIsNoneForAChange() {
		this.machine.pool("pool0");
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1}", "If-Match", "W/" + tag("application/json"))
			.isProblem(412, "precondition-failed");
	}

	@Test
	void theTagChangesWithWhatIsAttached() {
		this.machine.pool("pool0");
		String tag = tag("application/json");
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		this.machine.patch("/iothreads/pool0", "{'poll-max-ns': 1}", "If-Match", tag)
			.isProblem(412, "precondition-failed");
	}

	private String tag(String accepted) {
		return Objects.requireNonNull(this.machine.get("/iothreads/pool0", "Accept", accepted).is(200).header("ETag"));
	}

	private void holds(String property, long value, JsonNode shown) {
		assertThat(shown.path(property).asLong(-1)).as(property).isEqualTo(value);
		assertThat(this.machine.setting("pool0", property)).as(property).isEqualTo(value);
	}

}
