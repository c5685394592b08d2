package dev.iothreads.security;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import org.jspecify.annotations.Nullable;

import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.LockedException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.security.crypto.password.DelegatingPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.crypto.password.Pbkdf2PasswordEncoder;
import org.springframework.security.web.authentication.WebAuthenticationDetails;

/**
 * The users of the configuration. To check a password takes a tenth of a second of CPU on
 * purpose. So few are checked at a time, by threads of their own, few wait for that, and
 * the others are told at once to come back; who guesses is not listened to for a while;
 * and a password that was right is known again by a cheap keyed hash: a page asks many
 * times, and whoever has signed in once waits for nobody.
 */
final class Passwords implements AuthenticationProvider {

	private static final String BCRYPT = "bcrypt";

	private static final String PBKDF2 = "pbkdf2@SpringSecurity_v5_8";

	// A cost above 12 is a second for each try, and more.
	private static final Pattern ENCODED = Pattern
		.compile("(\\{bcrypt})?\\$2[aby]?\\$(0[4-9]|1[0-2])\\$[./0-9A-Za-z]{53}"
				+ "|\\{pbkdf2@SpringSecurity_v5_8}[0-9a-f]{96,}");

	private static final int MOST_THREADS = 2;

	private static final int MOST_WAITING = 8;

	private final Map<String, Access.User> users;

	/** How the users' passwords are encoded. */
	private final List<String> encodings;

	private final PasswordEncoder encoder;

	private final ExecutorService threads = threads();

	private final WrongPasswords wrong = new WrongPasswords();

	private final byte[] key = new byte[32];

	private final Map<String, byte[]> known = new ConcurrentHashMap<>();

	Passwords(Map<String, Access.User> users) {
		this(users, encoder());
	}

	Passwords(Map<String, Access.User> users, PasswordEncoder encoder) {
		this.users = Map.copyOf(users);
		this.encodings = new TreeMap<>(users).values().stream().map(Access.User::password).toList();
		this.encoder = encoder;
		new SecureRandom().nextBytes(this.key);
	}

	// There is always a processor left for those who have not to be checked.
	private static ExecutorService threads() {
		int count = Math.max(1, Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors() - 1));
		CustomizableThreadFactory factory = new CustomizableThreadFactory("passwords-");
		factory.setDaemon(true);
		ThreadPoolExecutor threads = new ThreadPoolExecutor(count, count, 1, TimeUnit.SECONDS,
				new ArrayBlockingQueue<>(MOST_WAITING), factory);
		threads.allowCoreThreadTimeOut(true);
		return threads;
	}

	static PasswordEncoder encoder() {
		PasswordEncoder bcrypt = new BCryptPasswordEncoder();
		DelegatingPasswordEncoder encoder = new DelegatingPasswordEncoder(BCRYPT,
				Map.of(BCRYPT, bcrypt, PBKDF2, Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_8()));
		encoder.setDefaultPasswordEncoderForMatches(bcrypt);
		return encoder;
	}

	/**
	 * Tells whether a password has one of the forms that give nothing away.
	 * @param password the password as it is configured
	 * @return {@code true} when it is encoded
	 */
	static boolean isEncoded(String password) {
		return ENCODED.matcher(password).matches();
	}

	/**
	 * Checks a name and a password.
	 * @throws BadCredentialsException when one of them is wrong
	 * @throws LockedException when too many wrong ones have come from that address
	 * @throws AuthenticationServiceException when too many are to be checked at once
	 */
	@Override
	public Authentication authenticate(Authentication attempt) {
		if (this.users.isEmpty()) {
			throw wrong();
		}
		String name = attempt.getName();
		String password = String.valueOf(attempt.getCredentials());
		Access.User user = this.users.get(name);
		byte[] hash = hash(password);
		if (user == null || !isKnown(name, hash)) {
			String from = from(attempt);
			this.wrong.check(from);
			if (!matches(name, user, password, hash)) {
				this.wrong.add(from);
				throw wrong();
			}
		}
		if (user == null) {
			throw wrong();
		}
		return UsernamePasswordAuthenticationToken.authenticated(name, null, user.role().authorities());
	}

	private static BadCredentialsException wrong() {
		return new BadCredentialsException("The name or the password is wrong");
	}

	private static String from(Authentication attempt) {
		return (attempt.getDetails() instanceof WebAuthenticationDetails details)
				? String.valueOf(details.getRemoteAddress()) : "";
	}

	private boolean isKnown(String name, byte[] hash) {
		byte[] right = this.known.get(name);
		return right != null && MessageDigest.isEqual(hash, right);
	}

	private boolean matches(String name, Access.@Nullable User user, String password, byte[] hash) {
		try {
			return this.threads.submit(() -> {
				// A page asks for several things at once.
				if (user != null && isKnown(name, hash)) {
					return true;
				}
				// For an unknown name as long as for a known one.
				boolean matches = this.encoder.matches(password, (user != null) ? user.password() : anybodys(name));
				if (user == null || !matches) {
					return false;
				}
				this.known.put(name, hash);
				return true;
			}).get();
		}
		catch (RejectedExecutionException ex) {
			throw new AuthenticationServiceException("Too many passwords are to be checked at once");
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new AuthenticationServiceException("The service is stopping", ex);
		}
		catch (ExecutionException ex) {
			throw new AuthenticationServiceException("A password cannot be checked", ex);
		}
	}

	// Always the same one's for the same name, and nobody can tell whose.
	private String anybodys(String name) {
		return this.encodings.get(Math.floorMod(hash(name)[0], this.encodings.size()));
	}

	private byte[] hash(String text) {
		try {
			Mac mac = Mac.getInstance("HmacSHA256");
			mac.init(new SecretKeySpec(this.key, mac.getAlgorithm()));
			return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
		}
		catch (NoSuchAlgorithmException | InvalidKeyException ex) {
			throw new IllegalStateException(ex); // every Java has it
		}
	}

	@Override
	public boolean supports(Class<?> type) {
		return UsernamePasswordAuthenticationToken.class.isAssignableFrom(type);
	}

}
