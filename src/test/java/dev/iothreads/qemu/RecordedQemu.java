package dev.iothreads.qemu;

import java.util.List;
import java.util.function.Function;

import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.Transcript;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A QEMU that was recorded, at one moment of the conversation. The recording does not
 * list the devices themselves, but asks each of them for the properties that matter:
 * those it had are its list. A mapping that was not asked for is none.
 */
final class RecordedQemu implements Function<JsonNode, String> {

	private static final JsonMapper JSON = JsonMapper.shared();

	private final JsonNode greeting;

	private volatile List<Transcript.Exchange> exchanges;

	private RecordedQemu(Transcript transcript) {
		this.greeting = transcript.greeting();
		this.exchanges = transcript.exchanges();
	}

	static RecordedQemu of(Transcript transcript) {
		return new RecordedQemu(transcript);
	}

	ScriptedMonitor listen() {
		return ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate(this.greeting.toString());
			while (true) {
				JsonNode request = client.read();
				client.reply(request, apply(request));
			}
		});
	}

	/**
	 * Goes on in the conversation: from now on the last answers count.
	 */
	void become(List<Transcript.Exchange> later) {
		this.exchanges = later;
	}

	@Override
	public String apply(JsonNode request) {
		for (Transcript.Exchange exchange : this.exchanges) {
			if (isSame(exchange.sent(), request)) {
				return withoutId(exchange.reply());
			}
		}
		String path = request.path("arguments").path("path").asString("");
		if (request.path("execute").asString("").equals("qom-list")
				&& path.matches("/(machine/peripheral|objects/).*")) {
			return list(path);
		}
		if (request.path("arguments").path("property").asString("").equals("iothread-vq-mapping")) {
			return "{\"return\": []}";
		}
		return ScriptedQemu.refusal("CommandNotFound", "It was not asked that when it was recorded");
	}

	private String list(String path) {
		ArrayNode list = JSON.createArrayNode();
		for (Transcript.Exchange exchange : this.exchanges) {
			JsonNode sent = exchange.sent();
			if (!sent.path("execute").asString("").equals("qom-get") || exchange.reply().has("error")) {
				continue;
			}
			JsonNode asked = sent.path("arguments");
			if (asked.path("path").asString("").equals(path)) {
				list.addObject().put("name", asked.path("property").asString()).put("type", "string");
				list.addObject().put("name", "virtio-backend").put("type", "child<virtio-device>");
			}
		}
		return "{\"return\": " + list + "}";
	}

	private static boolean isSame(JsonNode one, JsonNode other) {
		return one.path("execute").equals(other.path("execute"))
				&& (one.path("arguments").equals(other.path("arguments"))
						|| (one.path("arguments").isEmpty() && other.path("arguments").isEmpty()));
	}

	private static String withoutId(JsonNode reply) {
		return JSON.createObjectNode().setAll((ObjectNode) reply).without("id").toString();
	}

}
