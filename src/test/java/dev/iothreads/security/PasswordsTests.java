package dev.iothreads.security;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
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

import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.LockedException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.web.authentication.WebAuthenticationDetails;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/**
 * The users of the configuration.
 */
class PasswordsTests {

	private static final String VIEWING = "{bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq";

	private static final String OPERATING = "$2y$04$zV/4wPY8b7/.VFoYTK55/.Lta08E7lrCdHTZWSmWiJGTvlmhDTNhe";

	private static final Map<String, Access.User> USERS = Map.of("viewer", new Access.User(VIEWING, Role.VIEWER),
			"operator", new Access.User(OPERATING, Role.OPERATOR));

	private final Passwords passwords = new Passwords(USERS);

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

	@Test
	void whereNobodyIsAUserNothingIsHashed() {
		Passwords nobodys = new Passwords(Map.of(), new Encoder((raw, encoded) -> {
			throw new AssertionError("It costs");
		}));
		assertThatThrownBy(() -> nobodys.authenticate(attempt("viewer", "viewing", "10.0.0.7")))
			.isInstanceOf(BadCredentialsException.class);
	}

	@Test
	void anUnknownNameCostsWhatAKnownOneDoes() {
		Set<String> compared = ConcurrentHashMap.newKeySet();
		Passwords listed = new Passwords(USERS, new Encoder((raw, encoded) -> {
			compared.add(encoded);
			return true;
		}));
		for (int i = 0; i < 100; i++) {
			Authentication attempt = attempt("nobody" + i, "viewing", "10.0.0." + i);
			assertThatThrownBy(() -> listed.authenticate(attempt)).isInstanceOf(BadCredentialsException.class);
		}
		assertThat(compared).containsExactlyInAnyOrder(VIEWING, OPERATING);
	}

	@Test
	void moreThanCanBeCheckedAreToldSoAtOnceAndWhoHasSignedInIsNotHeldUp() throws Exception {
		CountDownLatch checked = new CountDownLatch(1);
		Passwords busy = new Passwords(USERS, new Encoder((raw, encoded) -> {
			awaitUnless(raw.equals("viewing"), checked);
			return raw.equals("viewing");
		}));
		busy.authenticate(attempt("viewer", "viewing", "127.0.0.1"));
		ExecutorService clients = Executors.newCachedThreadPool();
		try {
			AtomicInteger busyNow = new AtomicInteger();
			List<Future<?>> attempts = new ArrayList<>();
			for (int i = 0; i < 30; i++) {
				String from = "10.0.0." + i;
				attempts.add(clients.submit(() -> {
					try {
						busy.authenticate(attempt("operator", "wrong", from));
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
			assertThat(busy.authenticate(attempt("viewer", "viewing", "10.0.0.1")).isAuthenticated()).isTrue();
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
	void whoGuessesIsNotListenedToForAWhileAndOthersAre() {
		for (int i = 0; i < WrongPasswords.MOST; i++) {
			assertThatThrownBy(() -> this.passwords.authenticate(attempt("viewer", "guess", "10.0.0.7")))
				.isInstanceOf(BadCredentialsException.class);
		}
		assertThatThrownBy(() -> this.passwords.authenticate(attempt("viewer", "viewing", "10.0.0.7")))
			.isInstanceOf(LockedException.class);
		assertThat(this.passwords.authenticate(attempt("viewer", "viewing", "10.0.0.8")).isAuthenticated()).isTrue();
		// It is known now, and costs nothing.
		assertThat(this.passwords.authenticate(attempt("viewer", "viewing", "10.0.0.7")).isAuthenticated()).isTrue();
	}

	private static void awaitUnless(boolean passes, CountDownLatch latch) {
		try {
			assertThat(passes || latch.await(1, TimeUnit.MINUTES)).isTrue();
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private Authentication signIn(String name, String password) {
		return this.passwords.authenticate(UsernamePasswordAuthenticationToken.unauthenticated(name, password));
	}

	private static Authentication attempt(String name, String password, String from) {
		UsernamePasswordAuthenticationToken attempt = UsernamePasswordAuthenticationToken.unauthenticated(name,
				password);
		attempt.setDetails(new WebAuthenticationDetails(from, null));
		return attempt;
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
