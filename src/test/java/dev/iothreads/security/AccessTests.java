package dev.iothreads.security;

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
 * Settings that would open a door that must be closed stop the start.
 */
class AccessTests {

	private static final String ENCODED = "{bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq";

	@ParameterizedTest
	@CsvSource({ ",true,OPERATOR", ",false,VIEWER", "OPERATOR,true,OPERATOR", "VIEWER,true,VIEWER",
			"VIEWER,false,VIEWER", "NONE,true,", "NONE,false," })
	void whatThoseWithoutCredentialsMayDoDependsOnWhoCanReachTheService(Access.@Nullable Anonymous anonymous,
			boolean onLoopback, @Nullable Role role) {
		Access access = access(anonymous, Map.of(), null);
		access.check(onLoopback);
		assertThat(access.anonymousRole(onLoopback)).isEqualTo(role);
	}

	@Test
	void nobodyIsAnOperatorWithoutCredentialsWhereOthersCanReachTheService() {
		assertThatThrownBy(() -> access(Access.Anonymous.OPERATOR, Map.of(), null).check(false))
			.isInstanceOf(UnsafeSettingException.class)
			.hasMessageContaining("iothreads.security.anonymous is operator")
			.hasMessageContaining("viewer or none");
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "swordfish", "{noop}swordfish", "{MD5}5f4dcc3b5aa765d61d8327deb882cf99",
			"{SHA-256}swordfish", "{bcrypt}swordfish", "$2y$31$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"{bcrypt}$2y$13$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq", "$1$abc$swordfish" })
	void aPasswordThatIsNotEncodedStopsTheStartAndIsNotShown(String password) {
		Access access = access(null, Map.of("alice", new Access.User(password, Role.VIEWER)), null);
		assertThatThrownBy(() -> access.check(true)).isInstanceOf(UnsafeSettingException.class)
			.hasMessageContaining("iothreads.security.users.alice.password is not encoded")
			.hasMessageContaining("htpasswd")
			.hasMessageNotContaining("swordfish");
	}

	@ParameterizedTest
	@ValueSource(strings = { ENCODED, "$2y$10$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"$2y$12$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"{pbkdf2@SpringSecurity_v5_8}000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f" })
	void anEncodedPasswordIsTaken(String password) {
		assertThatCode(() -> access(null, Map.of("alice", new Access.User(password, Role.VIEWER)), null).check(false))
			.doesNotThrowAnyException();
	}

	@Test
	void noPasswordIsInWhatTheSettingsArePrintedAs() {
		assertThat(access(null, Map.of("alice", new Access.User(ENCODED, Role.OPERATOR)), null).toString())
			.contains("alice", "OPERATOR")
			.doesNotContain("2Fqrz");
	}

	@Test
	void aNameWithAColonCannotSignIn() {
		assertThatThrownBy(() -> access(null, Map.of("a:b", new Access.User(ENCODED, Role.VIEWER)), null).check(true))
			.hasMessageContaining("colon");
	}

	@Test
	void tokensNeedSomebodyWhoIssuesThemAndAnAudience() {
		Access.Jwt jwt = new Access.Jwt(null, null, List.of(), "roles", List.of(), List.of(), null, null);
		assertThatThrownBy(() -> access(null, Map.of(), jwt).check(true)).hasMessageContaining("issuer nor jwk-set")
			.hasMessageContaining("audiences is empty");
	}

	@ParameterizedTest
	@ValueSource(strings = { "*", "dashboard.example", "https://dashboard.example/", "null", "file:///etc" })
	void whatIsNoOriginStopsTheStart(String origin) {
		Access access = new Access(null, Access.Metrics.OPEN, Map.of(), null, List.of(), List.of(origin));
		assertThatThrownBy(() -> access.check(true)).hasMessageContaining("'" + origin + "' is no origin");
	}

	@ParameterizedTest
	@ValueSource(strings = { "*", "iothreads.example:8080", "https://iothreads.example", "" })
	void whatIsNoNameOfAHostStopsTheStart(String host) {
		Access access = new Access(null, Access.Metrics.OPEN, Map.of(), null, List.of(host), List.of());
		assertThatThrownBy(() -> access.check(true)).hasMessageContaining("is no name of a host");
	}

	private static Access access(Access.@Nullable Anonymous anonymous, Map<String, Access.User> users,
			Access.@Nullable Jwt jwt) {
		return new Access(anonymous, Access.Metrics.OPEN, users, jwt, List.of(), List.of());
	}

}
