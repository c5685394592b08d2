package dev.iothreads.qmp;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;

import dev.iothreads.qmp.ScriptedMonitor.Script;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/**
 * How much may be unanswered, and what happens beyond.
 */
class QmpWindowTests {

	private static final int OF_BATCHES = 48;

	private static final QmpOptions PATIENT = QmpOptions.defaults()
		.withGreetingTimeout(Duration.ofSeconds(60))
		.withCommandTimeout(Duration.ofSeconds(60));

	/**
	 * Negotiates, and reads nothing any more.
	 */
	private static final Script STOPPED = (client) -> {
		client.negotiate();
		new CountDownLatch(1).await();
	};

	@Test
	void noMoreThan64CommandsWaitForTheirReplies() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			for (int i = 0; i < 64; i++) {
				assertThat(client.execute(QmpCommand.of("query-name"))).isNotDone();
			}
			assertThat(client.unanswered()).isEqualTo(64);
			QmpBusyException failure = Futures.failureOf(client.execute(QmpCommand.of("query-status")),
					QmpBusyException.class);
			assertThat(failure).hasMessageContaining("query-status was not sent, because 64 commands");
			assertThat(client.unanswered()).isEqualTo(64);
		}
	}

	@Test
	void commandsThatTimedOutStillCount() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			List<CompletableFuture<JsonNode>> replies = new ArrayList<>();
			for (int i = 0; i < 64; i++) {
				replies.add(client.execute(QmpCommand.of("query-name"), Duration.ofMillis(50)));
			}
			replies.forEach((reply) -> Futures.failureOf(reply, QmpTimeoutException.class));
			Futures.failureOf(client.execute(QmpCommand.of("query-status")), QmpBusyException.class);
			assertThat(client.unanswered()).isEqualTo(64);
		}
	}

	@ParameterizedTest
	@ValueSource(ints = { 4096, 32768, 65536, 131072, 262144 })
	void writingToAStoppedQemuDoesNotBlock(int size) {
		for (ScriptedMonitor listening : List.of(ScriptedMonitor.onUnixSocket(STOPPED),
				ScriptedMonitor.onTcp(STOPPED))) {
			try (ScriptedMonitor monitor = listening;
					QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
				for (int sent = 0; sent + size <= QmpClient.MAX_UNANSWERED_BYTES; sent += size) {
					assertThat(client.execute(ofBytes(size))).isNotDone();
				}
				assertThat(client.unanswered()).isEqualTo(QmpClient.MAX_UNANSWERED_BYTES / size);
				Futures.failureOf(client.execute(ofBytes(size)), QmpBusyException.class);
			}
		}
	}

	@Test
	void aCommandHasAtMost256Kibibytes() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			Futures.await(client.execute(ofBytes(QmpClient.MAX_UNANSWERED_BYTES)));
			Futures.await(client.execute(ofBytes(QmpClient.MAX_UNANSWERED_BYTES)));
			QmpCommand tooLong = QmpCommand.of("x", Map.of("a", "b".repeat(QmpClient.MAX_UNANSWERED_BYTES)));
			assertThatIllegalArgumentException().isThrownBy(() -> client.execute(tooLong))
				.withMessageContaining("a command has at most 262144");
		}
	}

	@Test
	void aWindowThatWasFullTakesCommandsAgainWhenRepliesHaveCome() {
		CountDownLatch full = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			full.await();
			while (true) {
				client.reply(client.read(), "{\"return\": {}}");
			}
		}); QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			List<CompletableFuture<JsonNode>> replies = new ArrayList<>();
			for (int i = 0; i < 64; i++) {
				replies.add(client.execute(QmpCommand.of("query-name")));
			}
			full.countDown();
			replies.forEach(Futures::await);
			Futures.await(client.execute(QmpCommand.of("query-name")));
			assertThat(client.unanswered()).isZero();
		}
	}

	@Test
	void aBatchGoesOutWithoutWaitingForReplies() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			List<JsonNode> requests = new ArrayList<>();
			for (int i = 0; i < OF_BATCHES; i++) {
				requests.add(client.read());
			}
			for (JsonNode request : requests) {
				client.reply(request, "{\"return\": " + request.path("arguments").path("n") + "}");
			}
			client.awaitEnd();
		}); QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			assertThat(numbers(client.executeAll(batch(OF_BATCHES)))).isEqualTo(upTo(OF_BATCHES));
		}
	}

	@Test
	void aBatchOfAnyLengthIsSentAsRepliesComeInAndInItsOrder() {
		List<Integer> unanswered = new ArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onTcp(Script.answering((request) -> "{\"return\": " + request.path("arguments").path("n") + "}"));
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			List<CompletableFuture<JsonNode>> replies = client.executeAll(batch(5000));
			replies.forEach((reply) -> reply.thenRun(() -> unanswered.add(client.unanswered())));
			assertThat(numbers(replies)).isEqualTo(upTo(5000));
			assertThat(monitor.requests().stream().map((request) -> request.path("arguments").path("n").intValue()))
				.containsExactlyElementsOf(upTo(5000));
			assertThat(unanswered).allMatch((count) -> count <= OF_BATCHES);
		}
	}

	@Test
	void aBatchLeavesRoomForACommandOfSomebodyElse() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			client.executeAll(batch(1000));
			assertThat(client.unanswered()).isEqualTo(OF_BATCHES);
			assertThat(client.execute(QmpCommand.of("query-name"))).isNotDone();
			assertThat(client.unanswered()).isEqualTo(OF_BATCHES + 1);
		}
	}

	@Test
	void batchesTakeTurns() {
		CountDownLatch both = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			both.await();
			while (true) {
				client.reply(client.read(), "{\"return\": 0}");
			}
		}); QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			List<CompletableFuture<JsonNode>> first = client.executeAll(batch(1000));
			List<CompletableFuture<JsonNode>> second = client
				.executeAll(List.of(QmpCommand.of("a"), QmpCommand.of("b")));
			both.countDown();
			second.forEach(Futures::await);
			first.forEach(Futures::await);
			assertThat(monitor.requests().stream().map((request) -> request.path("execute").stringValue()).limit(100))
				.contains("a", "b");
		}
	}

	@Test
	void aBatchOfLongCommandsIsSentOneByOne() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			QmpCommand command = ofBytes(QmpClient.MAX_UNANSWERED_BYTES);
			List<CompletableFuture<JsonNode>> replies = client.executeAll(List.of(command, command, command));
			assertThat(client.unanswered()).isLessThanOrEqualTo(1);
			replies.forEach(Futures::await);
		}
	}

	@Test
	void anEmptyBatchIsAnsweredByNothing() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			assertThat(client.executeAll(List.of())).isEmpty();
		}
	}

	@Test
	void whatABatchCouldNotSendInTimeFailsUnsent() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = QmpClient.connect(monitor.address(),
						PATIENT.withCommandTimeout(Duration.ofSeconds(3)))) {
			List<CompletableFuture<JsonNode>> replies = client.executeAll(batch(100));
			for (int i = 0; i < 100; i++) {
				QmpTimeoutException failure = Futures.failureOf(replies.get(i), QmpTimeoutException.class);
				assertThat(failure.sent()).as("command %d", i).isEqualTo(i < OF_BATCHES);
			}
			assertThat(client.unanswered()).isEqualTo(OF_BATCHES);
		}
	}

	@Test
	void theEndOfTheConnectionEndsTheWholeBatch() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.read();
		}); QmpClient client = QmpClient.connect(monitor.address(), PATIENT)) {
			for (CompletableFuture<JsonNode> reply : client.executeAll(batch(200))) {
				Futures.failureOf(reply, QmpInterruptedException.class);
			}
		}
	}

	private static List<QmpCommand> batch(int count) {
		return IntStream.range(0, count).mapToObj((n) -> QmpCommand.of("echo", Map.of("n", n))).toList();
	}

	private static List<Integer> upTo(int count) {
		return IntStream.range(0, count).boxed().toList();
	}

	private static List<Integer> numbers(List<CompletableFuture<JsonNode>> replies) {
		return replies.stream().map(Futures::await).map(JsonNode::intValue).toList();
	}

	/**
	 * A command whose line has as many bytes as that, or very few less.
	 */
	private static QmpCommand ofBytes(int size) {
		return QmpCommand.of("x", Map.of("a", "b".repeat(size - 60)));
	}

}
