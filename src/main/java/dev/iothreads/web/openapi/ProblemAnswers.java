package dev.iothreads.web.openapi;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.RequestId;
import io.swagger.v3.oas.models.examples.Example;
import io.swagger.v3.oas.models.headers.Header;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.responses.ApiResponse;

import org.springframework.http.HttpHeaders;

import static org.springframework.http.MediaType.APPLICATION_PROBLEM_JSON_VALUE;

/**
 * The answers of the OpenAPI document that are problems.
 */
final class ProblemAnswers {

	/**
	 * What any operation can answer, by status. No operation lists it.
	 */
	private static final Map<Integer, List<Problem>> GENERAL = Map.ofEntries(
			Map.entry(400, List.of(Problem.INVALID_REQUEST)), Map.entry(401, List.of(Problem.UNAUTHORIZED)),
			Map.entry(403, List.of(Problem.FORBIDDEN, Problem.CROSS_SITE, Problem.READ_ONLY)),
			Map.entry(406, List.of(Problem.NOT_ACCEPTABLE)), Map.entry(408, List.of(Problem.INVALID_REQUEST)),
			Map.entry(413, List.of(Problem.REQUEST_TOO_LARGE)), Map.entry(415, List.of(Problem.UNSUPPORTED_MEDIA_TYPE)),
			Map.entry(417, List.of(Problem.INVALID_REQUEST)), Map.entry(421, List.of(Problem.MISDIRECTED)),
			Map.entry(429, List.of(Problem.TOO_MANY_CHANGES)), Map.entry(500, List.of(Problem.INTERNAL_ERROR)),
			Map.entry(501, List.of(Problem.INVALID_REQUEST)), Map.entry(503, List.of(Problem.CREDENTIALS_UNCHECKED)),
			Map.entry(505, List.of(Problem.INVALID_REQUEST)));

	private ProblemAnswers() {
	}

	static Map<String, ApiResponse> general() {
		Map<String, ApiResponse> answers = new TreeMap<>();
		GENERAL.forEach((status, problems) -> problems.forEach((problem) -> addTo(answers, problem, status)));
		return answers;
	}

	/**
	 * Adds a problem to the answer that has its status.
	 * @param answers answers by their statuses
	 * @param problem the kind of problem
	 * @param status its status
	 */
	static void addTo(Map<String, ApiResponse> answers, Problem problem, int status) {
		ApiResponse answer = answers.computeIfAbsent(Integer.toString(status), (added) -> answer(status));
		answer.setDescription((answer.getDescription() != null) ? answer.getDescription() + ", " + problem.wireName()
				: problem.wireName());
		// A kind that has several statuses has an example for each.
		String name = (problem.status().value() == status) ? problem.wireName() : problem.wireName() + "-" + status;
		Objects.requireNonNull(answer.getContent().get(APPLICATION_PROBLEM_JSON_VALUE))
			.addExamples(name, new Example().$ref("#/components/examples/" + name));
	}

	private static ApiResponse answer(int status) {
		ApiResponse answer = new ApiResponse().content(new Content().addMediaType(APPLICATION_PROBLEM_JSON_VALUE,
				new MediaType().schema(ChangeSchemas.reference("ProblemDetail"))));
		if (status == 401) {
			refer(answer, HttpHeaders.WWW_AUTHENTICATE);
		}
		if (status == 429 || status == 503) {
			refer(answer, HttpHeaders.RETRY_AFTER);
		}
		refer(answer, RequestId.HEADER);
		return answer;
	}

	static void refer(ApiResponse answer, String... headers) {
		for (String header : headers) {
			answer.addHeaderObject(header, new Header().$ref("#/components/headers/" + header));
		}
	}

}
