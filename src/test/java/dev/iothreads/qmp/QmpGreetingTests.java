package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

import dev.iothreads.qmp.QmpConnectException.Reason;
import dev.iothreads.qmp.ScriptedMonitor.Script;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * From being connected to being ready.
 */
class QmpGreetingTests {

	private static final QmpOptions LENIENT = QmpOptions.defaults()
		.withGreetingTimeout(Duration.ofSeconds(60))
		.withCommandTimeout(Duration.ofSeconds(60));

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aClientIsReadyWhenItHasBeenGreetedAndHasNegotiated(Threads threads) {
		for (ScriptedMonitor listening : List.of(ScriptedMonitor.onUnixSocket(Script.answering((request) -> null)),
				ScriptedMonitor.onTcp(Script.answering((request) -> null)))) {
			try (ScriptedMonitor monitor = listening;
					QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads))) {
				assertThat(client.state()).isEqualTo(QmpState.READY);
				assertThat(Futures.await(client.ready())).isEqualTo(new QmpGreeting(11, 1, 3, "scripted"));
				assertThat(client).hasToString("QmpClient[" + monitor.address() + ", READY]");
			}
		}
		threads.awaitEnd();
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aMonitorThatDoesNotGreetIsTakenForOneThatAnotherClientHolds(Threads threads) {
		QmpOptions options = LENIENT.withGreetingTimeout(Duration.ofMillis(50)).withThreadFactory(threads);
		QmpConnectException failure = greetingFailure(Script.silent(), options);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_GREETED);
		assertThat(failure).hasMessageContaining("connected, but not greeted within 50 ms")
			.hasMessageContaining("Another client holds this monitor")
			.hasMessageContaining("give the service a -qmp of its own");
		threads.awaitEnd();
	}

	@Test
	void halfAGreetingIsNone() {
		QmpConnectException failure = greetingFailure((client) -> {
			client.sendRaw(ScriptedMonitor.GREETING.substring(0, 20).getBytes(StandardCharsets.UTF_8));
			client.awaitEnd();
		}, LENIENT.withGreetingTimeout(Duration.ofMillis(50)));
		assertThat(failure.reason()).isEqualTo(Reason.NOT_GREETED);
	}

	// A client that waits for its turn is sent nothing at all.
	@ParameterizedTest
	@ValueSource(strings = { "{\"QMP\": {\"version\": ", "{{", "login:" })
	void whatBeginsToGreetHasToEnd(String begin) {
		QmpConnectException failure = greetingFailure((client) -> {
			client.sendRaw(begin.getBytes(StandardCharsets.UTF_8));
			client.awaitEnd();
		}, LENIENT.withGreetingTimeout(null).withCommandTimeout(Duration.ofMillis(50)));
		assertThat(failure.reason()).isEqualTo(Reason.NOT_QMP);
		assertThat(failure).hasMessageContaining("began a message and did not end it within");
	}

	@Test
	void withoutADeadlineAClientWaitsForItsTurn() {
		CountDownLatch turn = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			turn.await();
			client.negotiate();
			client.awaitEnd();
		}); QmpClient client = QmpClient.open(monitor.address(), LENIENT.withGreetingTimeout(null), (event) -> {
		})) {
			Futures.until("connected", () -> client.state() == QmpState.GREETING);
			assertThat(client.ready()).isNotDone();
			turn.countDown();
			Futures.await(client.ready());
		}
	}

	@Test
	void theSecondClientIsGreetedWhenTheFirstLeaves() {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"))) {
			QmpClient first = Clients.connect(monitor.address(), LENIENT);
			try (QmpClient second = QmpClient.open(monitor.address(), LENIENT.withGreetingTimeout(null), (event) -> {
			})) {
				Futures.until("connected", () -> second.state() == QmpState.GREETING);
				Futures.await(first.execute(QmpCommand.of("query-name")));
				assertThat(second.state()).isEqualTo(QmpState.GREETING);
				first.close();
				Futures.await(second.ready());
			}
		}
	}

	@Test
	void aMonitorThatHangsUpInsteadOfGreetingIsEnding() {
		QmpConnectException failure = greetingFailure((client) -> {
		}, LENIENT);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_READY);
		assertThat(failure).hasMessageContaining("QEMU closed the connection before any greeting");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
			QEMU 11.1.3 monitor - type 'help' for more information | HUMAN_MONITOR | QEMU's human monitor
			(qemu) info status                                     | HUMAN_MONITOR | QEMU's human monitor
			RFB 003.008                                            | NOT_QMP       | a VNC server
			SSH-2.0-OpenSSH_9.2p1                                  | NOT_QMP       | an SSH server
			NBDMAGICIHAVEOPT                                       | NOT_QMP       | an NBD server
			Debian GNU/Linux 12 vm ttyS0                           | NOT_QMP       | not a QMP monitor
			{}                                                     | NOT_QMP       | not a QMP monitor
			[]                                                     | NOT_QMP       | not a QMP monitor
			{"QMP": {}}                                            | NOT_QMP       | not a QMP monitor
			{"return": {}}                                         | NOT_QMP       | not a QMP monitor
			{"error": {"class": "GenericError", "desc": "no"}}     | NOT_QMP       | not a QMP monitor
			""")
	void whatGreetsInAnotherLanguageIsNoMonitor(String line, Reason reason, String speaker) {
		QmpConnectException failure = greetingFailure((client) -> {
			client.send(line);
			client.awaitEnd();
		}, LENIENT);
		assertThat(failure.reason()).isEqualTo(reason);
		assertThat(failure).hasMessageContaining(speaker)
			.hasMessageContaining("name the socket of QEMU's -qmp option, not that of -monitor");
	}

	@Test
	void theNegotiationOfATelnetServerIsNoGreeting() {
		QmpConnectException failure = greetingFailure((client) -> {
			client.sendRaw(new byte[] { -1, -5, 1, -1, -5, 3, -1, -5, 0, -1, -3, 0 });
			client.awaitEnd();
		}, LENIENT);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_QMP);
		assertThat(failure).hasMessageContaining("a telnet server");
	}

	@Test
	void eventsFromBeforeTheGreetingOnReachTheFirstListener() {
		List<String> events = new CopyOnWriteArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.event("ONE", "{}");
			client.send(ScriptedMonitor.GREETING);
			client.event("TWO", "{}");
			JsonNode request = client.read();
			client.event("THREE", "{}");
			client.reply(request, "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = QmpClient.open(monitor.address(), LENIENT, (event) -> events.add(event.name()))) {
			Futures.await(client.ready());
			assertThat(events).containsExactly("ONE", "TWO", "THREE");
		}
	}

	@Test
	void aMonitorThatRefusesToNegotiateIsNamedWithItsWords() {
		QmpConnectException failure = negotiationFailure((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.refuse(client.read(), "CommandNotFound", "The command qmp_capabilities has not been found");
			client.awaitEnd();
		}, LENIENT);
		assertThat(failure).hasMessageContaining("QEMU refused qmp_capabilities")
			.hasMessageContaining("The command qmp_capabilities has not been found");
	}

	@Test
	void aMonitorThatDoesNotAnswerTheNegotiationIsNamed() {
		QmpConnectException failure = negotiationFailure((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.awaitEnd();
		}, LENIENT.withCommandTimeout(Duration.ofMillis(50)));
		assertThat(failure).hasMessageContaining("did not answer qmp_capabilities within 50 ms");
	}

	@Test
	void aMonitorThatHangsUpOnTheNegotiationIsNamed() {
		QmpConnectException failure = negotiationFailure((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.read();
		}, LENIENT);
		assertThat(failure).hasMessageContaining("QEMU closed the connection instead of answering qmp_capabilities");
	}

	@Test
	void garbageForAnAnswerToTheNegotiationIsNamed() {
		QmpConnectException failure = negotiationFailure((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.send("what?");
			client.awaitEnd();
		}, LENIENT);
		assertThat(failure).hasMessageContaining("'what?'");
	}

	@Test
	void aReplyToAnotherCommandIsNoAnswerToTheNegotiation() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.send("{\"return\": {}, \"id\": 4711}");
			client.send("{\"return\": {}}");
			client.reply(client.read(), "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			assertThat(client.unmatchedReplies()).isEqualTo(2);
		}
	}

	private static QmpConnectException greetingFailure(Script script, QmpOptions options) {
		return failure(script, options, QmpConnectException.class);
	}

	private static QmpConnectException negotiationFailure(Script script, QmpOptions options) {
		return failure(script, options, QmpConnectException.class);
	}

	private static <E extends QmpException> E failure(Script script, QmpOptions options, Class<E> expected) {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(script);
				QmpClient client = QmpClient.open(monitor.address(), options, (event) -> {
				})) {
			E failure = Futures.failureOf(client.ready(), expected);
			assertThat(failure).hasMessageStartingWith(monitor.address() + ": ");
			assertThat(Futures.await(client.closed())).isSameAs(failure);
			assertThat(client.state()).isEqualTo(QmpState.CLOSED);
			return failure;
		}
	}

}
