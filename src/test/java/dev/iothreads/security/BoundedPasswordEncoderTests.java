package dev.iothreads.security;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiPredicate;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.ProviderManager;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.authentication.dao.DaoAuthenticationProvider;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.FactorGrantedAuthority;
import org.springframework.security.crypto.password.PasswordEncoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/**
 * Users who sign in with passwords, and what that may cost.
 */
class BoundedPasswordEncoderTests {

	private static final String FACTOR = FactorGrantedAuthority.PASSWORD_AUTHORITY;

	private static final String VIEWING = "{bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq";

	private static final String OPERATING = "$2y$04$zV/4wPY8b7/.VFoYTK55/.Lta08E7lrCdHTZWSmWiJGTvlmhDTNhe";

	private static final Map<String, SecurityProperties.User> USERS = Map.of("viewer",
			new SecurityProperties.User(VIEWING, Role.VIEWER), "operator",
			new SecurityProperties.User(OPERATING, Role.OPERATOR));

	private final Users users = new Users(USERS);

	private final AuthenticationProvider passwords = provider(this.users,
			new BoundedPasswordEncoder(this.users::anyPassword));

	@Test
	void aUserWithTheRightPasswordHasTheRole() {
		for (int time = 0; time < 3; time++) {
			assertThat(signIn("viewer", "viewing").getAuthorities()).map(GrantedAuthority::getAuthority)
				.containsExactlyInAnyOrder("ROLE_VIEWER", FACTOR);
			assertThat(signIn("operator", "operating").getAuthorities()).map(GrantedAuthority::getAuthority)
				.containsExactlyInAnyOrder("ROLE_VIEWER", "ROLE_OPERATOR", FACTOR);
		}
	}

	@ParameterizedTest
	@CsvSource({ "viewer,operating", "operator,viewing", "nobody,viewing", "viewer,''", "VIEWER,viewing" })
	void wrongNamesAndPasswordsAreRefusedAlsoAfterRightOnes(String name, String password) {
		signIn("viewer", "viewing");
		signIn("operator", "operating");
		assertThatThrownBy(() -> signIn(name, password)).isInstanceOf(BadCredentialsException.class);
	}

	@Test
	void thePasswordIsNotKept() {
		ProviderManager manager = new ProviderManager(this.passwords);
		Authentication signedIn = manager.authenticate(attempt("viewer", "viewing"));
		assertThat(signedIn.getCredentials()).isNull();
		assertThat(signedIn.toString()).doesNotContain("viewing", "2Fqrz");
	}

