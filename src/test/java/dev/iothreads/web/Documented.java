package dev.iothreads.web;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import tools.jackson.databind.JsonNode;

/**
 * An operation as it is documented, or one of its answers.
 *
 * @param method the method
 * @param path the path with its variables
 * @param operation all that is documented of it
 * @param status the status of the answer
 * @param mediaType the answer's media type, empty when it has no body
 */
record Documented(String method, String path, JsonNode operation, int status, String mediaType) {

	private static final Map<String, List<String>> BEFORE = Map.of("removeIOThread",
			List.of("/api/v1/machines/demo/devices/blk0", "/api/v1/machines/demo/devices/blk1"));

	Stream<Documented> successes() {
		return this.operation.path("responses")
			.properties()
			.stream()
			.filter((answer) -> answer.getKey().startsWith("2"))
			.flatMap((answer) -> {
				List<String> mediaTypes = List.copyOf(answer.getValue().path("content").propertyNames());
				return (mediaTypes.isEmpty() ? List.of("") : mediaTypes).stream()
					.map((type) -> new Documented(this.method, this.path, this.operation,
							Integer.parseInt(answer.getKey()), type));
			});
	}

	String operationId() {
		return this.operation.path("operationId").asString();
	}

	/**
	 * What has to be deleted before the documented request can succeed.
	 * @return the addresses
	 */
	List<String> before() {
		return BEFORE.getOrDefault(operationId(), List.of());
	}

	JsonNode answer() {
		return this.operation.path("responses").path(Integer.toString(this.status));
	}

	String body() {
		for (JsonNode content : this.operation.path("requestBody").path("content")) {
			if (content.has("example")) {
				return content.path("example").toString();
			}
		}
		return "";
	}

	String target() {
		String target = this.path;
		for (JsonNode parameter : this.operation.path("parameters")) {
			if (parameter.path("in").asString().equals("path")) {
				target = target.replace("{" + parameter.path("name").asString() + "}",
						URLEncoder.encode(parameter.path("example").asString(), StandardCharsets.UTF_8));
			}
		}
		return target;
	}

	@Override
	public String toString() {
		return "%s %d %s".formatted(operationId(), this.status, this.mediaType);
	}

}
