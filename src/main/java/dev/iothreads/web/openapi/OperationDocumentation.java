package dev.iothreads.web.openapi;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

import dev.iothreads.web.api.FleetResponses;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import dev.iothreads.web.problem.RequestId;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.parameters.HeaderParameter;
import io.swagger.v3.oas.models.parameters.Parameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.responses.ApiResponses;
import org.springdoc.core.customizers.OperationCustomizer;

import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.method.HandlerMethod;

import static dev.iothreads.web.openapi.ProblemAnswers.addTo;
import static dev.iothreads.web.openapi.ProblemAnswers.refer;
import static org.springframework.http.MediaType.APPLICATION_JSON_VALUE;
import static org.springframework.http.MediaType.TEXT_PLAIN_VALUE;

/**
 * Adds to each operation what springdoc does not read from its method: headers, examples,
 * 304 and the {@link Problems}.
 */
final class OperationDocumentation implements OperationCustomizer {

	private static final String PREFER = "Prefer";

	private static final String PREFERENCE_APPLIED = "Preference-Applied";

	private final Map<String, Parameter> described;

	/**
	 * Creates the customizer.
	 * @param described what is known of parameters, by their names and places
	 */
	OperationDocumentation(Map<String, Parameter> described) {
		this.described = described;
	}

	@Override
	public Operation customize(Operation operation, HandlerMethod method) {
		ApiResponses answers = operation.getResponses();
		answers.values().forEach(OperationDocumentation::separateMediaTypes);
		describeText(operation);
		List<Parameter> parameters = new ArrayList<>(Objects.requireNonNullElse(operation.getParameters(), List.of()));
		switch (requestMethod(method)) {
			case GET -> addReading(answers, parameters);
			case POST -> refer(answer(answers, "201"), HttpHeaders.LOCATION);
			case PATCH -> refer(answer(answers, "200"), HttpHeaders.ETAG, HttpHeaders.CACHE_CONTROL, HttpHeaders.AGE);
			default -> {
				if (has(parameters, "header", PREFER)) {
					answers.values().forEach((answer) -> refer(answer, PREFERENCE_APPLIED));
					refer(answer(answers, "202"), HttpHeaders.LOCATION);
				}
			}
		}
		parameters.forEach(this::describe);
		operation.setParameters(parameters.isEmpty() ? null : parameters);
		addSchemaOfBody(operation, method);
		addExamples(operation);
		answers.values().forEach((answer) -> refer(answer, RequestId.HEADER));
		Problems problems = method.getMethodAnnotation(Problems.class);
		if (problems != null) {
			for (Problem problem : problems.value()) {
				addTo(answers, problem, problem.status().value());
			}
		}
		ApiResponses sorted = new ApiResponses();
		sorted.putAll(new TreeMap<>(answers));
		operation.setResponses(sorted);
		return operation;
	}

	private static ApiResponse answer(ApiResponses answers, String status) {
		return Objects.requireNonNull(answers.get(status));
	}

	private static RequestMethod requestMethod(HandlerMethod method) {
		RequestMapping mapping = AnnotatedElementUtils.findMergedAnnotation(method.getMethod(), RequestMapping.class);
		return Objects.requireNonNull(mapping).method()[0];
	}

	// springdoc gives all media types one object, with the schema of what the controller
	// returns.
	private static void separateMediaTypes(ApiResponse answer) {
		if (answer.getContent() != null) {
			Content separate = new Content();
			answer.getContent()
				.forEach((name, body) -> separate.addMediaType(name, new MediaType()
					.schema(name.equals(TEXT_PLAIN_VALUE) ? ChangeSchemas.of("string") : body.getSchema())));
			answer.setContent(separate);
		}
	}

	private static void describeText(Operation operation) {
		ApiResponse read = operation.getResponses().get("200");
		String description = Objects.requireNonNullElse(operation.getDescription(), "");
		if (read != null && read.getContent().containsKey(TEXT_PLAIN_VALUE)
				&& !description.contains(TEXT_PLAIN_VALUE)) {
			operation.setDescription((description + " As text/plain it is made for a terminal.").strip());
		}
	}

	private static void addReading(ApiResponses answers, List<Parameter> parameters) {
		ApiResponse read = answer(answers, "200");
		if (!read.getContent().containsKey(APPLICATION_JSON_VALUE)) {
			return;
		}
		ApiResponse notModified = new ApiResponse().description("It is as it was");
		answers.addApiResponse("304", notModified);
		for (ApiResponse answer : List.of(read, notModified)) {
			refer(answer, HttpHeaders.ETAG, HttpHeaders.CACHE_CONTROL, HttpHeaders.VARY);
			if (!parameters.isEmpty()) {
				refer(answer, HttpHeaders.AGE);
			}
			if (has(parameters, "query", "machine")) {
				refer(answer, FleetResponses.UNAVAILABLE);
			}
		}
		parameters.add(new HeaderParameter().name(HttpHeaders.IF_NONE_MATCH).schema(ChangeSchemas.of("string")));
	}

	private static boolean has(List<Parameter> parameters, String in, String name) {
		return parameters.stream()
			.anyMatch((parameter) -> in.equals(parameter.getIn()) && name.equals(parameter.getName()));
	}

	private void describe(Parameter parameter) {
		Parameter known = this.described.get(parameter.getName() + "." + parameter.getIn());
		if (known != null) {
			parameter.description(known.getDescription()).example(known.getExample());
		}
	}

	private static void addSchemaOfBody(Operation operation, HandlerMethod method) {
		// springdoc ignores the annotation of a parameter whose type is JsonNode.
		Stream.of(method.getMethodParameters())
			.map((parameter) -> parameter.getParameterAnnotation(Schema.class))
			.filter(Objects::nonNull)
			.forEach((schema) -> operation.getRequestBody()
				.getContent()
				.values()
				.forEach((body) -> body.setSchema(ChangeSchemas.reference(schema.ref()))));
	}

	private static void addExamples(Operation operation) {
		String id = operation.getOperationId();
		if (operation.getRequestBody() != null) {
			DocumentFiles.addExamples(operation.getRequestBody().getContent(), id + "-request");
		}
		operation.getResponses()
			.forEach((status, answer) -> DocumentFiles
				.addExamples(Objects.requireNonNullElseGet(answer.getContent(), Content::new), id + "-" + status));
	}

}