	@Test
	void ofManyAtOnceEachIsAnsweredByItsOwnPassword() throws Exception {
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

	@Test
	void withoutUsersNothingIsHashed() {
		Users none = new Users(Map.of());
		AuthenticationProvider passwords = provider(none, new BoundedPasswordEncoder(new Encoder((raw, encoded) -> {
			throw new AssertionError("It costs");
		}), none::anyPassword));
		assertThatThrownBy(() -> passwords.authenticate(attempt("viewer", "viewing")))
			.isInstanceOf(BadCredentialsException.class);
	}

	@Test
	void anUnknownNameCostsWhatAKnownOneDoesAndIsRefusedWithTheRightPassword() {
		List<String> compared = new CopyOnWriteArrayList<>();
		AuthenticationProvider listed = provider(this.users, new BoundedPasswordEncoder(new Encoder((raw, encoded) -> {
			compared.add(encoded);
			return true;
		}), this.users::anyPassword));
		for (int i = 0; i < 10; i++) {
			Authentication attempt = attempt("absent" + i, "viewing");
			assertThatThrownBy(() -> listed.authenticate(attempt)).isInstanceOf(BadCredentialsException.class);
		}
		assertThat(compared).hasSize(10).allMatch(Set.of(VIEWING, OPERATING)::contains);
	}

	@Test
	void aRightPasswordIsHashedOnceHoweverManyRequestsSendIt() throws Exception {
		AtomicInteger hashed = new AtomicInteger();
		AuthenticationProvider counted = provider(this.users, new BoundedPasswordEncoder(new Encoder((raw, encoded) -> {
			hashed.incrementAndGet();
			return true;
		}), this.users::anyPassword));
		ExecutorService clients = Executors.newFixedThreadPool(4);
		try {
			Callable<Authentication> request = () -> counted.authenticate(attempt("viewer", "viewing"));
			for (Future<Authentication> answer : clients.invokeAll(Collections.nCopies(4, request))) {
				assertThat(answer.get().isAuthenticated()).isTrue();
			}
		}
		finally {
			clients.shutdownNow();
		}
		// Two may be checked at the same time.
		assertThat(hashed).hasValueBetween(1, 2);
		int before = hashed.get();
		counted.authenticate(attempt("viewer", "viewing"));
		assertThat(hashed).hasValue(before);
	}

	@Test
	void morePasswordsThanCanBeCheckedAreRefusedAtOnceAndAUserWhoHasSignedInIsNot() throws Exception {
		CountDownLatch checked = new CountDownLatch(1);
		AuthenticationProvider busy = provider(this.users, new BoundedPasswordEncoder(new Encoder((raw, encoded) -> {
			awaitUnless(raw.equals("viewing"), checked);
			return raw.equals("viewing");
		}), this.users::anyPassword));
		busy.authenticate(attempt("viewer", "viewing"));
		ExecutorService clients = Executors.newCachedThreadPool();
		try {
			AtomicInteger busyNow = new AtomicInteger();
			List<Future<?>> attempts = new ArrayList<>();
			for (int i = 0; i < 30; i++) {
				attempts.add(clients.submit(() -> {
					try {
						busy.authenticate(attempt("operator", "wrong"));
					}
					catch (AuthenticationServiceException ex) {
						busyNow.incrementAndGet();
					}
					catch (BadCredentialsException ex) {
						// has been checked
					}
				}));
			}
			// Two are being checked at most, and eight wait.
			await().until(() -> busyNow.get() >= 20);
			assertThat(busy.authenticate(attempt("viewer", "viewing")).isAuthenticated()).isTrue();
			checked.countDown();
			for (Future<?> attempt : attempts) {
				attempt.get();
			}
			assertThat(busyNow.get()).isBetween(20, 21);
		}
		finally {
			checked.countDown();
			clients.shutdownNow();
		}
	}

	@Test
	void howeverManyWrongPasswordsCameTheRightOneIsAccepted() {
		for (int i = 0; i < 50; i++) {
			String guess = "guess" + i;
			assertThatThrownBy(() -> signIn("viewer", guess)).isInstanceOf(BadCredentialsException.class);
		}
		assertThat(signIn("viewer", "viewing").isAuthenticated()).isTrue();
	}

	private static void awaitUnless(boolean passes, CountDownLatch latch) {
		try {
			assertThat(passes || latch.await(1, TimeUnit.MINUTES)).isTrue();
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private static AuthenticationProvider provider(Users users, PasswordEncoder encoder) {
		DaoAuthenticationProvider provider = new DaoAuthenticationProvider(users);
		provider.setPasswordEncoder(encoder);
		return provider;
	}

	private Authentication signIn(String name, String password) {
		return Objects.requireNonNull(this.passwords.authenticate(attempt(name, password)));
	}

	private static Authentication attempt(String name, String password) {
		return UsernamePasswordAuthenticationToken.unauthenticated(name, password);
	}

	private record Encoder(BiPredicate<String, String> matches) implements PasswordEncoder {

		@Override
		public String encode(@Nullable CharSequence raw) {
			throw new UnsupportedOperationException();
		}

		@Override
		public boolean matches(@Nullable CharSequence raw, @Nullable String encoded) {
			return this.matches.test(String.valueOf(raw), String.valueOf(encoded));
		}

	}

}
