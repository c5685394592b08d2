package dev.iothreads.page;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The files that the page consists of, as they are served.
 */
class PageFilesTests {

	private static final Path DIRECTORY = Path.of("src", "main", "resources", "static");

	static Stream<String> files() {
		try (Stream<Path> files = Files.walk(DIRECTORY)) {
			return Stream.concat(Stream.of(""),
					files.filter(Files::isRegularFile)
						.map((file) -> DIRECTORY.relativize(file).toString())
						.toList()
						.stream());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@ParameterizedTest
	@MethodSource("files")
	void eachIsAskedForAgainAndGivenOnlyWhenItHasChanged(String file) {
		RunningService.Answer answer = Site.service().get("/" + file);
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.header("cache-control")).isEqualTo("no-cache");
		// That of a jar's files says nothing: the build gives them all the same.
		assertThat(answer.header("last-modified")).isEmpty();
		RunningService.Answer again = Site.service().get("/" + file, "If-None-Match", answer.header("etag"));
		assertThat(again.status()).isEqualTo(304);
		assertThat(again.body()).isEmpty();
	}

	@ParameterizedTest
	@MethodSource("files")
	void eachIsGuarded(String file) {
		RunningService.Answer answer = Site.service().get("/" + file);
		assertThat(answer.header("content-security-policy").split("; ")).contains("default-src 'none'",
				"script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
				"base-uri 'none'");
		assertThat(answer.header("content-security-policy")).doesNotContain("unsafe", "*", "http", "data:");
		assertThat(answer.header("x-content-type-options")).isEqualTo("nosniff");
		assertThat(answer.header("referrer-policy")).isEqualTo("no-referrer");
	}

	@ParameterizedTest
	@MethodSource("files")
	void noneNamesAnotherHost(String file) {
		String text = Site.service().get("/" + file).body();
		assertThat(text.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http://", "https://", "\"//");
	}

	@ParameterizedTest
	@MethodSource("others")
	void whatIsNotOfThePageIsNotGuardedByItsPolicy(String address) {
		assertThat(Site.service().get(address).header("content-security-policy")).isEmpty();
	}

	@ParameterizedTest
	@ValueSource(strings = { "/swagger-ui.html", "/swagger-ui/index.html", "/swagger-ui/swagger-initializer.js",
			"/swagger-ui/swagger-ui-bundle.js", "/swagger-ui/nothing-here", "/webjars/swagger-ui/index.html" })
	void swaggerUiMayReachNoOtherHost(String address) {
		RunningService.Answer answer = Site.service().get(address);
		assertThat(answer.header("content-security-policy").split("; ")).contains("default-src 'none'",
				"script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
				"form-action 'none'");
		assertThat(answer.header("content-security-policy")).doesNotContain("unsafe-eval", "*", "http");
		assertThat(answer.header("x-content-type-options")).isEqualTo("nosniff");
		assertThat(answer.header("x-frame-options")).isEqualTo("DENY");
		assertThat(answer.header("referrer-policy")).isEqualTo("no-referrer");
	}

	static List<String> others() {
		return List.of("/api/v1/machines", "/actuator/prometheus", "/nothing-here");
	}

}
