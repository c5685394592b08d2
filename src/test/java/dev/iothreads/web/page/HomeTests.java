package dev.iothreads.web.page;

import java.io.IOException;

import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The first page, and the pages that it leads to.
 */
@WebTest
class HomeTests {

	private final Wire wire;

	HomeTests(@LocalServerPort int port) {
		this.wire = new Wire(port);
	}

	@Test
	void theFrontDoorIsAPageThatLeadsToThoseOfTheApi() throws IOException {
		Wire.Answer home = this.wire.get("/");
		assertThat(home.status()).isEqualTo(200);
		assertThat(home.header("Content-Type")).startsWith("text/html");
		assertThat(home.body()).contains("href=\"swagger-ui.html\"", "href=\"actuator/prometheus\"");
		Wire.Answer pages = this.wire.get("/swagger-ui.html");
		assertThat(pages.status()).isEqualTo(302);
		assertThat(this.wire.get(pages.header("Location")).body()).contains("swagger-ui");
	}

	@Test
	void theWayToThemNamesNoHost() throws IOException {
		assertThat(this.wire.get("/swagger-ui.html", "X-Forwarded-Host: example.org").header("Location"))
			.isEqualTo("/swagger-ui/index.html");
	}

	@ParameterizedTest
	@ValueSource(strings = { "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "index.css",
			"swagger-initializer.js" })
	void thePagesNeedNothingFromElsewhere(String file) throws IOException {
		assertThat(this.wire.get("/swagger-ui/index.html").body()).contains(file).doesNotContain("https://", "http://");
		assertThat(this.wire.get("/swagger-ui/" + file).status()).isEqualTo(200);
	}

	@Test
	void whatIsTriedThereIsTriedHere() throws IOException {
		assertThat(this.wire.get("/swagger-ui/swagger-initializer.js").body())
			.contains("\"configUrl\" : \"/v3/api-docs/swagger-config\"");
		Wire.Answer config = this.wire.get("/v3/api-docs/swagger-config");
		assertThat(config.json().path("url").asString()).isEqualTo("/v3/api-docs");
		assertThat(config.json().path("tryItOutEnabled").asBoolean()).isTrue();
		// Else the document would be sent to a validator on the internet.
		assertThat(config.json().path("validatorUrl").asString()).isEmpty();
	}

}
