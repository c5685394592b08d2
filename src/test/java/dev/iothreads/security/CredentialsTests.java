package dev.iothreads.security;

import java.time.Instant;
import java.util.Map;

import org.junit.jupiter.api.Test;

import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.userdetails.UserDetails;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * How long what a client has signed in with holds.
 */
class CredentialsTests {

	private static final SecurityProperties.User ALICE = new SecurityProperties.User("{bcrypt}$2y$1", Role.OPERATOR);

	private final Users users = new Users(Map.of());

	private final Credentials credentials = new Credentials(this.users);

	@Test
	void aUserHoldsUntilItsPasswordOrItsRoleIsAnother() {
		this.users.replaceFileUsers(Map.of("alice", ALICE));
		UserDetails alice = this.users.loadUserByUsername("alice");
		UsernamePasswordAuthenticationToken client = UsernamePasswordAuthenticationToken.authenticated(alice, null,
				alice.getAuthorities());
		this.users.replaceFileUsers(Map.of("alice", new SecurityProperties.User("{bcrypt}$2y$1", Role.OPERATOR)));
		assertThat(this.credentials.hold(client)).isTrue();
		this.users.replaceFileUsers(Map.of("alice", new SecurityProperties.User("{bcrypt}$2y$2", Role.OPERATOR)));
		assertThat(this.credentials.hold(client)).isFalse();
		this.users.replaceFileUsers(Map.of("alice", new SecurityProperties.User("{bcrypt}$2y$1", Role.VIEWER)));
		assertThat(this.credentials.hold(client)).isFalse();
		this.users.replaceFileUsers(Map.of());
		assertThat(this.credentials.hold(client)).isFalse();
	}

	@Test
	void aTokenHoldsUntilItExpires() {
		assertThat(this.credentials.hold(token(Instant.now().plusSeconds(60)))).isTrue();
		assertThat(this.credentials.hold(token(Instant.now().minusSeconds(1)))).isFalse();
	}

	@Test
	void aClientWithoutCredentialsHasNoneToLose() {
		assertThat(this.credentials.hold(null)).isTrue();
	}

	private static JwtAuthenticationToken token(Instant expiry) {
		return new JwtAuthenticationToken(Jwt.withTokenValue("x")
			.header("alg", "none")
			.issuedAt(expiry.minusSeconds(600))
			.expiresAt(expiry)
			.build());
	}

}
