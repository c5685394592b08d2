package dev.iothreads.contract;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What the service answered.
 *
 * @param status the status code
 * @param text the body
 * @param response the whole answer
 */
record Answer(int status, String text, HttpResponse<String> response) {

	static Answer of(HttpResponse<String> response) {
		return new Answer(response.statusCode(), response.body(), response);
	}

	@Nullable String header(String name) {
		return this.response.headers().firstValue(name).orElse(null);
	}

	JsonNode body() {
		try {
			return JsonMapper.shared().readTree(this.text);
		}
		catch (JacksonException ex) {
			throw new AssertionError("No JSON in " + this, ex);
		}
	}

	/**
	 * Asserts that it is a success, and which.
	 */
	Answer is(int expected) {
		assertThat(this.status).as(toString()).isEqualTo(expected);
		return this;
	}

	/**
	 * Asserts that it is a problem as RFC 9457 has it, with all that the service says of
	 * each.
	 * @return the problem
	 */
	JsonNode isProblem(int expected, String name) {
		assertThat(this.status).as(toString()).isEqualTo(expected);
		assertThat(header("Content-Type")).as(toString()).isEqualTo("application/problem+json");
		assertThat(header("Cache-Control")).as(toString()).isEqualTo("no-store");
		JsonNode problem = body();
		assertThat(problem.path("type").asString("")).as(toString()).isEqualTo("urn:iothreads:problem:" + name);
		assertThat(problem.path("status").asInt(0)).as(toString()).isEqualTo(expected);
		assertThat(problem.path("title").asString("")).as(toString()).isNotBlank();
		assertThat(problem.path("detail").asString("")).as(toString()).isNotBlank();
		assertThat(problem.path("instance").asString("")).as(toString())
			.isEqualTo(this.response.request().uri().getRawPath());
		return problem;
	}

	/**
	 * Asserts that the request was refused, and because of which members.
	 */
	void isInvalid(String... fields) {
		List<String> named = new ArrayList<>();
		isProblem(422, "invalid-request").path("errors").forEach((error) -> {
			assertThat(error.path("message").asString("")).as(toString()).isNotBlank();
			named.add(error.path("field").asString("?"));
		});
		assertThat(named).as(toString()).containsExactlyInAnyOrder(fields);
	}

	@Override
	public String toString() {
		return this.response.request().method() + " " + this.response.request().uri() + " -> " + this.status + " "
				+ this.text;
	}

}
