package dev.iothreads.security;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.security.core.GrantedAuthority;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Those without credentials.
 */
class VisitorsTests {

	@ParameterizedTest
	@ValueSource(strings = { "127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1%lo" })
	void whoComesFromThisMachineIsWhatIsConfigured(String peer) {
		assertThat(roles(Role.OPERATOR, request(peer))).contains("ROLE_OPERATOR", "ROLE_VIEWER");
	}

	@ParameterizedTest
	@ValueSource(strings = { "10.0.0.7", "fe80::1", "0:0:0:0:0:0:0:10", "2001:db8::1", "127.attacker", "" })
	void whoComesFromElsewhereIsNoOperator(String peer) {
		assertThat(roles(Role.OPERATOR, request(peer))).containsExactly("ROLE_VIEWER");
	}

	@ParameterizedTest
	@CsvSource({ "X-Forwarded-For,10.0.0.7", "x-forwarded-for,127.0.0.1", "X-Forwarded-Host,localhost",
			"X-Forwarded-Proto,https", "X-Forwarded-Port,443", "X-Forwarded-Prefix,/proxied", "X-Forwarded-Ssl,on",
			"Forwarded,for=10.0.0.7", "Via,1.1 proxy", "X-Real-Ip,10.0.0.7", "True-Client-IP,10.0.0.7",
			"X-Envoy-External-Address,10.0.0.7" })
	void whoComesThroughAProxyIsNoOperator(String header, String value) {
		MockHttpServletRequest request = request("127.0.0.1");
		request.addHeader(header, value);
		assertThat(roles(Role.OPERATOR, request)).containsExactly("ROLE_VIEWER");
	}

	@Test
	void whereNobodyMayComeInNobodyHasARole() {
		assertThat(roles(null, request("127.0.0.1"))).containsExactly("ROLE_ANONYMOUS");
	}

	private static MockHttpServletRequest request(String peer) {
		MockHttpServletRequest request = new MockHttpServletRequest();
		request.setRemoteAddr(peer);
		return request;
	}

	private static Iterable<String> roles(@Nullable Role role, MockHttpServletRequest request) {
		return new Visitors(role).createAuthentication(request)
			.getAuthorities()
			.stream()
			.map(GrantedAuthority::getAuthority)
			.toList();
	}

}
