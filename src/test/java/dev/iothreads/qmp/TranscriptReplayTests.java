package dev.iothreads.qmp;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The client in conversation with QEMUs that were recorded.
 */
class TranscriptReplayTests {

	@ParameterizedTest
	@ValueSource(strings = { "qemu-7.2.jsonl", "qemu-10.0.jsonl", "qemu-11.1.jsonl", "qemu-seed-v4.jsonl" })
	void everyCommandGetsTheRecordedReplyAndEveryEventArrives(String name) {
		Transcript transcript = Transcript.read(name);
		List<String> events = new CopyOnWriteArrayList<>();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ScriptedMonitor.Script.replaying(transcript));
				QmpClient client = QmpClient.open(monitor.address(), QmpOptions.defaults(),
						(event) -> events.add(event.name() + event.data()))) {
			Futures.await(client.ready());
			for (Transcript.Exchange exchange : transcript.exchanges()) {
				assertThat(outcome(client.execute(command(exchange.sent())))).as("%s", exchange.sent())
					.isEqualTo(recorded(exchange.reply()));
			}
			List<String> expected = recordedEvents(transcript);
			Futures.until("the last event", () -> events.size() >= expected.size());
			assertThat(events).isEqualTo(expected);
			assertThat(client.unanswered()).isZero();
			assertThat(client.unmatchedReplies()).isZero();
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "qemu-7.2.jsonl", "qemu-10.0.jsonl", "qemu-11.1.jsonl", "qemu-seed-v4.jsonl" })
	void theWholeConversationCanBePipelined(String name) {
		Transcript transcript = Transcript.read(name);
		try (ScriptedMonitor monitor = ScriptedMonitor.onTcp(ScriptedMonitor.Script.replaying(transcript));
				QmpClient client = Clients.connect(monitor.address(), QmpOptions.defaults())) {
			List<CompletableFuture<JsonNode>> replies = client
				.executeAll(transcript.exchanges().stream().map((exchange) -> command(exchange.sent())).toList());
			List<Map<String, JsonNode>> expected = new ArrayList<>();
			List<Map<String, JsonNode>> outcomes = new ArrayList<>();
			for (int i = 0; i < replies.size(); i++) {
				expected.add(recorded(transcript.exchanges().get(i).reply()));
				outcomes.add(outcome(replies.get(i)));
			}
			assertThat(outcomes).isEqualTo(expected);
		}
	}

	@Test
	void aTranscriptCutShortShowsTheMachineAsItWas() {
		Transcript whole = Transcript.read("qemu-11.1.jsonl");
		Transcript cut = whole.before("object-add");
		assertThat(cut.exchanges()).hasSizeLessThan(whole.exchanges().size()).isNotEmpty();
		assertThat(cut.exchanges()).noneMatch((exchange) -> exchange.isCommand("object-add"));
	}

	private static QmpCommand command(JsonNode sent) {
		Map<String, JsonNode> arguments = new HashMap<>();
		sent.path("arguments").properties().forEach((entry) -> arguments.put(entry.getKey(), entry.getValue()));
		return QmpCommand.of(sent.path("execute").asString(), arguments);
	}

	private static Map<String, JsonNode> recorded(JsonNode reply) {
		Map<String, JsonNode> members = new HashMap<>();
		reply.properties().forEach((entry) -> members.put(entry.getKey(), entry.getValue()));
		members.remove("id");
		return members;
	}

	private static Map<String, JsonNode> outcome(CompletableFuture<JsonNode> reply) {
		try {
			return Map.of("return", reply.get());
		}
		catch (ExecutionException ex) {
			assertThat(ex.getCause()).isInstanceOf(QmpCommandException.class);
			QmpCommandException refusal = (QmpCommandException) ex.getCause();
			ObjectNode error = new JsonMapper().createObjectNode()
				.put("class", refusal.errorClass())
				.put("desc", refusal.description());
			return Map.of("error", error);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private static List<String> recordedEvents(Transcript transcript) {
		List<String> events = new ArrayList<>();
		for (Transcript.Exchange exchange : transcript.exchanges()) {
			for (JsonNode message : exchange.received()) {
				if (message.has("event")) {
					events.add(message.path("event").asString() + message.path("data"));
				}
			}
		}
		return events;
	}

}
