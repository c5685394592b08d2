package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

import dev.iothreads.qmp.ScriptedMonitor.Script;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Events and their listeners.
 */
class QmpEventTests {

	private static final QmpOptions LENIENT = QmpOptions.defaults()
		.withGreetingTimeout(Duration.ofSeconds(60))
		.withCommandTimeout(Duration.ofSeconds(60));

	/**
	 * Sends an event before each reply, named after the command.
	 */
	private static final Script ECHO = (client) -> {
		client.negotiate();
		while (true) {
			JsonNode request = client.read();
			client.event(request.path("execute").stringValue(), "{\"device\": \"blk0\"}");
			client.reply(request, "{\"return\": {}}");
		}
	};

	@Test
	void anEventArrivesWithItsDataAndItsTime() {
		CompletableFuture<QmpEvent> received = new CompletableFuture<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			client.addListener(received::complete);
			Futures.await(client.execute(QmpCommand.of("DEVICE_DELETED")));
			QmpEvent event = Futures.await(received);
			assertThat(event.name()).isEqualTo("DEVICE_DELETED");
			assertThat(event.data().path("device").stringValue()).isEqualTo("blk0");
			assertThat(event.timestamp()).isEqualTo(Instant.parse("2026-01-02T03:04:05.000006Z"));
		}
	}

	@Test
	void anEventBeforeTheReplyIsDeliveredBeforeTheReply() {
		List<String> events = new CopyOnWriteArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = QmpClient.open(monitor.address(), LENIENT, (event) -> events.add(event.name()))) {
			Futures.await(client.ready());
			Futures.await(client.execute(QmpCommand.of("ONE")));
			assertThat(events).containsExactly("ONE");
		}
	}

	@Test
	void everyListenerSeesEveryEventSinceItWasAdded() {
		List<String> first = new CopyOnWriteArrayList<>();
		List<String> second = new CopyOnWriteArrayList<>();
		Consumer<QmpEvent> listener = (event) -> second.add(event.name());
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = QmpClient.open(monitor.address(), LENIENT, (event) -> first.add(event.name()))) {
			Futures.await(client.ready());
			Futures.await(client.execute(QmpCommand.of("ONE")));
			client.addListener(listener);
			Futures.await(client.execute(QmpCommand.of("TWO")));
			assertThat(first).containsExactly("ONE", "TWO");
			assertThat(second).containsExactly("TWO");
		}
	}

	@Test
	void aListenerThatFailsDoesNotHarmTheOthers() {
		List<String> events = new CopyOnWriteArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = QmpClient.open(monitor.address(), LENIENT, (event) -> {
					throw new IllegalStateException("a failure that a test wants");
				})) {
			client.addListener((event) -> events.add(event.name()));
			Futures.await(client.ready());
			Futures.await(client.execute(QmpCommand.of("ONE")));
			Futures.await(client.execute(QmpCommand.of("TWO")));
			assertThat(events).containsExactly("ONE", "TWO");
		}
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void anErrorInAListenerEndsTheConnectionWithIt(Threads threads) {
		Error error = new StackOverflowError("an error that a test wants");
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = QmpClient.open(monitor.address(), LENIENT.withThreadFactory(threads), (event) -> {
					throw error;
				})) {
			Futures.await(client.ready());
			QmpInterruptedException failure = Futures.failureOf(client.execute(QmpCommand.of("ONE")),
					QmpInterruptedException.class);
			assertThat(failure).hasRootCause(error);
			assertThat(Futures.await(client.closed())).isExactlyInstanceOf(QmpClosedException.class).hasCause(error);
		}
		threads.awaitEnd();
	}

	@Test
	void aLackOfMemoryEndsTheConnectionAndIsNamed() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = QmpClient.open(monitor.address(), LENIENT, (event) -> {
					throw new OutOfMemoryError("an error that a test wants");
				})) {
			Futures.await(client.ready());
			client.execute(QmpCommand.of("ONE"));
			assertThat(Futures.await(client.closed())).hasMessageContaining("not enough memory");
		}
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aFloodOfEventsKeepsItsOrder(Threads threads) {
		int count = 100_000;
		AtomicInteger expected = new AtomicInteger();
		AtomicInteger misplaced = new AtomicInteger();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			StringBuilder flood = new StringBuilder();
			for (int i = 0; i < count; i++) {
				flood.append(
						"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"E\", \"data\": {\"n\": ")
					.append(i)
					.append("}}\r\n");
			}
			JsonNode request = client.read();
			client.sendRaw(flood.toString().getBytes(StandardCharsets.UTF_8));
			client.reply(request, "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = QmpClient.open(monitor.address(), LENIENT.withThreadFactory(threads), (event) -> {
			if (event.data().path("n").intValue() != expected.getAndIncrement()) {
				misplaced.incrementAndGet();
			}
		})) {
			Futures.await(client.ready());
			Futures.await(client.execute(QmpCommand.of("query-name")));
			assertThat(expected).hasValue(count);
			assertThat(misplaced).hasValue(0);
		}
	}

	@Test
	void aListenerMayCloseTheClientAndSeesNoFurtherEvent() {
		AtomicInteger events = new AtomicInteger();
		CountDownLatch known = new CountDownLatch(1);
		CompletableFuture<QmpClient> self = new CompletableFuture<>();
		Threads threads = Threads.platform();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			known.await();
			client.sendRaw("{\"event\": \"E\"}\r\n".repeat(100).getBytes(StandardCharsets.UTF_8));
			client.awaitEnd();
		}); QmpClient client = QmpClient.open(monitor.address(), LENIENT.withThreadFactory(threads), (event) -> {
			events.incrementAndGet();
			self.join().close();
		})) {
			self.complete(client);
			known.countDown();
			assertThat(Futures.await(client.closed())).isExactlyInstanceOf(QmpClosedException.class);
			threads.awaitEnd();
			assertThat(events).hasValue(1);
		}
	}

	@Test
	void listenersAreCalledOnTheConnectionsThread() {
		CompletableFuture<String> name = new CompletableFuture<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ECHO);
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			client.addListener((event) -> name.complete(Thread.currentThread().getName()));
			client.execute(QmpCommand.of("ONE"));
			assertThat(Futures.await(name)).isEqualTo("qmp-" + monitor.address());
		}
	}

}
