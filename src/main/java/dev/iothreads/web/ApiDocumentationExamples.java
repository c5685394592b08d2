package dev.iothreads.web;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.RequestId;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.core.io.ClassPathResource;
import org.springframework.util.StreamUtils;

/**
 * The examples of the OpenAPI document. Each is what the service really says: a test asks
 * for it and compares.
 * <p>
 * They are files in {@code openapi}: {@code <operationId>-<status>.json} (or
 * {@code .txt}) for an answer, {@code <operationId>-request.json} for what is sent, and
 * {@code problems.json} for what a problem says beyond its type, title and status.
 */
final class ApiDocumentationExamples {

	private static final String REQUEST_ID = "3f1c7a52";

	private static final String DIRECTORY = "openapi/";

	private final JsonMapper json;

	private final Map<String, Map<String, Object>> problems;

	ApiDocumentationExamples(JsonMapper json) {
		this.json = json;
		String text = read("problems.json");
		this.problems = (text != null) ? json.readValue(text, new TypeReference<>() {
		}) : Map.of();
	}

	/**
	 * Returns what an operation answers.
	 * @param operationId the operation
	 * @param status the status of the answer, or {@code request} for what is sent
	 * @param mediaType the answer's media type
	 * @return the example, in the form of the media type, or {@code null}
	 */
	@Nullable Object body(String operationId, String status, String mediaType) {
		boolean text = mediaType.startsWith("text/");
		String example = read(operationId + "-" + status + (text ? ".txt" : ".json"));
		return (example == null || text) ? example : this.json.readValue(example, Object.class);
	}

	/**
	 * Returns a problem.
	 * @param problem its kind
	 * @param status its status
	 * @return the problem's members, or {@code null}
	 */
	@Nullable Map<String, Object> problem(Problem problem, int status) {
		Map<String, Object> said = this.problems.get(name(problem, status));
		if (said == null) {
			return null;
		}
		Map<String, Object> members = new LinkedHashMap<>();
		members.put("type", problem.type().toString());
		members.put("title", problem.title());
		members.put("status", status);
		members.putAll(said);
		members.put(RequestId.NAME, REQUEST_ID);
		return Collections.unmodifiableMap(members);
	}

	/**
	 * Names a problem's example.
	 * @param problem its kind
	 * @param status its status
	 * @return the kind's name, followed by the status where that is not the kind's own
	 */
	static String name(Problem problem, int status) {
		return (problem.status().value() == status) ? problem.wireName() : problem.wireName() + "-" + status;
	}

	private static @Nullable String read(String file) {
		ClassPathResource resource = new ClassPathResource(DIRECTORY + file);
		if (!resource.exists()) {
			return null;
		}
		try (InputStream content = resource.getInputStream()) {
			return StreamUtils.copyToString(content, StandardCharsets.UTF_8);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

}
