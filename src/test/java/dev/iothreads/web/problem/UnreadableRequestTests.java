package dev.iothreads.web.problem;

import java.io.IOException;
import java.util.List;

import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is refused before a controller is reached, by Tomcat itself or by the framework,
 * is a problem all the same.
 */
@WebTest
@ExtendWith(OutputCaptureExtension.class)
class UnreadableRequestTests {

	private final Wire wire;

	UnreadableRequestTests(@LocalServerPort int port) {
		this.wire = new Wire(port);
	}

	@ParameterizedTest
	@ValueSource(strings = { "/api/v1/machines/[x", "/api/v1/machines/a|b", "/%zz", "/api/v1/machines/%zz",
			"/api/v1/machines/%ff", "/api/v1/machines/a%00b", "/api/v1/machines/a%5Cb", "/../../etc/passwd",
			"/api/v1/machines//demo", "//api/v1/machines", "/api/v1/machines/../machines/demo",
			"/api/v1/machines/%2e%2e/machines", "//", "///", "/api/v1/machines/demo;jsessionid=1",
			"/api/v1/machines;v=1/demo", "/api/v1/iothreads?machine=%zz", "/api/v1/iothreads?machine=%ff",
			"/api/v1/machines?[", "*", "api" })
	void anAddressThatCannotBeReadIsAProblem(String target) throws IOException {
		assertThat(this.wire.get(target)).satisfies((answer) -> isProblem(answer, 400, "invalid-request"))
			.satisfies((answer) -> assertThat(answer.json().path("detail").asString()).contains("percent-encode"));
	}

	@ParameterizedTest
	@CsvSource({ "GET, history?since=yesterday, since is 'yesterday'. It must be a whole number",
			"GET, history?since=1.5, since is '1.5'. It must be a whole number",
			"GET, history?since=99999999999999999999, since is '99999999999999999999'. It must be a whole number",
			"DELETE, iothreads/pool0?force=perhaps, force is 'perhaps'. It must be true or false.",
			"DELETE, iothreads/pool0?persist=2, persist is '2'. It must be true or false.",
			"DELETE, devices/data0?force=2, force is '2'. It must be true or false.",
			"DELETE, iothreads/pool0/devices/data0?persist=2, persist is '2'. It must be true or false." })
	void aParameterThatCannotBeReadIsNamedWithWhatIsAccepted(String method, String target, String detail)
			throws IOException {
		Wire.Answer answer = this.wire.send(method, "/api/v1/machines/demo/" + target);
		isProblem(answer, 400, "invalid-request");
		assertThat(answer.json().path("detail").asString()).startsWith(detail);
	}

	@ParameterizedTest
	@ValueSource(strings = { "/api/v1/machines/a%2Fb", "/api/v1/machines/..%2fdemo" })
	void aSlashInAnIdIsRefusedHoweverItIsEncoded(String target) throws IOException {
		Wire.Answer answer = this.wire.get(target);
		isProblem(answer, 400, "invalid-request");
		assertThat(answer.json().path("instance").asString()).isEqualTo(target);
		assertThat(answer.json().path("detail").asString()).contains("No id has a slash");
	}

