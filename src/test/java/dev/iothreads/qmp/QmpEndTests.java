package dev.iothreads.qmp;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;

import dev.iothreads.qmp.ScriptedMonitor.Script;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * How connections end, and what they leave behind: nothing.
 */
class QmpEndTests {

	private static final QmpOptions LENIENT = QmpOptions.defaults()
		.withGreetingTimeout(Duration.ofSeconds(60))
		.withCommandTimeout(Duration.ofSeconds(60));

	private static final QmpCommand QUERY = QmpCommand.of("query-name");

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void pendingCommandsFailAtOnceWhenTheMonitorHangsUp(Threads threads) {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.read();
			client.read();
			client.sendRaw("{\"return\": {\"na".getBytes(StandardCharsets.UTF_8));
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads))) {
			CompletableFuture<JsonNode> first = client.execute(QUERY);
			CompletableFuture<JsonNode> second = client.execute(QmpCommand.of("query-status"));
			QmpInterruptedException failure = Futures.failureOf(first, QmpInterruptedException.class);
			QmpException reason = Futures.await(client.closed());
			assertThat(failure).hasCause(reason)
				.hasMessageContaining("The connection ended before QEMU answered query-name");
			assertThat(reason).isExactlyInstanceOf(QmpClosedException.class)
				.hasMessageContaining("QEMU closed the connection in the middle of a message");
			assertThat(Futures.failureOf(second, QmpInterruptedException.class)).hasCause(reason);
			assertThat(client.unanswered()).isZero();
		}
		threads.awaitEnd();
	}

	@Test
	void whatWasSaidBeforeTheEndIsStillHeard() {
		CompletableFuture<QmpEvent> event = new CompletableFuture<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			JsonNode request = client.read();
			client.event("SHUTDOWN", "{}");
			client.reply(request, "{\"return\": {}}");
		}); QmpClient client = QmpClient.open(monitor.address(), LENIENT, event::complete)) {
			Futures.await(client.ready());
			Futures.await(client.execute(QmpCommand.of("quit")));
			assertThat(Futures.await(event).name()).isEqualTo("SHUTDOWN");
			assertThat(Futures.await(client.closed())).hasMessageEndingWith(": QEMU closed the connection");
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "garbage", "{}", "[]", "{\"return\": ]", "{\"return\": {}}}", "{\"event\": 1}",
			"{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}" })
	void whatIsNoQmpEndsTheConnection(String line) {
		QmpClosedException reason = protocolFailure((client) -> {
			client.negotiate();
			client.read();
			client.send(line);
			client.awaitEnd();
		});
		assertThat(reason).hasMessageStartingWith("unix:");
	}

	@Test
	void anErrorWithoutAnIdEndsTheConnectionWithQemusWords() {
		QmpClosedException reason = protocolFailure((client) -> {
			client.negotiate();
			client.read();
			client.send("{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, expecting value\"}}");
			client.awaitEnd();
		});
		assertThat(reason).hasMessageContaining("JSON parse error, expecting value");
	}

	@Test
	void nesting10000DeepEndsTheConnection() {
		for (String nested : List.of("{\"return\": " + "[".repeat(10_000) + "]".repeat(10_000) + ", \"id\": 1}",
				"{\"event\": \"E\", \"data\": " + "{\"a\":".repeat(10_000) + "1" + "}".repeat(10_000) + "}")) {
			QmpClosedException reason = protocolFailure((client) -> {
				client.negotiate();
				client.read();
				client.send(nested);
				client.awaitEnd();
			});
			assertThat(reason).hasMessageContaining("nested deeper than 1000 levels");
		}
	}

	@Test
	void aReplyThatCannotBeReadFailsItsCommandWithTheConnection() {
		QmpClosedException reason = protocolFailure((client) -> {
			client.negotiate();
			client.send("{\"return\": " + "9".repeat(2000) + ", \"id\": " + client.read().path("id") + "}");
			client.awaitEnd();
		});
		assertThat(reason).hasMessageContaining("This is not a QMP message: '{\"return\": 999");
	}

	private static QmpClosedException protocolFailure(Script script) {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(script);
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			QmpInterruptedException failure = Futures.failureOf(client.execute(QUERY), QmpInterruptedException.class);
			assertThat(failure).hasCauseExactlyInstanceOf(QmpClosedException.class);
			assertThat(Futures.await(client.closed())).isSameAs(failure.getCause());
			assertThat(client.state()).isEqualTo(QmpState.CLOSED);
			return (QmpClosedException) failure.getCause();
		}
	}

	@Test
	void halfALineForEverKeepsNoRequestWaitingLongerThanTheDeadline() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			JsonNode request = client.read();
			client.sendRaw(("{\"id\": " + request.path("id") + ", \"return").getBytes(StandardCharsets.UTF_8));
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			Futures.failureOf(client.execute(QUERY, Duration.ofMillis(50)), QmpTimeoutException.class);
			assertThat(client.state()).isEqualTo(QmpState.READY);
		}
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void closingFailsWhatIsPendingAndEndsTheThread(Threads threads) {
		for (ScriptedMonitor listening : List.of(ScriptedMonitor.onUnixSocket(Script.answering((request) -> null)),
				ScriptedMonitor.onTcp(Script.answering((request) -> null)))) {
			try (ScriptedMonitor monitor = listening) {
				QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads));
				CompletableFuture<JsonNode> reply = client.execute(QUERY);
				client.close();
				assertThat(client.state()).isEqualTo(QmpState.CLOSED);
				assertThat(reply).isCompletedExceptionally();
				QmpException reason = Futures.await(client.closed());
				assertThat(Futures.failureOf(reply, QmpInterruptedException.class)).hasCause(reason);
				assertThat(reason).isExactlyInstanceOf(QmpClosedException.class)
					.hasMessageContaining("this side closed the connection");
				client.close();
				assertThat(Futures.await(client.closed())).isSameAs(reason);
				threads.awaitEnd();
			}
		}
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void closingEndsTheWaitForAGreeting(Threads threads) {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.silent())) {
			QmpClient client = QmpClient.open(monitor.address(),
					LENIENT.withGreetingTimeout(null).withThreadFactory(threads), (event) -> {
					});
			Futures.until("connected", () -> client.state() == QmpState.GREETING);
			client.close();
			Futures.failureOf(client.ready(), QmpClosedException.class);
			threads.awaitEnd();
		}
	}

	@Test
	void aContinuationMayCloseTheClient() {
		Threads threads = Threads.platform();
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"))) {
			QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads));
			Futures.await(client.execute(QUERY).thenRun(client::close));
			assertThat(client.state()).isEqualTo(QmpState.CLOSED);
			threads.awaitEnd();
		}
	}

	@Test
	void anInterruptedConnectionThreadEndsTheConnection() {
		Threads threads = Threads.platform();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> null));
				QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads))) {
			threads.made().get(0).interrupt();
			assertThat(Futures.await(client.closed())).hasMessageContaining("this side's thread was interrupted");
		}
		threads.awaitEnd();
	}

	@Test
	void aFutureThatACallerSpoilsDoesNotHarmTheClient() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> null))) {
			QmpClient client = Clients.connect(monitor.address(), LENIENT);
			client.closed().cancel(true);
			client.ready().obtrudeException(new IllegalStateException());
			Futures.await(client.ready());
			client.close();
			assertThat(Futures.await(client.closed())).isInstanceOf(QmpClosedException.class);
		}
	}

	@Test
	void everyClientHasOneThreadNamedAfterItsAddress() {
		Threads threads = Threads.platform();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads))) {
			Futures.await(client.execute(QUERY));
			assertThat(threads.made()).extracting(Thread::getName).containsExactly("qmp-" + monitor.address());
			assertThat(threads.made()).allMatch(Thread::isDaemon);
		}
	}

	@Test
	void nothingIsLeftBehindHoweverConnectionsEnd() throws IOException {
		List<Threads> everyKind = Threads.ofEveryKind().toList();
		long before = -1;
		for (int round = 0; round < 5; round++) {
			for (Threads threads : everyKind) {
				endInEveryPhase(LENIENT.withThreadFactory(threads));
				threads.awaitEnd();
			}
			if (round == 0) {
				before = openSockets();
			}
		}
		long allowed = before;
		Futures.until("sockets are closed", () -> openSockets() <= allowed);
	}

	private static void endInEveryPhase(QmpOptions options) {
		CountDownLatch never = new CountDownLatch(1);
		QmpOptions hasty = options.withGreetingTimeout(Duration.ofMillis(20));
		List<CompletableFuture<QmpException>> ends = new ArrayList<>();
		end(ends, MonitorAddress.parse("unix:/nowhere/vm.sock"), options, false);
		for (Script script : List.<Script>of(Script.silent(), (client) -> {
			client.negotiate();
			client.send("garbage");
			client.awaitEnd();
		}, ScriptedMonitor.Client::negotiate, (client) -> {
			client.send(ScriptedMonitor.GREETING);
			never.await();
		})) {
			for (ScriptedMonitor listening : List.of(ScriptedMonitor.onUnixSocket(script),
					ScriptedMonitor.onTcp(script))) {
				try (ScriptedMonitor monitor = listening) {
					end(ends, monitor.address(), hasty.withCommandTimeout(Duration.ofMillis(20)), false);
					end(ends, monitor.address(), options, true);
				}
			}
		}
		ends.forEach(Futures::await);
	}

	private static void end(List<CompletableFuture<QmpException>> ends, MonitorAddress address, QmpOptions options,
			boolean close) {
		QmpClient client = QmpClient.open(address, options, (event) -> {
		});
		if (close) {
			client.close();
		}
		CompletableFuture<QmpException> end = client.closed();
		Futures.await(end);
		ends.add(end);
	}

	private static long openSockets() {
		try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
			return descriptors.filter(QmpEndTests::isSocket).count();
		}
		catch (IOException ex) {
			throw new AssertionError(ex);
		}
	}

	private static boolean isSocket(Path descriptor) {
		try {
			return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
		}
		catch (IOException ex) {
			return false;
		}
	}

}
