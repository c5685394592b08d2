package dev.iothreads.security;

import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * The users of the configuration.
 */
class PasswordsTests {

	private static final String VIEWING = "{bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq";

	private static final String OPERATING = "$2y$04$zV/4wPY8b7/.VFoYTK55/.Lta08E7lrCdHTZWSmWiJGTvlmhDTNhe";

	private final Passwords passwords = new Passwords(Map.of("viewer", new Access.User(VIEWING, Role.VIEWER),
			"operator", new Access.User(OPERATING, Role.OPERATOR)));

	@Test
	void whoKnowsThePasswordGetsTheRole() {
		for (int time = 0; time < 3; time++) {
			assertThat(signIn("viewer", "viewing").getAuthorities()).map(GrantedAuthority::getAuthority)
				.containsExactly("ROLE_VIEWER");
			assertThat(signIn("operator", "operating").getAuthorities()).map(GrantedAuthority::getAuthority)
				.containsExactly("ROLE_VIEWER", "ROLE_OPERATOR");
		}
	}

	@ParameterizedTest
	@CsvSource({ "viewer,operating", "operator,viewing", "nobody,viewing", "viewer,''", "VIEWER,viewing" })
	void nobodyElseComesInHoweverOftenSomebodyHas(String name, String password) {
		signIn("viewer", "viewing");
		signIn("operator", "operating");
		assertThatThrownBy(() -> signIn(name, password)).isInstanceOf(BadCredentialsException.class)
			.hasMessage("The name or the password is wrong");
	}

	@Test
	void thePasswordIsNotKept() {
		assertThat(signIn("viewer", "viewing").getCredentials()).isNull();
	}

	@Test
	void manyAtOnceGetWhatIsTheirs() throws Exception {
		ExecutorService threads = Executors.newFixedThreadPool(8);
		try {
			Callable<Boolean> wrong = () -> {
				assertThatThrownBy(() -> signIn("viewer", "operating")).isInstanceOf(BadCredentialsException.class);
				return true;
			};
			Callable<Boolean> right = () -> signIn("viewer", "viewing").isAuthenticated();
			for (Future<Boolean> done : threads
				.invokeAll(List.of(wrong, right, wrong, right, wrong, right, wrong, right))) {
				assertThat(done.get()).isTrue();
			}
		}
		finally {
			threads.shutdownNow();
		}
	}

	private Authentication signIn(String name, String password) {
		return this.passwords.authenticate(UsernamePasswordAuthenticationToken.unauthenticated(name, password));
	}

}
