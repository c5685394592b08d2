package dev.iothreads.web;

import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.web.ApiDocumentationProblems.Endpoint;
import dev.iothreads.web.api.FleetResponses;
import dev.iothreads.web.api.Paths;
import dev.iothreads.web.problem.RequestId;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.headers.Header;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.parameters.HeaderParameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.responses.ApiResponses;

import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;

import static org.springframework.http.MediaType.APPLICATION_JSON_VALUE;
import static org.springframework.http.MediaType.APPLICATION_PROBLEM_JSON_VALUE;
import static org.springframework.http.MediaType.TEXT_PLAIN_VALUE;

/**
 * The statuses that an operation answers with, told by its method, and the headers with
 * each. springdoc knows of 200 only.
 */
final class ApiDocumentationAnswers {

	private static final String PREFERENCE_APPLIED = "Preference-Applied";

	static final Map<String, Header> HEADERS = Map.ofEntries(
			Map.entry(HttpHeaders.ETAG, header("string", "Names this state of it, for If-None-Match and If-Match")),
			Map.entry(HttpHeaders.AGE,
					header("integer", "How many seconds ago the machine was read, or the one read first of several")),
			Map.entry(HttpHeaders.CACHE_CONTROL, header("string", "Nobody may keep the answer without asking again")),
			Map.entry(HttpHeaders.LOCATION, header("string", "Where it is")),
			Map.entry(HttpHeaders.RETRY_AFTER, header("integer", "In how many seconds to try again")),
			Map.entry(RequestId.HEADER, header("string",
					"Names the request in the log of the service; the one that is sent with it, if that is sane")),
			Map.entry(HttpHeaders.WWW_AUTHENTICATE, header("string", "How to sign in")),
			Map.entry(FleetResponses.UNAVAILABLE, header("string",
					"The machines that do not answer, separated by commas; absent when all do. After 4000 characters "
							+ "it ends with 'and 12 more', the number of those that are left out")),
			Map.entry(HttpHeaders.VARY, header("string", "Another Accept may have another answer")),
			Map.entry(PREFERENCE_APPLIED,
					header("string", "What was done about Prefer; absent when nothing was preferred")));

	private static final String OK = "200";

	private static final String CREATED = "201";

	private static final String ACCEPTED = "202";

	private static final String NO_CONTENT = "204";

	private static final String NOT_MODIFIED = "304";

	static final Set<String> OF_ALL = Set.of(Paths.ALL_IOTHREADS, Paths.ALL_DEVICES, Paths.ACTIVITY);

	private static final Set<Integer> TO_BE_TRIED_AGAIN = Set.of(429, 503);

	private ApiDocumentationAnswers() {
	}

	static void document(Endpoint endpoint) {
		ApiResponses answers = endpoint.operation().getResponses();
		ApiResponse done = answers.remove(OK);
		if (done == null) {
			return;
		}
		if (done.getContent() != null) {
			done.setContent(copy(done.getContent()));
		}
		switch (endpoint.method()) {
			case GET -> {
				answers.addApiResponse(OK, done);
				documentRead(endpoint, done);
			}
			case POST -> {
				answers.addApiResponse(CREATED, done.description("It is there"));
				refer(done, HttpHeaders.LOCATION);
				if (endpoint.path().equals(Paths.IOTHREADS)) {
					refer(done, HttpHeaders.ETAG);
				}
			}
			case DELETE -> documentGone(endpoint, done);
			default -> {
				answers.addApiResponse(OK, done);
				refer(done, HttpHeaders.ETAG, HttpHeaders.CACHE_CONTROL, HttpHeaders.AGE);
			}
		}
	}

	private static void documentRead(Endpoint endpoint, ApiResponse read) {
		if (read.getContent() == null || !read.getContent().containsKey(APPLICATION_JSON_VALUE)) {
			return;
		}
		endpoint.operation()
			.addParametersItem(
					new HeaderParameter().name(HttpHeaders.IF_NONE_MATCH).schema(ApiDocumentationSchemas.of("string")));
		ApiResponse notModified = new ApiResponse().description("It is as it was");
		endpoint.operation().getResponses().addApiResponse(NOT_MODIFIED, notModified);
		for (ApiResponse answer : List.of(read, notModified)) {
			refer(answer, HttpHeaders.ETAG, HttpHeaders.CACHE_CONTROL, HttpHeaders.VARY);
			if (!endpoint.path().equals(Paths.MACHINES)) {
				refer(answer, HttpHeaders.AGE);
			}
			if (OF_ALL.contains(endpoint.path())) {
				refer(answer, FleetResponses.UNAVAILABLE);
			}
		}
	}

	// What has gone itself has no representation; what it has gone from still has one.
	private static void documentGone(Endpoint endpoint, ApiResponse done) {
		ApiResponses answers = endpoint.operation().getResponses();
		ApiResponse gone = new ApiResponse().description("It has gone");
		if (done.getContent() == null || endpoint.path().equals(Paths.DEVICES + "/{device}")) {
			answers.addApiResponse(NO_CONTENT, gone);
		}
		else {
			answers.addApiResponse(OK, gone.content(copy(done.getContent())));
		}
		if (endpoint.detaches()) {
			refer(gone, PREFERENCE_APPLIED);
			refer(done.description("The guest has yet to let go"), HttpHeaders.LOCATION, PREFERENCE_APPLIED);
			answers.addApiResponse(ACCEPTED, done);
		}
	}

	/**
	 * Finds what is documented of a status that a problem has, or begins to.
	 * @param operation the operation
	 * @param status the status
	 * @return the documentation
	 */
	static ApiResponse problem(Operation operation, int status) {
		return operation.getResponses().computeIfAbsent(Integer.toString(status), (added) -> {
			ApiResponse answer = new ApiResponse().content(new Content().addMediaType(APPLICATION_PROBLEM_JSON_VALUE,
					new MediaType().schema(ApiDocumentationSchemas.reference(ApiDocumentationSchemas.PROBLEM))));
			if (status == HttpStatus.UNAUTHORIZED.value()) {
				refer(answer, HttpHeaders.WWW_AUTHENTICATE);
			}
			if (TO_BE_TRIED_AGAIN.contains(status)) {
				refer(answer, HttpHeaders.RETRY_AFTER);
			}
			return answer;
		});
	}

	// springdoc gives all media types the one object, with the schema of what the
	// controller returns.
	private static Content copy(Content shared) {
		Content copy = new Content();
		shared.forEach((name, body) -> copy.addMediaType(name, new MediaType()
			.schema(name.equals(TEXT_PLAIN_VALUE) ? ApiDocumentationSchemas.of("string") : body.getSchema())));
		return copy;
	}

	static void refer(ApiResponse answer, String... headers) {
		for (String header : headers) {
			answer.addHeaderObject(header, new Header().$ref("#/components/headers/" + header));
		}
	}

	private static Header header(String type, String description) {
		return new Header().description(description).schema(ApiDocumentationSchemas.of(type));
	}

}
