package dev.iothreads.security;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Pattern;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import org.jspecify.annotations.Nullable;

import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.security.crypto.password.DelegatingPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.crypto.password.Pbkdf2PasswordEncoder;

/**
 * Limits what passwords cost: bcrypt takes a tenth of a second of CPU for each. Two are
 * checked at a time, eight wait, and further ones are refused at once. A password that
 * was right is recognized by a keyed hash, so that a client that signs in with each of
 * its requests pays once, and does not wait for others.
 */
final class BoundedPasswordEncoder implements PasswordEncoder {

	private static final String BCRYPT = "bcrypt";

	private static final String PBKDF2 = "pbkdf2@SpringSecurity_v5_8";

	// A cost above 12 is a second and more for each password.
	private static final Pattern ENCODED = Pattern
		.compile("(\\{bcrypt})?\\$2[aby]?\\$(0[4-9]|1[0-2])\\$[./0-9A-Za-z]{53}"
				+ "|\\{pbkdf2@SpringSecurity_v5_8}[0-9a-f]{96,}");

	/** What the provider compares with where the name is unknown. */
	private static final String UNKNOWN_USER = "";

	private static final int MAX_THREADS = 2;

	private static final int MAX_WAITING = 8;

	private final PasswordEncoder encoder;

	private final Supplier<@Nullable String> anyPassword;

	private final ExecutorService threads = threads();

	private final byte[] key = new byte[32];

	/** The keyed hashes of right passwords, by their encoding. */
	private final Map<String, byte[]> known = new ConcurrentHashMap<>();

	BoundedPasswordEncoder(Supplier<@Nullable String> anyPassword) {
		this(encoder(), anyPassword);
	}

	/**
	 * Decorates an encoder.
	 * @param encoder compares a password with an encoded one
	 * @param anyPassword what to compare with where a name is unknown
	 */
	BoundedPasswordEncoder(PasswordEncoder encoder, Supplier<@Nullable String> anyPassword) {
		this.encoder = encoder;
		this.anyPassword = anyPassword;
		new SecureRandom().nextBytes(this.key);
	}

	// One processor is left for the clients that have signed in.
	private static ExecutorService threads() {
		int count = Math.max(1, Math.min(MAX_THREADS, Runtime.getRuntime().availableProcessors() - 1));
		CustomizableThreadFactory factory = new CustomizableThreadFactory("passwords-");
		factory.setDaemon(true);
		ThreadPoolExecutor threads = new ThreadPoolExecutor(count, count, 1, TimeUnit.SECONDS,
				new ArrayBlockingQueue<>(MAX_WAITING), factory);
		threads.allowCoreThreadTimeOut(true);
		return threads;
	}

	private static PasswordEncoder encoder() {
		PasswordEncoder bcrypt = new BCryptPasswordEncoder();
		DelegatingPasswordEncoder encoder = new DelegatingPasswordEncoder(BCRYPT,
				Map.of(BCRYPT, bcrypt, PBKDF2, Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_8()));
		encoder.setDefaultPasswordEncoderForMatches(bcrypt);
		return encoder;
	}

	/**
	 * Returns whether a configured password has a form that is accepted.
	 */
	static boolean isEncoded(String password) {
		return ENCODED.matcher(password).matches();
	}

	@Override
	public String encode(@Nullable CharSequence password) {
		return UNKNOWN_USER;
	}

	/**
	 * Compares a password with an encoded one.
	 * @throws AuthenticationServiceException when too many are being checked
	 */
	@Override
	public boolean matches(@Nullable CharSequence password, @Nullable String encoded) {
		if (password == null || encoded == null) {
			return false;
		}
		if (encoded.equals(UNKNOWN_USER)) {
			String any = this.anyPassword.get();
			if (any != null) {
				check(() -> this.encoder.matches(password, any));
			}
			return false;
		}
		byte[] hash = hash(password.toString());
		return isKnown(encoded, hash) || check(() -> {
			// Of several requests at a time the first may have been checked meanwhile.
			boolean matches = isKnown(encoded, hash) || this.encoder.matches(password, encoded);
			if (matches) {
				this.known.put(encoded, hash);
			}
			return matches;
		});
	}

	private boolean isKnown(String encoded, byte[] hash) {
		byte[] right = this.known.get(encoded);
		return right != null && MessageDigest.isEqual(hash, right);
	}

	private boolean check(Callable<Boolean> matches) {
		try {
			return this.threads.submit(matches).get();
		}
		catch (RejectedExecutionException ex) {
			throw new AuthenticationServiceException("Too many passwords are being checked", ex);
		}
		catch (ExecutionException ex) {
			throw new AuthenticationServiceException("The password cannot be checked", ex);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new AuthenticationServiceException("The service is stopping", ex);
		}
	}

	private byte[] hash(String password) {
		try {
			Mac mac = Mac.getInstance("HmacSHA256");
			mac.init(new SecretKeySpec(this.key, mac.getAlgorithm()));
			return mac.doFinal(password.getBytes(StandardCharsets.UTF_8));
		}
		catch (NoSuchAlgorithmException | InvalidKeyException ex) {
			throw new IllegalStateException(ex); // every JDK has it
		}
	}

}
