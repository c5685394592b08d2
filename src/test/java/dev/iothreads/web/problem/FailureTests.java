package dev.iothreads.web.problem;

import java.io.IOException;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.web.FailingMachine;
import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.context.annotation.Bean;
import org.springframework.web.filter.OncePerRequestFilter;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What was not thought of: it is in the log, and the answer says no more than that.
 */
@WebTest
@ExtendWith(OutputCaptureExtension.class)
public class FailureTests {

	private static final String ADVICE = "The service failed; its log says more. Trying again may help, reporting it will.";

	private final Wire wire;

	private final Inventory inventory;

	FailureTests(@LocalServerPort int port, @Autowired Inventory inventory) {
		this.wire = new Wire(port);
		this.inventory = inventory;
	}

	@AfterEach
	void forgetMachine() {
		this.inventory.remove("vm1");
	}

	@Test
	void aFailureInTheServiceIsLoggedAndNotShown(CapturedOutput output) throws IOException {
		this.inventory.add("vm1", new FailingMachine(new IllegalStateException("the secret of vm1")));
		isInternalError(this.wire.get("/api/v1/machines/vm1/iothreads"), "/api/v1/machines/vm1/iothreads");
		assertThat(output).contains("java.lang.IllegalStateException: the secret of vm1");
	}

	@ParameterizedTest
	@ValueSource(strings = { "RuntimeException", "ServletException", "Error" })
	void aFailureOutsideOfTheControllersIsLoggedAndNotShown(String kind, CapturedOutput output) throws IOException {
		isInternalError(this.wire.get("/api/v1/machines", "X-Throw: " + kind), "/api/v1/machines");
		assertThat(output).contains("the secret of a filter");
	}

	@ParameterizedTest
	@CsvSource({ "400,invalid-request", "401,unauthorized", "403,forbidden", "421,misdirected", "404,not-found",
			"405,method-not-allowed", "406,not-acceptable", "408,invalid-request", "413,request-too-large",
			"415,unsupported-media-type", "429,invalid-request", "500,internal-error", "503,too-busy" })
	void anErrorThatAHandlerSendsIsAProblemInTheServicesWords(int status, String problem) throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines", "X-Send-Error: " + status);
		assertThat(answer.status()).isEqualTo(status);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
		assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:" + problem);
		assertThat(answer.json().path("status").asInt()).isEqualTo(status);
		assertThat(answer.json().path("instance").asString()).isEqualTo("/api/v1/machines");
		assertThat(answer.json().path("detail").asString()).isNotEmpty().doesNotContain("secret");
	}

	@ParameterizedTest
	@ValueSource(ints = { 400, 401, 404, 500 })
	void anErrorWithoutWordsGetsSome(int status) throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines", "X-Set-Status: " + status);
		assertThat(answer.status()).isEqualTo(status);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
		assertThat(answer.json().path("detail").asString()).isNotEmpty();
	}

	@Test
	void whatAClientDoesWrongIsNoWarning(CapturedOutput output) throws IOException {
		assertThat(this.wire.send("PUT", "/api/v1/machines").status()).isEqualTo(405);
		assertThat(this.wire.get("/api/v1/machines/nope").status()).isEqualTo(404);
		assertThat(this.wire.get("/nothing").status()).isEqualTo(404);
		assertThat(this.wire.get("/api/v1/machines", "Accept: image/png").status()).isEqualTo(406);
		assertThat(output).doesNotContain("WARN").doesNotContain("ERROR");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			{                        | The body is no JSON, or names a member twice: look at line 1, column 2.
			{"id": "a", "id": "b"}   | The body is no JSON, or names a member twice: look at line 1, column 19.
			{"id": "a"} b            | The body is no JSON, or names a member twice: look at line 1, column 13.
			''                       | The body is missing. Send a JSON object.
			""")
	void aBodyThatCannotBeReadIsAProblemThatSaysWhere(String body, String detail) throws IOException {
		Wire.Answer answer = this.wire.send("POST", "/api/v1/machines/demo/iothreads", body,
				"Content-Type: application/json");
		assertThat(answer.status()).isEqualTo(400);
		assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:invalid-request");
		assertThat(answer.json().path("detail").asString()).isEqualTo(detail);
	}

	@ParameterizedTest
	@ValueSource(strings = { "Content-Type: text/plain", "Content-Type: nonsense", "X-None: " })
	void aBodyThatIsNoJsonIsAProblemThatSaysWhatToSend(String header) throws IOException {
		Wire.Answer answer = this.wire.send("POST", "/api/v1/machines/demo/iothreads", "{\"id\": \"a\"}", header);
		assertThat(answer.status()).isEqualTo(415);
		assertThat(answer.json().path("detail").asString()).contains("application/json");
	}

	private static void isInternalError(Wire.Answer answer, String instance) {
		assertThat(answer.status()).isEqualTo(500);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
		assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:internal-error");
		assertThat(answer.json().path("instance").asString()).isEqualTo(instance);
		assertThat(answer.json().path("detail").asString()).isEqualTo(ADVICE);
		assertThat(answer.body()).doesNotContain("secret", "Exception", "dev.iothreads", "\tat ");
	}

	/**
	 * A filter that fails when it is asked to.
	 */
	@TestConfiguration(proxyBeanMethods = false)
	public static class Failing {

		@Bean
		OncePerRequestFilter failingFilter() {
			return new OncePerRequestFilter() {

				@Override
				protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response,
						FilterChain chain) throws ServletException, IOException {
					String thrown = request.getHeader("X-Throw");
					if (thrown != null) {
						throwThat(thrown);
					}
					else if (request.getIntHeader("X-Send-Error") > 0) {
						response.sendError(request.getIntHeader("X-Send-Error"), "the secret of a filter");
					}
					else if (request.getIntHeader("X-Set-Status") > 0) {
						response.setStatus(request.getIntHeader("X-Set-Status"));
					}
					else {
						chain.doFilter(request, response);
					}
				}

			};
		}

		private static void throwThat(String kind) throws ServletException {
			switch (kind) {
				case "ServletException" -> throw new ServletException("the secret of a filter");
				case "Error" -> throw new AssertionError("the secret of a filter");
				default -> throw new IllegalStateException("the secret of a filter");
			}
		}

	}

}
