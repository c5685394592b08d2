package dev.iothreads.security;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.security.crypto.password.DelegatingPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.crypto.password.Pbkdf2PasswordEncoder;

/**
 * The users of the configuration. To check a password takes a tenth of a second of CPU on
 * purpose, so that few are checked at a time, and one that was right is known again by a
 * cheap keyed hash: a page asks many times.
 */
final class Passwords implements AuthenticationProvider {

	private static final String BCRYPT = "bcrypt";

	private static final String PBKDF2 = "pbkdf2@SpringSecurity_v5_8";

	// A cost above 16 is seconds for each try.
	private static final Pattern ENCODED = Pattern
		.compile("(\\{bcrypt})?\\$2[aby]?\\$(0[4-9]|1[0-6])\\$[./0-9A-Za-z]{53}"
				+ "|\\{pbkdf2@SpringSecurity_v5_8}[0-9a-f]{96,}");

	// Nobody's. An unknown name must take as long as a known one.
	private static final String NOBODYS = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

	private static final int AT_A_TIME = 2;

	private static final long PATIENCE_MS = 2000;

	private final Map<String, Access.User> users;

	private final PasswordEncoder encoder = encoder();

	private final Semaphore places = new Semaphore(AT_A_TIME);

	private final byte[] key = new byte[32];

	private final Map<String, byte[]> known = new ConcurrentHashMap<>();

	Passwords(Map<String, Access.User> users) {
		this.users = Map.copyOf(users);
		new SecureRandom().nextBytes(this.key);
	}

	private static PasswordEncoder encoder() {
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

	@Override
	public Authentication authenticate(Authentication attempt) {
		String name = attempt.getName();
		String password = String.valueOf(attempt.getCredentials());
		Access.User user = this.users.get(name);
		byte[] hash = hash(password);
		byte[] right = this.known.get(name);
		boolean matches = (user != null && right != null && MessageDigest.isEqual(hash, right))
				|| matches(password, (user != null) ? user.password() : NOBODYS);
		if (user == null || !matches) {
			throw new BadCredentialsException("The name or the password is wrong");
		}
		this.known.put(name, hash);
		return UsernamePasswordAuthenticationToken.authenticated(name, null, user.role().authorities());
	}

	private boolean matches(String password, String encoded) {
		try {
			if (!this.places.tryAcquire(PATIENCE_MS, TimeUnit.MILLISECONDS)) {
				throw new AuthenticationServiceException("Too many passwords are to be checked at once");
			}
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new AuthenticationServiceException("The service is stopping", ex);
		}
		try {
			return this.encoder.matches(password, encoded);
		}
		finally {
			this.places.release();
		}
	}

	private byte[] hash(String password) {
		try {
			Mac mac = Mac.getInstance("HmacSHA256");
			mac.init(new SecretKeySpec(this.key, mac.getAlgorithm()));
			return mac.doFinal(password.getBytes(StandardCharsets.UTF_8));
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
