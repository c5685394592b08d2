package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;

import dev.iothreads.qmp.ScriptedMonitor.Script;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/**
 * Commands and what becomes of them.
 */
class QmpCommandTests {

	private static final QmpOptions LENIENT = QmpOptions.defaults()
		.withGreetingTimeout(Duration.ofSeconds(60))
		.withCommandTimeout(Duration.ofSeconds(60));

	private static final QmpCommand QUERY = QmpCommand.of("query-name");

	@Test
	void aCommandAndItsArgumentsReachTheMonitorAndItsReplyComesBack() {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(Script.answering((request) -> "{\"return\": [\"/objects/iothread0\"]}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			JsonNode reply = Futures
				.await(client.execute(QmpCommand.of("qom-get", Map.of("path", "/machine", "property", "iothread"))));
			assertThat(reply).hasToString("[\"/objects/iothread0\"]");
			JsonNode request = monitor.takeRequest();
			assertThat(request.path("execute").stringValue()).isEqualTo("qom-get");
			assertThat(request.path("arguments").path("property").stringValue()).isEqualTo("iothread");
			assertThat(client.unanswered()).isZero();
		}
	}

	@Test
	void aReplyMayBeNull() {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(Script.answering((request) -> "{\"return\": null}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			assertThat(Futures.await(client.execute(QUERY)).isNull()).isTrue();
		}
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void repliesFindTheirCommandsInWhateverOrderTheyCome(Threads threads) {
		try (ScriptedMonitor monitor = ScriptedMonitor.onTcp((client) -> {
			client.negotiate();
			List<JsonNode> requests = List.of(client.read(), client.read(), client.read());
			for (int i : new int[] { 1, 2, 0 }) {
				client.reply(requests.get(i),
						"{\"return\": \"" + requests.get(i).path("execute").stringValue() + "\"}");
			}
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT.withThreadFactory(threads))) {
			List<CompletableFuture<JsonNode>> replies = List.of(client.execute(QmpCommand.of("one")),
					client.execute(QmpCommand.of("two")), client.execute(QmpCommand.of("three")));
			assertThat(replies.stream().map(Futures::await).map(JsonNode::stringValue)).containsExactly("one", "two",
					"three");
		}
		threads.awaitEnd();
	}

	@Test
	void aRefusalCarriesQemusOwnWords() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.refuse(client.read(), "DeviceNotFound", "Device 'nope' not found");
			client.reply(client.read(), "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			QmpCommandException refusal = Futures.failureOf(client.execute(QmpCommand.of("device_del")),
					QmpCommandException.class);
			assertThat(refusal.errorClass()).isEqualTo("DeviceNotFound");
			assertThat(refusal.description()).isEqualTo("Device 'nope' not found");
			assertThat(refusal).hasMessage("QEMU refused device_del: Device 'nope' not found (DeviceNotFound)");
			Futures.await(client.execute(QUERY));
		}
	}

	@Test
	void repliesToNoCommandAreIgnoredAndCounted() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			JsonNode request = client.read();
			client.send("{\"return\": {}, \"id\": 4711}");
			client.send("{\"return\": {}, \"id\": \"" + request.path("id") + "\"}");
			client.send("{\"return\": {}}");
			client.send("{\"error\": {\"class\": \"GenericError\", \"desc\": \"x\"}, \"id\": 4711}");
			client.send(ScriptedMonitor.GREETING);
			client.reply(request, "{\"return\": 1}");
			client.reply(request, "{\"return\": 2}");
			client.reply(client.read(), "{\"return\": 3}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			assertThat(Futures.await(client.execute(QUERY)).intValue()).isEqualTo(1);
			assertThat(Futures.await(client.execute(QUERY)).intValue()).isEqualTo(3);
			assertThat(client.unmatchedReplies()).isEqualTo(6);
		}
	}

	@Test
	void aReplyMayComeInPiecesOfAnySize() {
		byte[] reply = "{\"return\": \"ä€𝄞\\ud800\", \"id\": 99}\r\n".getBytes(StandardCharsets.UTF_8);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			for (int split = 0; split <= reply.length; split++) {
				String id = client.read().path("id").toString();
				byte[] bytes = new String(reply, StandardCharsets.UTF_8).replace("99", id)
					.getBytes(StandardCharsets.UTF_8);
				int at = Math.min(split, bytes.length);
				client.sendRaw(Arrays.copyOfRange(bytes, 0, at));
				client.sendRaw(Arrays.copyOfRange(bytes, at, bytes.length));
			}
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			for (int split = 0; split <= reply.length; split++) {
				assertThat(Futures.await(client.execute(QUERY)).stringValue()).isEqualTo("ä€𝄞\ud800");
			}
		}
	}