	@Test
	void headersThatAreTooLargeAreAProblem() throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines", "X-Large: " + "a".repeat(20_000));
		isProblem(answer, 400, "invalid-request");
		assertThat(answer.json().path("detail").asString()).contains("8 kB");
	}

	@Test
	void aMethodThatIsNoTokenIsAProblem() throws IOException {
		isProblem(this.wire.send("G(T", "/api/v1/machines"), 400, "invalid-request");
	}

	@Test
	void aHostThatIsNoneIsAProblem() throws IOException {
		isProblem(this.wire.raw("GET /api/v1/machines HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"), 400,
				"invalid-request");
	}

	@Test
	void noHostAtAllIsAProblem() throws IOException {
		isProblem(this.wire.raw("GET /api/v1/machines HTTP/1.1\r\nConnection: close\r\n\r\n"), 400, "invalid-request");
	}

	@Test
	void anotherVersionOfHttpIsAProblem() throws IOException {
		Wire.Answer answer = this.wire.raw("GET / HTTP/9.9\r\nHost: localhost\r\nConnection: close\r\n\r\n");
		isProblem(answer, 505, "invalid-request");
		assertThat(answer.json().path("detail").asString()).contains("HTTP/1.1");
	}

	@Test
	void anUnknownTransferCodingIsAProblem() throws IOException {
		isProblem(this.wire.get("/api/v1/machines", "Transfer-Encoding: nope"), 501, "invalid-request");
	}

	@Test
	void anExpectationThatIsNotMetIsAProblem() throws IOException {
		isProblem(this.wire.get("/api/v1/machines", "Expect: the-unexpected"), 417, "invalid-request");
	}

	@Test
	void traceIsAProblem() throws IOException {
		Wire.Answer answer = this.wire.send("TRACE", "/api/v1/machines");
		isProblem(answer, 405, "method-not-allowed");
		assertThat(answer.json().path("instance").asString()).isEqualTo("/api/v1/machines");
	}

	@Test
	void anUnknownMethodIsAProblemThatNamesThoseThatArePossible() throws IOException {
		Wire.Answer answer = this.wire.send("BREW", "/api/v1/machines");
		isProblem(answer, 405, "method-not-allowed");
		assertThat(answer.header("Allow")).contains("GET");
		assertThat(answer.json().path("detail").asString()).startsWith("BREW is not possible here. These are: GET");
	}

	@ParameterizedTest
	@ValueSource(strings = { "/api/v1/machines/", "/api/v1/machines/demo/", "/nothing", "/api/v2/machines",
			"/application.yaml", "/WEB-INF/web.xml" })
	void whereThereIsNothingTheProblemSaysWhereToLook(String target) throws IOException {
		Wire.Answer answer = this.wire.get(target);
		isProblem(answer, 404, "not-found");
		assertThat(answer.json().path("instance").asString()).isEqualTo(target.replaceFirst("^/+", "/"));
		assertThat(answer.json().path("detail").asString()).contains("/v3/api-docs");
	}

	@Test
	void anIdIsDecodedOnce() throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines/%64emo");
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.json().path("name").asString()).isEqualTo("demo");
	}

	@Test
	void anIdIsNotDecodedTwice() throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines/%2564emo");
		isProblem(answer, 404, "machine-not-found");
		assertThat(answer.json().path("detail").asString()).contains("'%64emo'");
	}

	@ParameterizedTest
	@ValueSource(strings = { "text/plain", "text/html", "image/png", "application/xml", "nonsense", "*/*;q=2" })
	void aProblemIsAProblemWhateverIsAccepted(String accept) throws IOException {
		isProblem(this.wire.get("/api/v1/nothing", "Accept: " + accept), 404, "not-found");
		isProblem(this.wire.get("/api/v1/machines/[x", "Accept: " + accept), 400, "invalid-request");
		Wire.Answer answer = this.wire.get("/api/v1/machines/nope/devices", "Accept: " + accept);
		assertThat(answer.status()).isIn(404, 406);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
	}

	@Test
	void whatIsThereButNotAsThatIsAProblemThatNamesTheFormsThereAre() throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines/demo/iothreads", "Accept: image/png");
		isProblem(answer, 406, "not-acceptable");
		assertThat(answer.json().path("detail").asString()).contains("application/json, text/plain");
	}

	@Test
	void aProblemOfTheAcceptHeaderItselfHasABodyToo() throws IOException {
		isProblem(this.wire.get("/api/v1/machines/demo/iothreads", "Accept: nonsense"), 406, "not-acceptable");
	}

	@ParameterizedTest
	@ValueSource(strings = { "utf-8", "utf-16", "utf-32", "iso-8859-1" })
	void jsonIsUtf8WhateverCharsetIsAskedFor(String charset) throws IOException {
		for (String path : List.of("/api/v1/machines", "/api/v1/machines/demo/iothreads", "/actuator/health",
				"/v3/api-docs")) {
			Wire.Answer answer = this.wire.get(path,
					"Accept: image/png, application/json;charset=%s;q=0.5".formatted(charset));
			assertThat(answer.status()).as(path).isEqualTo(200);
			assertThat(answer.header("Content-Type")).startsWith("application/")
				.contains("json")
				.doesNotContain("16", "32");
			assertThat(answer.json().isEmpty()).isFalse();
		}
	}

	@Test
	void aChangeWhoseAddressCannotBeReadIsAProblem(CapturedOutput output) throws IOException {
		isProblem(this.wire.raw("POST /\u0001 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 400,
				"invalid-request");
		assertThat(output).contains("Change refused").contains("POST ?").doesNotContain("ERROR");
	}

	@Test
	void actuatorsErrorsAreProblemsToo() throws IOException {
		isProblem(this.wire.get("/actuator/health/nope"), 404, "not-found");
		isProblem(this.wire.get("/actuator/env"), 404, "not-found");
		isProblem(this.wire.send("DELETE", "/actuator/prometheus"), 405, "method-not-allowed");
		isProblem(this.wire.get("/actuator/health", "Accept: image/png"), 406, "not-acceptable");
	}

	@Test
	void thePageOfErrorsItselfIsNothing() throws IOException {
		isProblem(this.wire.get("/error"), 404, "not-found");
	}

	@Test
	void headOfAProblemHasItsHeadersAndNoBody() throws IOException {
		for (String target : new String[] { "/api/v1/machines/nope", "/actuator/health/nope", "/%zz" }) {
			Wire.Answer answer = this.wire.send("HEAD", target);
			assertThat(answer.status()).isIn(400, 404);
			assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
			assertThat(answer.body()).isEmpty();
		}
	}

	private static void isProblem(Wire.Answer answer, int status, String name) {
		assertThat(answer.status()).isEqualTo(status);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
		assertThat(answer.header("Cache-Control")).isEqualTo("no-store");
		assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:" + name);
		assertThat(answer.json().path("status").asInt()).isEqualTo(status);
		assertThat(answer.json().path("title").asString()).isNotEmpty();
		assertThat(answer.body()).doesNotContain("Exception", "springframework", "apache");
	}

}
