package dev.iothreads.web;

import java.io.IOException;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.TestPropertySource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The service under a path that is not the root of its host: one of its own, or one that
 * a proxy takes away and tells of.
 */
@WebTest
@TestPropertySource(properties = { "server.servlet.context-path=/own", "server.forward-headers-strategy=framework",
		// The password is "operating".
		"iothreads.security.users.operator.password={bcrypt}$2y$04$zV/4wPY8b7/.VFoYTK55/.Lta08E7lrCdHTZWSmWiJGTvlmhDTNhe",
		"iothreads.security.users.operator.role=operator" })
class BehindAPrefixTests {

	private static final String NONE = "X-None: ";

	private static final String FORWARDED = "X-Forwarded-Prefix: /proxied";

	private static final String OPERATOR = "Authorization: Basic b3BlcmF0b3I6b3BlcmF0aW5n";

	private final Wire wire;

	BehindAPrefixTests(@LocalServerPort int port) {
		this.wire = new Wire(port);
	}

	@ParameterizedTest
	@CsvSource({ NONE + ",/own", FORWARDED + ",/proxied" })
	void theFrontDoorLeadsToThePagesOfTheApi(String header, String prefix) throws IOException {
		assertThat(this.wire.get("/own/", header).body()).contains("href=\"swagger-ui.html\"");
		assertThat(this.wire.get("/own/swagger-ui.html", header).header("Location"))
			.isEqualTo(prefix + "/swagger-ui/index.html");
		assertThat(this.wire.get("/own/swagger-ui/swagger-initializer.js", header).body())
			.contains("\"" + prefix + "/v3/api-docs/swagger-config\"");
		assertThat(this.wire.get("/own/v3/api-docs/swagger-config", header).json().path("url").asString())
			.isEqualTo(prefix + "/v3/api-docs");
	}

	@Test
	void thePageAndItsFilesAreThereToo() throws IOException {
		for (String file : List.of("/own/", "/own/index.html", "/own/page/main.js", "/own/page/page.css")) {
			Wire.Answer answer = this.wire.get(file);
			assertThat(answer.status()).as(file).isEqualTo(200);
			assertThat(answer.header("ETag")).as(file).isNotEmpty();
			assertThat(answer.header("Content-Security-Policy")).as(file).isNotEmpty();
			// Nothing in them begins at the root of the host.
			assertThat(answer.body()).as(file).doesNotContainPattern("(href|src)=\"/|from '/|url\\(/");
		}
	}

	@ParameterizedTest
	@CsvSource({ NONE + ",/own", FORWARDED + ",/proxied" })
	void theApiIsWhereItsDocumentIs(String header, String prefix) throws IOException {
		JsonNode api = this.wire.get("/own/v3/api-docs", header).json();
		assertThat(api.path("servers").size()).isOne();
		assertThat(api.path("servers").path(0).path("url").asString()).isEqualTo(prefix);
		assertThat(api.path("paths").has("/api/v1/machines")).isTrue();
	}

	@Test
	void theDocumentIsTheSameForAllPrefixesButForThem() throws IOException {
		JsonNode own = this.wire.get("/own/v3/api-docs").json();
		JsonNode proxied = this.wire.get("/own/v3/api-docs", FORWARDED).json();
		assertThat(proxied.path("paths")).isEqualTo(own.path("paths"));
		assertThat(proxied.path("components")).isEqualTo(own.path("components"));
	}

	@Test
	void whatIsReadHasTagsThereToo() throws IOException {
		Wire.Answer answer = this.wire.get("/own/api/v1/machines/demo/iothreads");
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.header("ETag")).isNotEmpty();
	}

	@ParameterizedTest
	@CsvSource({ NONE + ",/own", FORWARDED + ",/proxied" })
	void aProblemNamesTheAddressThatTheClientKnows(String header, String prefix) throws IOException {
		assertThat(this.wire.get("/own/api/v1/machines/nope", header).json().path("instance").asString())
			.isEqualTo(prefix + "/api/v1/machines/nope");
	}

	@ParameterizedTest
	@CsvSource({ NONE + ",/own", FORWARDED + ",/proxied" })
	void whereSomethingIsIsSaidWithoutAHost(String header, String prefix) throws IOException {
		String iothreads = "/api/v1/machines/demo/iothreads";
		Wire.Answer added = this.wire.send("POST", "/own" + iothreads, "{\"id\": \"pool0\"}",
				"Content-Type: application/json", header, OPERATOR);
		assertThat(added.status()).isEqualTo(201);
		assertThat(added.header("Location")).isEqualTo(prefix + iothreads + "/pool0");
		assertThat(this.wire.send("DELETE", "/own" + iothreads + "/pool0").status()).isEqualTo(204);
	}

	@Test
	void outsideOfItThereIsNothing() throws IOException {
		Wire.Answer answer = this.wire.get("/api/v1/machines");
		assertThat(answer.status()).isEqualTo(404);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
	}

}
