package dev.iothreads.security;

import java.io.IOException;
import java.util.List;

import jakarta.servlet.ServletException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.http.HttpHeaders;
import org.springframework.mock.web.MockFilterChain;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;
import org.springframework.security.web.csrf.CsrfException;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.servlet.ModelAndView;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What a page of another site can make a browser send.
 */
class BrowserGuardTests {

	private @Nullable Exception refusal;

	@ParameterizedTest
	@CsvSource({ "localhost,true", "localhost:8080,true", "LOCALHOST,true", "127.0.0.1:8080,true", "127.8.9.10,true",
			"[::1]:8080,true", "iothreads.example,true", "iothreads.example:443,true", "iothreads.example.,true",
			"dev.localhost,true", "attacker.example,false", "localhost.attacker.example,false",
			"127.0.0.1.attacker.example,false", "127.attacker.example,false", "notlocalhost,false", "10.0.0.7,false",
			"[::2],false", "[::1].attacker.example,false", "0.0.0.0,false", "'',false" })
	void onLoopbackOnlyItsOwnNamesReachTheService(String host, boolean reached) throws Exception {
		assertThat(passes(true, List.of("iothreads.example"), request("GET", host))).isEqualTo(reached);
		if (!reached) {
			assertThat(this.refusal).isInstanceOf(ResponseStatusException.class)
				.hasMessageContaining("421")
				.hasMessageContaining("allowed-hosts");
		}
	}

	@ParameterizedTest
	@CsvSource({ "iothreads.example,true", "10.0.0.7:8080,true", "[fd00::7],true", "localhost,true",
			"attacker.example,false" })
	void elsewhereTheListCountsOnceThereIsOne(String host, boolean reached) throws Exception {
		assertThat(passes(false, List.of("iothreads.example"), request("GET", host))).isEqualTo(reached);
		assertThat(passes(false, List.of(), request("GET", host))).isTrue();
	}

	@ParameterizedTest
	@ValueSource(strings = { "/actuator/health", "/actuator/health/liveness" })
	void theHealthIsReadByEveryName(String path) throws Exception {
		MockHttpServletRequest request = request("GET", "attacker.example");
		request.setRequestURI(path);
		assertThat(passes(true, List.of(), request)).isTrue();
	}

	@ParameterizedTest
	@CsvSource({ "same-origin,true", "none,true", "same-site,false", "cross-site,false", "nonsense,false", "'',false" })
	void aBrowserNamesTheSiteOfThePageThatChangesSomething(String site, boolean allowed) throws Exception {
		for (String method : List.of("POST", "PATCH", "DELETE", "PUT", "BREW")) {
			MockHttpServletRequest request = request(method, "localhost:8080");
			request.addHeader("Sec-Fetch-Site", site);
			assertThat(passes(true, List.of(), request)).as(method).isEqualTo(allowed);
			if (!allowed) {
				assertThat(this.refusal).isInstanceOf(CsrfException.class);
			}
		}
		MockHttpServletRequest reading = request("GET", "localhost:8080");
		reading.addHeader("Sec-Fetch-Site", site);
		assertThat(passes(true, List.of(), reading)).isTrue();
	}

	@ParameterizedTest
	@CsvSource({ "http://localhost:8080,true", "http://LOCALHOST,true", "https://attacker.example,false", "null,false",
			"http://localhost.attacker.example,false", "nonsense,false", "http://[,false" })
	void anOlderBrowserSaysItByTheOrigin(String origin, boolean allowed) throws Exception {
		MockHttpServletRequest request = request("POST", "localhost:8080");
		request.addHeader(HttpHeaders.ORIGIN, origin);
		assertThat(passes(true, List.of(), request)).isEqualTo(allowed);
	}

	@ParameterizedTest
	@CsvSource({ "https://dashboard.example,true", "https://dashboard.example:8443,false",
			"http://dashboard.example,false" })
	void aListedOriginMayChangeSomething(String origin, boolean allowed) throws Exception {
		MockHttpServletRequest request = request("POST", "localhost:8080");
		request.addHeader(HttpHeaders.ORIGIN, origin);
		request.addHeader("Sec-Fetch-Site", "cross-site");
		assertThat(passes(true, List.of(), request)).isEqualTo(allowed);
	}

	private static MockHttpServletRequest request(String method, String host) {
		MockHttpServletRequest request = new MockHttpServletRequest(method, "/api/v1/machines");
		request.addHeader(HttpHeaders.HOST, host);
		return request;
	}

	private boolean passes(boolean onLoopback, List<String> hosts, MockHttpServletRequest request)
			throws ServletException, IOException {
		MockFilterChain chain = new MockFilterChain();
		SecurityProblemHandler problems = new SecurityProblemHandler((refused, response, handler, ex) -> {
			this.refusal = ex;
			return new ModelAndView();
		}, true, () -> false, false);
		new BrowserGuard(onLoopback, hosts, List.of("https://dashboard.example"),
				PathPatternRequestMatcher.withDefaults().matcher("/actuator/health/**"), problems)
			.doFilter(request, new MockHttpServletResponse(), chain);
		return chain.getRequest() != null;
	}

}
