package dev.iothreads.feed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;

import dev.iothreads.feed.Subscriber.Event;
import dev.iothreads.fleet.RunningService;
import dev.iothreads.inventory.ChangeService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.metrics.PuppetMachine;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static dev.iothreads.metrics.PuppetMachine.disk;
import static dev.iothreads.metrics.PuppetMachine.iothread;
import static dev.iothreads.metrics.PuppetMachine.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The stream over HTTP.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EventStreamTests {

	private static final int HISTORY = 10_000;

	private static final int MOST_READERS = 100;

	private RunningService service;

	private PuppetMachine puppet;

	private long threads;

	@BeforeAll
	void start() {
		// A client that takes nothing for so long is cut off, and the slow reader
		// takes nothing until all is sent.
		this.service = RunningService.start("--server.tomcat.connection-timeout=60s");
	}

	@AfterAll
	void stop() {
		this.service.close();
	}

	@BeforeEach
	void addPuppet() {
		this.puppet = new PuppetMachine();
		this.threads = 0;
		this.service.part(Inventory.class).add("vm1", this.puppet);
	}

	@AfterEach
	void removePuppet() {
		this.service.part(Inventory.class).remove("vm1");
	}

	@Test
	void aChangeIsPublishedWithTheRepresentationOfTheApi() {
		try (Subscriber subscriber = open()) {
			assertThat(subscriber.response().headers().firstValue("content-type"))
				.hasValue("text/event-stream;charset=UTF-8");
			assertThat(subscriber.response().headers().firstValue("cache-control")).hasValue("no-store");
			this.puppet.show(snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0")));
			Event added = subscriber.next();
			assertThat(added.words()).isEqualTo("iothread-added io0");
			assertThat(added.data()).isEqualTo(api("/api/v1/machines/vm1/iothreads/io0"));
			Event attached = subscriber.next();
			assertThat(attached.words()).isEqualTo("device-attached blk0");
			assertThat(attached.data()).isEqualTo(api("/api/v1/machines/vm1/devices/blk0"));
			this.puppet.fall("it was stopped");
			Event down = subscriber.next();
			assertThat(down.words()).isEqualTo("machine-down vm1");
			assertThat(down.data()).isEqualTo(api("/api/v1/machines/vm1"));
			assertThat(down.data().path("reason").asString()).isEqualTo("it was stopped");
			assertThat(List.of(added.number(), attached.number(), down.number())).isSorted().doesNotHaveDuplicates();
		}
	}

	@Test
	void whatIsChangedThroughTheApiIsAnEvent() {
		ChangeService changes = this.service.part(ChangeService.class);
		try (Subscriber subscriber = open()) {
			changes.add("demo", "pool0", IOThreadSettings.NONE);
			changes.remove("demo", "pool0", false, (iothread) -> true);
			assertThat(subscriber.next().words()).isEqualTo("iothread-added pool0");
			assertThat(subscriber.next().words()).isEqualTo("iothread-removed pool0");
		}
	}

	@Test
	void aReaderThatDisconnectsAndResumesMissesNothingAndSeesNothingTwice() throws Exception {
		int total = 1000;
		ChangeService changes = this.service.part(ChangeService.class);
		List<String> expected = new ArrayList<>();
		for (int i = 0; i < total / 2; i++) {
			expected.add("iothread-added pool" + i);
			expected.add("iothread-removed pool" + i);
		}
		Thread changer = new Thread(() -> {
			for (int i = 0; i < total / 2; i++) {
				changes.add("demo", "pool" + i, IOThreadSettings.NONE);
				changes.remove("demo", "pool" + i, false, (iothread) -> true);
			}
		});
		Random random = new Random(7);
		List<Event> seen = new ArrayList<>();
		String resume = null;
		int connections = 0;
		while (seen.size() < total) {
			try (Subscriber subscriber = Subscriber.open(this.service.port(), "?machine=demo", resume)) {
				if (connections++ == 0) {
					changer.start();
				}
				for (int left = 1 + random.nextInt(60); left > 0 && seen.size() < total; left--) {
					Event event = subscriber.next();
					seen.add(event);
					resume = event.id();
				}
			}
		}
		changer.join();
		assertThat(connections).isGreaterThan(10);
		assertThat(seen.stream().map(Event::words)).containsExactlyElementsOf(expected);
		assertThat(seen.stream().map(Event::number)).isSorted().doesNotHaveDuplicates();
	}

	@Test
	void aReaderThatHasSeenNothingYetCanResumeToo() {
		String resume;
		try (Subscriber subscriber = open()) {
			resume = subscriber.lastEventId();
		}
		change();
		try (Subscriber subscriber = Subscriber.open(this.service.port(), "", resume)) {
			assertThat(subscriber.next().type()).isEqualTo("iothread-added");
		}
	}

	@Test
	void whatIsNoLongerKnownIsSaidByResync() {
		String resume;
		try (Subscriber subscriber = open()) {
			resume = subscriber.lastEventId();
		}
		for (int i = 0; i < HISTORY + 1; i++) {
			change();
		}
		try (Subscriber subscriber = Subscriber.open(this.service.port(), "", resume)) {
			Event resync = subscriber.next();
			assertThat(resync.type()).isEqualTo("resync");
			assertThat(resync.data().path("detail").asString()).contains("Read the lists again");
			change();
			Event next = subscriber.next();
			assertThat(next.type()).isNotEqualTo("resync");
			assertThat(next.number()).isEqualTo(resync.number() + 1);
		}
	}

	@Test
	void anIdThatWasNeverGivenHereIsAnsweredByResync() {
		try (Subscriber current = open()) {
			for (String id : List.of("0", "5", "-1", Long.toString(Long.parseLong(current.lastEventId()) + 1),
					"9223372036854775807", "99999999999999999999", "abc")) {
				try (Subscriber subscriber = Subscriber.open(this.service.port(), "", id)) {
					Event event = subscriber.next();
					assertThat(event.type()).as(id).isEqualTo("resync");
					assertThat(event.id()).isEqualTo(current.lastEventId());
				}
			}
		}
	}

	@Test
	void idsGrowAcrossRestarts() {
		try (Subscriber here = open(); RunningService another = RunningService.start()) {
			try (Subscriber there = Subscriber.open(another.port(), "", here.lastEventId())) {
				Event event = there.next();
				assertThat(event.type()).isEqualTo("resync");
				assertThat(event.number()).isGreaterThan(Long.parseLong(here.lastEventId()));
			}
		}
	}

	@Test
	void aReaderMayWantOneMachineOnly() {
		PuppetMachine other = new PuppetMachine();
		this.service.part(Inventory.class).add("vm2", other);
		try (Subscriber narrow = Subscriber.open(this.service.port(), "?machine=vm2", null);
				Subscriber wide = Subscriber.open(this.service.port(), "?machine=vm1&machine=vm2", null)) {
			change();
			other.show(snapshot(List.of(iothread("io7", 7))));
			assertThat(narrow.next().words()).isEqualTo("iothread-added io7");
			assertThat(wide.next().data().path("machine").asString()).isEqualTo("vm1");
			assertThat(wide.next().data().path("machine").asString()).isEqualTo("vm2");
		}
		finally {
			this.service.part(Inventory.class).remove("vm2");
		}
	}

	@Test
	void aMachineThatIsNotThereIsAProblem() throws Exception {
		HttpResponse<InputStream> answer = Subscriber.ask(this.service.port(), "?machine=vm9", null);
		assertThat(answer.statusCode()).isEqualTo(404);
		assertThat(problem(answer).path("type").asString()).isEqualTo("urn:iothreads:problem:machine-not-found");
	}

	@Test
	void aReaderHearsThatTheStreamIsAlive() {
		try (Subscriber subscriber = open()) {
			assertThat(subscriber.nextComment()).isEmpty();
		}
	}

	@Test
	void aSlowReaderIsAskedToReadTheListsAgainAndHoldsUpNoOther() throws Exception {
		try (Socket slow = new Socket(); Subscriber quick = open()) {
			// Less than one segment of the loopback device (64 KiB) lets Linux send what
			// is
			// left by its persist timer, which can take minutes.
			slow.setReceiveBufferSize(128 * 1024);
			slow.connect(new InetSocketAddress("127.0.0.1", this.service.port()));
			slow.setSoTimeout((int) Subscriber.DEADLINE.toMillis());
			// By HTTP/1.0 the body is what comes, up to the end.
			slow.getOutputStream().write("GET /api/v1/events HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
			BufferedReader lines = new BufferedReader(
					new InputStreamReader(slow.getInputStream(), StandardCharsets.UTF_8));
			while (!lines.readLine().startsWith("id: ")) {
				// the answer's head
			}
			long last = 0;
			for (int i = 0; i < 4 * HISTORY; i++) {
				change();
				if (i % 100 == 99) {
					for (int j = 0; j < 100; j++) {
						Event event = quick.next();
						assertThat(event.type()).isIn("iothread-added", "iothread-removed");
						last = event.number();
					}
				}
			}
			assertThat(resynchronised(lines)).isLessThanOrEqualTo(last);
		}
	}

	@Test
	void thereIsRoomForSoManyReadersAndForOneMoreWhenOneLeaves() throws Exception {
		Deque<Subscriber> readers = new ArrayDeque<>();
		try {
			await().atMost(Subscriber.DEADLINE).until(() -> {
				changeAll(); // a client that has left is noticed when something is sent
				while (readers.size() < MOST_READERS && admitted(readers)) {
					// one more
				}
				return readers.size() == MOST_READERS;
			});
			HttpResponse<InputStream> refusal = Subscriber.ask(this.service.port(), "", null);
			assertThat(refusal.statusCode()).isEqualTo(503);
			assertThat(refusal.headers().firstValue("retry-after")).contains("15");
			assertThat(problem(refusal).path("type").asString()).isEqualTo("urn:iothreads:problem:too-many-readers");
			readers.pop().close();
			await().atMost(Subscriber.DEADLINE).until(() -> {
				changeAll();
				return admitted(readers);
			});
		}
		finally {
			readers.forEach(Subscriber::close);
		}
	}

	@Test
	void onlyTheHeadCanBeHadToo() throws Exception {
		try (Socket socket = new Socket("127.0.0.1", this.service.port())) {
			socket.setSoTimeout((int) Subscriber.DEADLINE.toMillis());
			socket.getOutputStream()
				.write("HEAD /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
					.getBytes(StandardCharsets.US_ASCII));
			String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
			assertThat(answer).startsWith("HTTP/1.1 200")
				.containsIgnoringCase("content-type: text/event-stream")
				.endsWith("\r\n\r\n");
		}
	}

	@Test
	void whenTheServiceStopsTheStreamsEndAtOnce() {
		RunningService another = RunningService.start();
		try (Subscriber subscriber = Subscriber.open(another.port(), "", null)) {
			long begun = System.nanoTime();
			another.close();
			subscriber.awaitEnd();
			// Boot would wait 30 s for a request that does not end.
			assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(20));
		}
	}

	private Subscriber open() {
		return Subscriber.open(this.service.port(), "", null);
	}

	private boolean admitted(Deque<Subscriber> readers) {
		HttpResponse<InputStream> answer = Subscriber.ask(this.service.port(), "", null);
		if (answer.statusCode() == 200) {
			readers.push(Subscriber.reading(answer));
		}
		return answer.statusCode() == 200;
	}

	/**
	 * Changes one thing: an IOThread comes, and the next time it goes.
	 */
	private void change() {
		this.threads++;
		this.puppet.show(snapshot((this.threads % 2 == 1) ? List.of(iothread("io0", this.threads)) : List.of()));
	}

	private void changeAll() {
		change();
		ChangeService changes = this.service.part(ChangeService.class);
		changes.add("demo", "pool", IOThreadSettings.NONE);
		changes.remove("demo", "pool", false, (iothread) -> true);
	}

	private static long resynchronised(BufferedReader lines) throws IOException {
		long id = 0;
		long before = 0;
		for (String line = lines.readLine(); line != null; line = lines.readLine()) {
			if (line.startsWith("id: ")) {
				before = id;
				id = Long.parseLong(line.substring("id: ".length()));
				assertThat(id).isGreaterThan(before);
			}
			else if (line.equals("event: resync")) {
				assertThat(id).isGreaterThan(before + 1);
				return id;
			}
		}
		throw new AssertionError("The stream ended at " + id);
	}

	private JsonNode api(String path) {
		return this.service.get(path).json();
	}

	private static JsonNode problem(HttpResponse<InputStream> answer) throws IOException {
		assertThat(answer.headers().firstValue("content-type")).hasValue("application/problem+json");
		return JsonMapper.shared().readTree(answer.body().readAllBytes());
	}

}
