package dev.iothreads.web;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Holds JSON against the OpenAPI document. What the document does not name may not be
 * there.
 */
public final class Contract {

	private final SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

	private final ObjectNode document;

	// To prepare one takes longer than to use it.
	private final Map<JsonNode, Schema> schemas = Collections.synchronizedMap(new IdentityHashMap<>());

	public Contract(String document) {
		this.document = (ObjectNode) JsonMapper.shared().readTree(document);
		this.document.path("components").path("schemas").forEach((schema) -> {
			if (!schema.has("additionalProperties")) {
				((ObjectNode) schema).put("additionalProperties", false);
			}
		});
	}

	/**
	 * Checks what an operation answers.
	 * @param method the method
	 * @param path the path with its variables in braces
	 * @param status the status of the answer
	 * @param mediaType its media type
	 * @param json its body
	 * @return all that is wrong with it
	 */
	public List<String> violationsOfAnswer(String method, String path, int status, String mediaType, String json) {
		JsonNode answer = operation(method, path).path("responses").path(Integer.toString(status));
		return violations(answer.path("content").path(mediaType), json);
	}

	/**
	 * Checks what any operation may answer without listing it.
	 * @param status the status of the answer
	 * @param json its body
	 * @return all that is wrong with it
	 */
	public List<String> violationsOfGeneralAnswer(int status, String json) {
		JsonNode answer = this.document.path("components").path("responses").path(Integer.toString(status));
		return violations(answer.path("content").path("application/problem+json"), json);
	}

	/**
	 * Checks what an operation is asked for with.
	 * @param method the method
	 * @param path the path with its variables in braces
	 * @param mediaType the body's media type
	 * @param json the body
	 * @return all that is wrong with it
	 */
	public List<String> violationsOfRequest(String method, String path, String mediaType, String json) {
		return violations(operation(method, path).path("requestBody").path("content").path(mediaType), json);
	}

	private JsonNode operation(String method, String path) {
		return this.document.path("paths").path(path).path(method.toLowerCase(Locale.ROOT));
	}

	private List<String> violations(JsonNode content, String json) {
		if (!content.has("schema")) {
			return List.of("it is not documented");
		}
		return this.schemas.computeIfAbsent(content, this::schema)
			.validate(json, InputFormat.JSON)
			.stream()
			.map(Object::toString)
			.toList();
	}

	private Schema schema(JsonNode content) {
		ObjectNode schema = content.path("schema").deepCopy().asObject();
		schema.set("components", this.document.path("components"));
		return this.registry.getSchema(schema.toString(), InputFormat.JSON);
	}

}
