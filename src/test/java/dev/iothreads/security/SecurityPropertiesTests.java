package dev.iothreads.security;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * Unsafe settings stop the start.
 */
class SecurityPropertiesTests {

	private static final String ENCODED = "{bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq";

	@ParameterizedTest
	@CsvSource({ ",true,127.0.0.1,OPERATOR", ",true,10.0.0.7,VIEWER", ",true,,VIEWER", ",false,127.0.0.1,VIEWER",
			",false,10.0.0.7,VIEWER", "OPERATOR,false,127.0.0.1,OPERATOR", "VIEWER,true,127.0.0.1,VIEWER",
			"NONE,true,127.0.0.1,", "NONE,false,10.0.0.7," })
	void clientsWithoutCredentialsMayChangeTheDemoOnLoopbackByThemselvesAndNothingElse(
			SecurityProperties.@Nullable Anonymous anonymous, boolean demo, @Nullable String address,
			@Nullable Role role) throws UnknownHostException {
		InetAddress listening = (address != null) ? InetAddress.getByName(address) : null;
		SecurityProperties security = settings(anonymous, Map.of(), null).withDefaults(demo, listening);
		security.check(SecurityProperties.isLoopback(listening));
		assertThat(security.anonymousRole()).isEqualTo(role);
	}

	@Test
	void anOperatorWithoutCredentialsStopsTheStartWhereTheServiceDoesNotListenOnLoopback() {
		assertThatThrownBy(() -> settings(SecurityProperties.Anonymous.OPERATOR, Map.of(), null).check(false))
			.isInstanceOf(UnsafeSettingException.class)
			.hasMessageContaining("iothreads.security.anonymous is operator")
			.hasMessageContaining("viewer or none");
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "swordfish", "{noop}swordfish", "{MD5}5f4dcc3b5aa765d61d8327deb882cf99",
			"{SHA-256}swordfish", "{bcrypt}swordfish", "$2y$31$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"{bcrypt}$2y$13$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq", "$1$abc$swordfish" })
	void aPasswordThatIsNotEncodedStopsTheStartAndIsNotShown(String password) {
		SecurityProperties security = settings(null,
				Map.of("alice", new SecurityProperties.User(password, Role.VIEWER)), null);
		assertThatThrownBy(() -> security.check(true)).isInstanceOf(UnsafeSettingException.class)
			.hasMessageContaining("iothreads.security.users.alice.password is not encoded")
			.hasMessageContaining("htpasswd -nB NAME")
			.hasMessageNotContaining("swordfish");
	}

	@ParameterizedTest
	@ValueSource(strings = { ENCODED, "$2y$10$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"$2y$12$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"{pbkdf2@SpringSecurity_v5_8}000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f" })
	void anEncodedPasswordIsTaken(String password) {
		assertThatCode(() -> settings(null, Map.of("alice", new SecurityProperties.User(password, Role.VIEWER)), null)
			.check(false)).doesNotThrowAnyException();
	}

	@Test
	void theSettingsArePrintedWithoutPasswords() {
		assertThat(
				settings(null, Map.of("alice", new SecurityProperties.User(ENCODED, Role.OPERATOR)), null).toString())
			.contains("alice", "OPERATOR")
			.doesNotContain("2Fqrz");
	}

	@Test
	void aNameWithAColonCannotSignIn() {
		assertThatThrownBy(() -> settings(null, Map.of("a:b", new SecurityProperties.User(ENCODED, Role.VIEWER)), null)
			.check(true)).hasMessageContaining("colon");
	}

	@Test
	void tokensNeedAnIssuerAndAnAudience() {
		SecurityProperties.Jwt jwt = new SecurityProperties.Jwt(null, null, List.of(), "roles", List.of(), List.of(),
				null, null);
		assertThatThrownBy(() -> settings(null, Map.of(), jwt).check(true)).hasMessageContaining("issuer nor jwk-set")
			.hasMessageContaining("audiences is empty");
	}

	@ParameterizedTest
	@ValueSource(strings = { "*", "dashboard.example", "https://dashboard.example/", "null", "file:///etc" })
	void whatIsNoOriginStopsTheStart(String origin) {
		SecurityProperties security = new SecurityProperties(null, SecurityProperties.Metrics.OPEN, Map.of(), null,
				null, List.of(), List.of(origin));
		assertThatThrownBy(() -> security.check(true)).hasMessageContaining("'" + origin + "' is no origin");
	}

	@ParameterizedTest
	@ValueSource(strings = { "*", "iothreads.example:8080", "https://iothreads.example", "" })
	void whatIsNoNameOfAHostStopsTheStart(String host) {
		SecurityProperties security = new SecurityProperties(null, SecurityProperties.Metrics.OPEN, Map.of(), null,
				null, List.of(host), List.of());
		assertThatThrownBy(() -> security.check(true)).hasMessageContaining("is no name of a host");
	}

	private static SecurityProperties settings(SecurityProperties.@Nullable Anonymous anonymous,
			Map<String, SecurityProperties.User> users, SecurityProperties.@Nullable Jwt jwt) {
		return new SecurityProperties(anonymous, SecurityProperties.Metrics.OPEN, users, null, jwt, List.of(),
				List.of());
	}

}
