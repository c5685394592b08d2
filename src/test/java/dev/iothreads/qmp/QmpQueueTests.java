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
class QmpQueueTests {

	private static final int AT_A_TIME = 64;

	private static final QmpOptions LENIENT = QmpOptions.defaults()
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
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			for (int i = 0; i < 64; i++) {
				assertThat(client.execute(QmpCommand.of("query-name"))).isNotDone();
			}
			QmpTimeoutException failure = Futures.failureOf(
					client.execute(QmpCommand.of("query-status"), Duration.ofMillis(50)), QmpTimeoutException.class);
			assertThat(failure.sent()).isFalse();
			assertThat(failure).hasMessageContaining("query-status was not sent within 50 ms");
			assertThat(client.unanswered()).isEqualTo(64);
		}
	}

	@Test
	void commandsThatTimedOutStillCount() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			List<CompletableFuture<JsonNode>> replies = new ArrayList<>();
			for (int i = 0; i < 64; i++) {
				replies.add(client.execute(QmpCommand.of("query-name"), Duration.ofMillis(50)));
			}
			replies.forEach((reply) -> Futures.failureOf(reply, QmpTimeoutException.class));
			assertThat(client.execute(QmpCommand.of("query-status"))).isNotDone();
			assertThat(client.unanswered()).isEqualTo(64);
		}
	}

	@ParameterizedTest
	@ValueSource(ints = { 4096, 32768, 65536, 131072, 262144 })
	void writingToAStoppedQemuDoesNotBlock(int size) {
		for (ScriptedMonitor listening : List.of(ScriptedMonitor.onUnixSocket(STOPPED),
				ScriptedMonitor.onTcp(STOPPED))) {
			try (ScriptedMonitor monitor = listening; QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
				for (int sent = 0; sent + size <= QmpClient.MAX_UNANSWERED_BYTES; sent += size) {
					assertThat(client.execute(ofBytes(size))).isNotDone();
				}
				assertThat(client.unanswered()).isEqualTo(QmpClient.MAX_UNANSWERED_BYTES / size);
				assertThat(client.execute(ofBytes(size))).isNotDone();
				assertThat(client.unanswered()).isEqualTo(QmpClient.MAX_UNANSWERED_BYTES / size);
			}
		}
	}

	@Test
	void aCommandHasAtMost256Kibibytes() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			Futures.await(client.execute(ofBytes(QmpClient.MAX_UNANSWERED_BYTES)));
			Futures.await(client.execute(ofBytes(QmpClient.MAX_UNANSWERED_BYTES)));
			QmpCommand tooLong = QmpCommand.of("x", Map.of("a", "b".repeat(QmpClient.MAX_UNANSWERED_BYTES)));
			assertThatIllegalArgumentException().isThrownBy(() -> client.execute(tooLong))
				.withMessageContaining("a command has at most 262144");
		}
	}

	@Test
	void whatWaitsIsSentWhenRepliesHaveCome() {
		CountDownLatch full = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			full.await();
			while (true) {
				client.reply(client.read(), "{\"return\": {}}");
			}
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			List<CompletableFuture<JsonNode>> replies = new ArrayList<>();
			for (int i = 0; i < 200; i++) {
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
			for (int i = 0; i < AT_A_TIME; i++) {
				requests.add(client.read());
			}
			for (JsonNode request : requests) {
				client.reply(request, "{\"return\": " + request.path("arguments").path("n") + "}");
			}
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			assertThat(numbers(client.executeAll(batch(AT_A_TIME)))).isEqualTo(upTo(AT_A_TIME));
		}
	}

	@Test
	void aBatchOfAnyLengthIsSentAsRepliesComeInAndInItsOrder() {
		List<Integer> unanswered = new ArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onTcp(Script.answering((request) -> "{\"return\": " + request.path("arguments").path("n") + "}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			List<CompletableFuture<JsonNode>> replies = client.executeAll(batch(5000));
			replies.forEach((reply) -> reply.thenRun(() -> unanswered.add(client.unanswered())));
			assertThat(numbers(replies)).isEqualTo(upTo(5000));
			assertThat(monitor.requests().stream().map((request) -> request.path("arguments").path("n").intValue()))
				.containsExactlyElementsOf(upTo(5000));
			assertThat(unanswered).allMatch((count) -> count <= AT_A_TIME);
		}
	}

	@Test
	void aCommandThatIsCancelledBeforeItsTurnIsNotSent() {
		CountDownLatch full = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			full.await();
			while (true) {
				client.reply(client.read(), "{\"return\": {}}");
			}
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			List<CompletableFuture<JsonNode>> replies = client.executeAll(batch(AT_A_TIME));
			client.execute(QmpCommand.of("cancelled")).cancel(true);
			full.countDown();
			replies.forEach(Futures::await);
			Futures.await(client.execute(QmpCommand.of("query-name")));
			assertThat(monitor.requests()).hasSize(AT_A_TIME + 1);
		}
	}

	@Test
	void aSingleCommandDoesNotWaitForABatch() {
		CountDownLatch both = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			both.await();
			while (true) {
				client.reply(client.read(), "{\"return\": 0}");
			}
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			List<CompletableFuture<JsonNode>> batch = client.executeAll(batch(1000));
			assertThat(client.unanswered()).isEqualTo(AT_A_TIME);
			List<CompletableFuture<JsonNode>> singles = List.of(client.execute(QmpCommand.of("a")),
					client.execute(QmpCommand.of("b")));
			both.countDown();
			singles.forEach(Futures::await);
			batch.forEach(Futures::await);
			assertThat(monitor.requests().subList(AT_A_TIME, AT_A_TIME + 2))
				.extracting((request) -> request.path("execute").stringValue())
				.containsExactly("a", "b");
		}
	}

	@Test
	void aBatchOfLongCommandsIsSentOneByOne() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(Script.answering((request) -> "{\"return\": {}}"));
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			QmpCommand command = ofBytes(QmpClient.MAX_UNANSWERED_BYTES);
			List<CompletableFuture<JsonNode>> replies = client.executeAll(List.of(command, command, command));
			assertThat(client.unanswered()).isLessThanOrEqualTo(1);
			replies.forEach(Futures::await);
		}
	}

	@Test
	void anEmptyBatchIsAnsweredByNothing() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
			assertThat(client.executeAll(List.of())).isEmpty();
		}
	}

	@Test
	void whatABatchCouldNotSendInTimeFailsUnsent() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(STOPPED);
				QmpClient client = Clients.connect(monitor.address(),
						LENIENT.withCommandTimeout(Duration.ofSeconds(3)))) {
			List<CompletableFuture<JsonNode>> replies = client.executeAll(batch(100));
			for (int i = 0; i < 100; i++) {
				QmpTimeoutException failure = Futures.failureOf(replies.get(i), QmpTimeoutException.class);
				assertThat(failure.sent()).as("command %d", i).isEqualTo(i < AT_A_TIME);
			}
			assertThat(client.unanswered()).isEqualTo(AT_A_TIME);
		}
	}

	@Test
	void theEndOfTheConnectionEndsTheWholeBatch() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.read();
		}); QmpClient client = Clients.connect(monitor.address(), LENIENT)) {
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
