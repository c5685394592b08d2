package dev.iothreads.qmp;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A recorded conversation with a real QEMU, from {@code src/test/resources/qmp}; the
 * README there describes the files.
 *
 * @param greeting the greeting
 * @param exchanges the commands sent, in order
 */
public record Transcript(JsonNode greeting, List<Exchange> exchanges) {

	private static final JsonMapper MAPPER = new JsonMapper();

	/**
	 * Reads a transcript.
	 * @param name the file's name without directory, for example {@code qemu-11.1.jsonl}
	 * @return the whole conversation, but for {@code qmp_capabilities} and what was no
	 * JSON
	 */
	public static Transcript read(String name) {
		JsonNode greeting = null;
		List<Exchange> exchanges = new ArrayList<>();
		boolean raw = false;
		for (String line : lines(name)) {
			JsonNode entry = MAPPER.readTree(line);
			JsonNode received = entry.path("receive");
			if (entry.has("send-raw")) {
				raw = true;
			}
			else if (entry.has("send")) {
				raw = false;
				exchanges.add(new Exchange(entry.get("send"), new ArrayList<>()));
			}
			else if (received.has("QMP")) {
				greeting = received;
			}
			else if (!raw) {
				exchanges.get(exchanges.size() - 1).received().add(received);
			}
		}
		if (greeting == null) {
			throw new IllegalStateException(name + " holds no greeting");
		}
		exchanges.removeIf((exchange) -> exchange.isCommand("qmp_capabilities"));
		return new Transcript(greeting, List.copyOf(exchanges));
	}

	private static List<String> lines(String name) {
		try (InputStream resource = Transcript.class.getResourceAsStream("/qmp/" + name)) {
			if (resource == null) {
				throw new IllegalArgumentException("There is no transcript " + name);
			}
			return new String(resource.readAllBytes(), StandardCharsets.UTF_8).lines()
				.filter((line) -> !line.isBlank())
				.toList();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * The conversation up to a command, so that what changed afterwards is not seen.
	 * @param command the command's name
	 * @return what was sent before this command was sent for the first time
	 */
	public Transcript before(String command) {
		int end = 0;
		while (end < this.exchanges.size() && !this.exchanges.get(end).isCommand(command)) {
			end++;
		}
		return new Transcript(this.greeting, this.exchanges.subList(0, end));
	}

	/**
	 * A command that was sent, with all that was received before the next was sent.
	 *
	 * @param sent the command, with the id it had then
	 * @param received its reply, and the events around it
	 */
	public record Exchange(JsonNode sent, List<JsonNode> received) {

		boolean isCommand(String name) {
			return this.sent.path("execute").asString("").equals(name);
		}

		boolean isSameAs(JsonNode request) {
			return this.sent.path("execute").equals(request.path("execute"))
					&& arguments(this.sent).equals(arguments(request));
		}

		private static JsonNode arguments(JsonNode request) {
			JsonNode arguments = request.path("arguments");
			return arguments.isMissingNode() ? MAPPER.createObjectNode() : arguments;
		}

		/**
		 * The reply to the command.
		 * @return the recorded reply
		 */
		public JsonNode reply() {
			return this.received.stream().filter((message) -> !message.has("event")).findFirst().orElseThrow();
		}

		/**
		 * What was received, as an answer to the same command with another id.
		 * @param id the id, {@code null} if it has none
		 * @return the messages in their order
		 */
		List<JsonNode> receivedFor(@Nullable JsonNode id) {
			List<JsonNode> messages = new ArrayList<>();
			for (JsonNode message : this.received) {
				if (message.has("id") && id != null) {
					messages.add(((ObjectNode) message.deepCopy()).set("id", id));
				}
				else {
					messages.add(message);
				}
			}
			return messages;
		}

	}

}