	@Test
	void blankLinesBetweenMessagesAreIgnored() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.sendRaw("\r\n\n".getBytes(StandardCharsets.UTF_8));
			client.negotiate();
			JsonNode request = client.read();
			client.sendRaw("\n \r\n".getBytes(StandardCharsets.UTF_8));
			client.reply(request, "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			Futures.await(client.execute(QUERY));
		}
	}

	@Test
	void aReplyMayHave63Mebibytes() {
		int length = 63 * 1024 * 1024;
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			sendHuge(client, client.read(), length);
			client.reply(client.read(), "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			assertThat(Futures.await(client.execute(QUERY)).stringValue()).hasSize(length);
			Futures.await(client.execute(QUERY));
		}
	}

	@Test
	void aReplyOf70MebibytesEndsTheConnection() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			sendHuge(client, client.read(), 70 * 1024 * 1024);
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			QmpInterruptedException failure = Futures.failureOf(client.execute(QUERY), QmpInterruptedException.class);
			assertThat(failure).cause()
				.isInstanceOf(QmpClosedException.class)
				.hasMessageContaining("longer than 67108864 bytes");
		}
	}

	private static void sendHuge(ScriptedMonitor.Client client, JsonNode request, int length) throws Exception {
		client.sendRaw(("{\"id\": " + request.path("id") + ", \"return\": \"").getBytes(StandardCharsets.UTF_8));
		byte[] chunk = "x".repeat(1024 * 1024).getBytes(StandardCharsets.UTF_8);
		for (int sent = 0; sent < length; sent += chunk.length) {
			client.sendRaw(chunk);
		}
		client.sendRaw("\"}\r\n".getBytes(StandardCharsets.UTF_8));
	}

	@Test
	void aCommandThatIsNotAnsweredInTimeFailsAndStaysUnansweredUntilItsLateReply() {
		CountDownLatch tooLate = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			JsonNode request = client.read();
			tooLate.await();
			client.reply(request, "{\"return\": \"late\"}");
			client.event("AFTER", "{}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			CompletableFuture<QmpEvent> after = new CompletableFuture<>();
			client.addListener(after::complete);
			QmpTimeoutException failure = Futures.failureOf(client.execute(QUERY, Duration.ofMillis(50)),
					QmpTimeoutException.class);
			assertThat(failure.sent()).isTrue();
			assertThat(failure).hasMessageContaining("QEMU did not answer query-name within 50 ms");
			assertThat(client.unanswered()).isEqualTo(1);
			assertThat(client.state()).isEqualTo(QmpState.READY);
			tooLate.countDown();
			Futures.await(after);
			assertThat(client.unanswered()).isZero();
			assertThat(client.unmatchedReplies()).isZero();
		}
	}

	@Test
	void aCommandThatWasCancelledStaysUnansweredUntilItsReply() {
		CountDownLatch cancelled = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			JsonNode request = client.read();
			cancelled.await();
			client.reply(request, "{\"return\": {}}");
			client.reply(client.read(), "{\"return\": {}}");
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			client.execute(QUERY).cancel(true);
			assertThat(client.unanswered()).isEqualTo(1);
			cancelled.countDown();
			Futures.await(client.execute(QUERY));
			assertThat(client.unanswered()).isZero();
			assertThat(client.unmatchedReplies()).isZero();
		}
	}

	@Test
	void aCommandBeforeTheClientIsReadyFailsAtOnce() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.silent());
				QmpClient client = QmpClient.open(monitor.address(), LENIENT, (event) -> {
				})) {
			Futures.until("connected", () -> client.state() == QmpState.GREETING);
			QmpNotSentException failure = Futures.failureOf(client.execute(QUERY), QmpNotSentException.class);
			assertThat(failure).hasMessageContaining("takes no commands yet").hasNoCause();
			Futures.failureOf(client.executeAll(List.of(QUERY)).get(0), QmpNotSentException.class);
			assertThat(client.unanswered()).isZero();
		}
	}

	@Test
	void aCommandAfterTheEndFailsAtOnceWithTheReason() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ScriptedMonitor.Client::negotiate);
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			QmpException reason = Futures.await(client.closed());
			QmpNotSentException failure = Futures.failureOf(client.execute(QUERY), QmpNotSentException.class);
			assertThat(failure).hasCause(reason).hasMessageContaining("QEMU closed the connection");
			Futures.failureOf(client.executeAll(List.of(QUERY, QUERY)).get(1), QmpNotSentException.class);
		}
	}

	@Test
	void aCommandThatQemuCouldNotReadIsRefusedBeforeItIsSent() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			QmpCommand unreadable = QmpCommand.of("object-add", Map.of("id", "a\ud800"));
			assertThatIllegalArgumentException().isThrownBy(() -> client.execute(unreadable));
			assertThatIllegalArgumentException().isThrownBy(() -> client.executeAll(List.of(QUERY, unreadable)));
			Futures.await(client.execute(QUERY));
			assertThat(monitor.requests()).hasSize(1);
		}
	}

	@Test
	void aCallerThatWasInterruptedDoesNotEndTheConnection() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			Thread.currentThread().interrupt();
			CompletableFuture<JsonNode> reply = client.execute(QUERY);
			assertThat(Thread.interrupted()).isTrue();
			Futures.await(reply);
			Futures.await(client.execute(QUERY));
		}
	}

	@Test
	void aContinuationMayGoOnWithTheNextCommand() {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(Script.answering((request) -> "{\"return\": " + request.path("id") + "}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			CompletableFuture<JsonNode> chain = client.execute(QUERY);
			for (int i = 0; i < 200; i++) {
				chain = chain.thenCompose((reply) -> client.execute(QUERY));
			}
			Futures.await(chain);
			assertThat(monitor.requests()).hasSize(201);
		}
	}

	@Test
	void aTimedOutCommandDoesNotKeepOthersFromBeingAnswered() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script
			.answering((request) -> request.path("execute").stringValue().equals("never") ? null : "{\"return\": {}}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			CompletableFuture<JsonNode> never = client.execute(QmpCommand.of("never"), Duration.ofMillis(50));
			Futures.await(client.execute(QUERY));
			Futures.failureOf(never, QmpTimeoutException.class);
			Futures.await(client.execute(QUERY));
			assertThat(client.unanswered()).isEqualTo(1);
		}
	}

}
