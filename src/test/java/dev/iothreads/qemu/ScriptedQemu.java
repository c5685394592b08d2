package dev.iothreads.qemu;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

import dev.iothreads.qmp.ScriptedMonitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A QEMU that says what no QEMU at hand would say. It has no {@code qom-list-get}.
 */
final class ScriptedQemu implements Function<JsonNode, @Nullable String> {

	private static final JsonMapper JSON = JsonMapper.shared();

	private final Map<String, Map<String, String>> children = new ConcurrentHashMap<>();

	private final Map<String, Map<String, String>> properties = new ConcurrentHashMap<>();

	private final Map<String, String> replies = new ConcurrentHashMap<>();

	private ScriptedQemu() {
		this.children.put("/machine/peripheral", new TreeMap<>());
		this.children.put("/machine/peripheral-anon", new TreeMap<>());
		this.children.put("/objects", new TreeMap<>());
		this.replies.put("query-chardev", "{\"return\": []}");
		iothreads("[]");
	}

	static ScriptedQemu create() {
		return new ScriptedQemu();
	}

	ScriptedMonitor listen() {
		return ScriptedMonitor.onUnixSocket(ScriptedMonitor.Script.answering(this));
	}

	/**
	 * Says what {@code query-iothreads} answers.
	 */
	ScriptedQemu iothreads(String json) {
		return replying("query-iothreads", "{\"return\": " + json + "}");
	}

	/**
	 * Says what a command is answered, whatever its arguments.
	 * @param command a command, or a command with its path and property
	 */
	ScriptedQemu replying(String command, String reply) {
		this.replies.put(command, reply);
		return this;
	}

	/**
	 * Adds an object with properties.
	 * @param place where it is
	 * @param values names and values, in JSON, in turn
	 */
	ScriptedQemu object(String place, String name, String type, String... values) {
		this.children.getOrDefault(place, Map.of()).put(name, type);
		Map<String, String> properties = new LinkedHashMap<>();
		for (int i = 0; i < values.length; i += 2) {
			properties.put(values[i], values[i + 1]);
		}
		this.properties.put(place + "/" + name, properties);
		return this;
	}

	/**
	 * Adds a disk on an IOThread.
	 */
	ScriptedQemu disk(String id, String iothread) {
		return object("/machine/peripheral", id, "virtio-blk-pci", "iothread", "\"/objects/" + iothread + "\"",
				"virtio-backend", "\"\"");
	}

	@Override
	public @Nullable String apply(JsonNode request) {
		String command = request.path("execute").asString();
		String path = request.path("arguments").path("path").asString("");
		String property = request.path("arguments").path("property").asString("");
		for (String key : new String[] { command + " " + path + " " + property, command + " " + path, command }) {
			String reply = this.replies.get(key);
			if (reply != null) {
				return reply;
			}
		}
		return switch (command) {
			case "qom-list" -> list(path);
			case "qom-get" -> get(path, property);
			default -> refusal("CommandNotFound", "The command " + command + " has not been found");
		};
	}

	private String list(String path) {
		if (!this.children.containsKey(path) && !this.properties.containsKey(path)) {
			return refusal("DeviceNotFound", "Device '" + path + "' not found");
		}
		ArrayNode list = JSON.createArrayNode();
		this.children.getOrDefault(path, Map.of())
			.forEach((name, type) -> list.addObject().put("name", name).put("type", "child<" + type + ">"));
		this.properties.getOrDefault(path, Map.of())
			.keySet()
			.forEach((name) -> list.addObject().put("name", name).put("type", "string"));
		return "{\"return\": " + list + "}";
	}

	private String get(String path, String property) {
		String value = this.properties.getOrDefault(path, Map.of()).get(property);
		return (value != null) ? "{\"return\": " + value + "}"
				: refusal("GenericError", "Property '" + property + "' not found");
	}

	static String refusal(String errorClass, String description) {
		ObjectNode message = JSON.createObjectNode();
		message.putObject("error").put("class", errorClass).put("desc", description);
		return message.toString();
	}

}
