package dev.iothreads.web.api;

import java.time.Duration;
import java.util.List;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.MachineState;
import dev.iothreads.web.FailingMachine;
import dev.iothreads.web.ShownMachine;
import dev.iothreads.web.WebTest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.assertj.MockMvcTester;
import org.springframework.test.web.servlet.assertj.MvcTestResult;

import static dev.iothreads.web.ShownMachine.device;
import static dev.iothreads.web.ShownMachine.iothread;
import static dev.iothreads.web.ShownMachine.snapshot;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * How long an answer may be kept, and the tags by which a client asks whether it has
 * changed.
 */
@WebTest
class EntityTagTests {

	private static final String VM1 = "/api/v1/machines/vm1";

	private static final String IOTHREADS = VM1 + "/iothreads";

	private final MockMvcTester mvc;

	private final Inventory inventory;

	EntityTagTests(@Autowired MockMvcTester mvc, @Autowired Inventory inventory) {
		this.mvc = mvc;
		this.inventory = inventory;
	}

	@AfterEach
	void forgetMachines() {
		List.of("vm1", "vm2").forEach(this.inventory::remove);
	}

	@ParameterizedTest
	@ValueSource(strings = { "/iothreads", "/iothreads/a", "/iothreads/a/devices", "/devices", "/devices/blk0" })
	void anAnswerHasATagUntilWhatItShowsChanges(String what) {
		ShownMachine machine = machine();
		this.inventory.add("vm1", machine);
		String tag = tag(VM1 + what);
		assertThat(tag).matches("\"[0-9a-f]+\"");
		machine.become(snapshot(List.of(iothread("a", 1)), List.of(device("blk0", "a"))));
		assertThat(this.mvc.get().uri(VM1 + what).header(HttpHeaders.IF_NONE_MATCH, tag).exchange())
			.hasStatus(HttpStatus.NOT_MODIFIED)
			.hasHeader(HttpHeaders.ETAG, tag)
			.bodyText()
			.isEmpty();
		machine.become(snapshot(List.of(iothread("a", 2, 0), iothread("b", 3)),
				List.of(device("blk0", "a", "b"), device("blk1", "a"))));
		assertThat(this.mvc.get().uri(VM1 + what).header(HttpHeaders.IF_NONE_MATCH, tag).exchange()).hasStatusOk();
		assertThat(tag(VM1 + what)).isNotEqualTo(tag);
	}

	@ParameterizedTest
	@ValueSource(strings = { "\"nope\", %s", "W/%s", "%s, \"nope\"" })
	void oneTagOfSeveralIsEnoughAndWeakOnesCompareToo(String tags) {
		this.inventory.add("vm1", machine());
		String tag = tag(IOTHREADS);
		assertThat(this.mvc.get().uri(IOTHREADS).header(HttpHeaders.IF_NONE_MATCH, tags.formatted(tag)).exchange())
			.hasStatus(HttpStatus.NOT_MODIFIED);
	}

	@Test
	void anotherTagIsNoReasonToSendNothing() {
		this.inventory.add("vm1", machine());
		assertThat(this.mvc.get().uri(IOTHREADS).header(HttpHeaders.IF_NONE_MATCH, "\"another\"").exchange())
			.hasStatusOk();
	}

	@Test
	void jsonAndTextHaveTagsOfTheirOwn() {
		this.inventory.add("vm1", machine());
		MvcTestResult text = this.mvc.get().uri(IOTHREADS).accept(MediaType.TEXT_PLAIN).exchange();
		assertThat(text.getResponse().getHeader(HttpHeaders.ETAG)).isNotNull().isNotEqualTo(tag(IOTHREADS));
	}

	@Test
	void headHasTheHeadersOfGet() {
		this.inventory.add("vm1", machine());
		MvcTestResult head = this.mvc.head().uri(IOTHREADS).exchange();
		assertThat(head).hasStatusOk()
			.hasHeader(HttpHeaders.ETAG, tag(IOTHREADS))
			.hasHeader(HttpHeaders.CACHE_CONTROL, "no-cache")
			.containsHeader(HttpHeaders.AGE)
			.hasContentTypeCompatibleWith(MediaType.APPLICATION_JSON);
	}

	// The tag stands for the body alone: a browser would show the header that it has
	// kept.
	@ParameterizedTest
	@ValueSource(strings = { "/api/v1/iothreads", "/api/v1/devices", "/api/v1/activity" })
	void anAnswerWithoutSomeMachinesIsNotKeptByACache(String list) {
		String tag = get(list).getResponse().getHeader(HttpHeaders.ETAG);
		assertThat(tag).isNotNull();
		this.inventory.add("vm2", FailingMachine.unavailable(MachineState.DOWN, "vm2 is down."));
		assertThat(this.mvc.get().uri(list).header(HttpHeaders.IF_NONE_MATCH, tag)).hasStatusOk()
			.hasHeader("Iothreads-Unavailable", "vm2")
			.hasHeader(HttpHeaders.CACHE_CONTROL, "no-store")
			.doesNotContainHeader(HttpHeaders.ETAG);
		assertThat(this.mvc.head().uri(list)).hasStatusOk().doesNotContainHeader(HttpHeaders.ETAG);
	}

	@Test
	void noCacheMayKeepAnAnswerWithoutAskingAgainAndItsAgeIsSaid() {
		this.inventory.add("vm1",
				new ShownMachine(snapshot(Duration.ofSeconds(700), null, List.of(iothread("a", 1)), List.of())));
		for (String path : List.of(VM1, IOTHREADS, IOTHREADS + "/a", VM1 + "/devices", VM1 + "/attachable",
				"/api/v1/iothreads")) {
			MvcTestResult answer = get(path);
			assertThat(answer).hasStatusOk()
				.hasHeader(HttpHeaders.CACHE_CONTROL, "no-cache")
				.hasHeader(HttpHeaders.VARY, "Accept");
			assertThat(Long.parseLong(answer.getResponse().getHeader(HttpHeaders.AGE))).as(path)
				.isGreaterThanOrEqualTo(700);
		}
		assertThat(get("/api/v1/machines")).hasHeader(HttpHeaders.CACHE_CONTROL, "no-cache");
	}

	@Test
	void aClockThatWasSetBackMakesNoAnswerYoungerThanNow() {
		this.inventory.add("vm1",
				new ShownMachine(snapshot(Duration.ofSeconds(-700), null, List.of(iothread("a", 1)), List.of())));
		assertThat(get(IOTHREADS)).hasHeader(HttpHeaders.AGE, "0");
	}

	private static ShownMachine machine() {
		return new ShownMachine(List.of(iothread("a", 1)), List.of(device("blk0", "a")));
	}

	private MvcTestResult get(String path) {
		return this.mvc.get().uri(path).exchange();
	}

	private String tag(String path) {
		return get(path).getResponse().getHeader(HttpHeaders.ETAG);
	}

}
