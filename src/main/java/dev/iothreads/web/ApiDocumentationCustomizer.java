package dev.iothreads.web;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

import dev.iothreads.web.ApiDocumentationProblems.Endpoint;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.RequestId;
import io.swagger.v3.oas.models.Components;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.PathItem;
import io.swagger.v3.oas.models.examples.Example;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.parameters.Parameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.responses.ApiResponses;
import io.swagger.v3.oas.models.tags.Tag;
import org.springdoc.core.customizers.OpenApiCustomizer;

import org.springframework.http.HttpHeaders;

/**
 * Documents what operations have in common, told by their methods, paths and media types:
 * parameters, headers, examples and problems.
 */
final class ApiDocumentationCustomizer implements OpenApiCustomizer {

	private static final Map<String, Parameter> PATH_VARIABLES = Map.of("machine",
			new Parameter().description("The machine's name").example("demo"), "id",
			new Parameter().description("The IOThread's id").example("iothread0"), "device",
			new Parameter().description("The device's id, or its place among those without one, such as device[0]")
				.example("blk0"));

	private static final Map<String, String> REQUEST_HEADERS = Map.of(HttpHeaders.IF_NONE_MATCH,
			"An ETag from before: if that is still its state, the answer is 304 without a body", HttpHeaders.IF_MATCH,
			"An ETag from before: if that is no longer its state, the answer is 412 and nothing is changed", "Prefer",
			"wait=10 waits for the guest for 10 s, respond-async not at all (RFC 7240)");

	private final ApiDocumentationExamples examples;

	ApiDocumentationCustomizer(ApiDocumentationExamples examples) {
		this.examples = examples;
	}

	@Override
	public void customise(OpenAPI api) {
		Components components = api.getComponents();
		ApiDocumentationSchemas.addTo(components);
		ApiDocumentationAnswers.HEADERS.forEach(components::addHeaders);
		api.getTags().sort(Comparator.comparing(Tag::getName));
		Map<String, PathItem> sorted = new TreeMap<>(api.getPaths());
		api.getPaths().clear();
		sorted.forEach(api.getPaths()::addPathItem);
		sorted.forEach((path, item) -> item.readOperationsMap()
			.forEach((method, operation) -> document(new Endpoint(method, path, operation), components)));
	}

	private void document(Endpoint endpoint, Components components) {
		Operation operation = endpoint.operation();
		if (operation.getRequestBody() != null) {
			Content body = operation.getRequestBody().getContent();
			body.values().forEach((media) -> media.setSchema(ApiDocumentationSchemas.requestOf(endpoint)));
			exemplify(operation, "request", body);
		}
		ApiDocumentationAnswers.document(endpoint);
		operation.getResponses().forEach((status, answer) -> {
			if (answer.getContent() != null) {
				exemplify(operation, status, answer.getContent());
			}
		});
		Objects.requireNonNullElse(operation.getParameters(), List.<Parameter>of())
			.forEach(ApiDocumentationCustomizer::describe);
		addProblems(endpoint, components);
		operation.getResponses().values().forEach((answer) -> ApiDocumentationAnswers.refer(answer, RequestId.HEADER));
		ApiResponses sorted = new ApiResponses();
		sorted.putAll(new TreeMap<>(operation.getResponses()));
		operation.setResponses(sorted);
	}

	private static void describe(Parameter parameter) {
		Parameter variable = PATH_VARIABLES.get(parameter.getName());
		String header = REQUEST_HEADERS.get(parameter.getName());
		if ("path".equals(parameter.getIn()) && variable != null) {
			parameter.description(variable.getDescription()).example(variable.getExample());
		}
		else if ("header".equals(parameter.getIn()) && header != null) {
			parameter.setDescription(header);
		}
	}

	private void exemplify(Operation operation, String status, Content content) {
		content.forEach((mediaType, body) -> {
			Object example = this.examples.body(operation.getOperationId(), status, mediaType);
			if (example != null) {
				body.setExample(example);
			}
		});
	}

	private void addProblems(Endpoint endpoint, Components components) {
		for (ApiDocumentationProblems.Possible possible : ApiDocumentationProblems.of(endpoint)) {
			Problem problem = possible.problem();
			String name = ApiDocumentationExamples.name(problem, possible.status());
			ApiResponse answer = ApiDocumentationAnswers.problem(endpoint.operation(), possible.status());
			answer.setDescription((answer.getDescription() != null)
					? answer.getDescription() + ", " + problem.wireName() : problem.wireName());
			Map<String, Object> example = this.examples.problem(problem, possible.status());
			if (example != null) {
				components.addExamples(name, new Example().summary(problem.title()).value(example));
				answer.getContent()
					.values()
					.forEach((body) -> body.addExamples(name, new Example().$ref("#/components/examples/" + name)));
			}
		}
	}

}
