package dev.iothreads.security;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.JWKSetCacheRefreshEvaluator;
import com.nimbusds.jose.jwk.source.JWKSetSource;
import com.nimbusds.jose.jwk.source.JWKSetUnavailableException;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import org.jspecify.annotations.Nullable;

import org.springframework.boot.ssl.SslBundle;
import org.springframework.boot.ssl.SslBundles;

/**
 * Fetches the keys that tokens are signed with, from where the issuer says they are
 * (OpenID Connect Discovery 1.0) or from where they are configured to be. Nothing is
 * fetched before the first token comes: the service starts without the issuer.
 */
final class KeySets implements JWKSetSource<SecurityContext> {

	/** For all of it: the name, the document, the keys. */
	private static final Duration DEADLINE = Duration.ofSeconds(10);

	private static final Duration TIMEOUT = Duration.ofSeconds(5);

	private static final int LARGEST = 512 * 1024;

	private final Access.Jwt jwt;

	private final SslBundles bundles;

	private final Duration deadline;

	private volatile boolean failing;

	KeySets(Access.Jwt jwt, SslBundles bundles) {
		this(jwt, bundles, DEADLINE);
	}

	KeySets(Access.Jwt jwt, SslBundles bundles, Duration deadline) {
		this.jwt = jwt;
		this.bundles = bundles;
		this.deadline = deadline;
	}

	/**
	 * Tells whether the keys could not be had when they were asked for last.
	 */
	boolean isFailing() {
		return this.failing;
	}

	@Override
	public JWKSet getJWKSet(JWKSetCacheRefreshEvaluator evaluator, long time, @Nullable SecurityContext context)
			throws KeySourceException {
		this.failing = true;
		AtomicReference<@Nullable Closeable> open = new AtomicReference<>();
		FutureTask<JWKSet> fetched = new FutureTask<>(() -> fetch(open));
		Thread thread = new Thread(fetched, "keys");
		thread.setDaemon(true);
		thread.start();
		try {
			JWKSet keys = fetched.get(this.deadline.toMillis(), TimeUnit.MILLISECONDS);
			this.failing = false;
			return keys;
		}
		catch (ExecutionException ex) {
			throw new JWKSetUnavailableException(
					"The keys of tokens cannot be read: " + Objects.requireNonNullElse(ex.getCause(), ex), ex);
		}
		catch (TimeoutException ex) {
			throw new JWKSetUnavailableException(
					"The keys of tokens do not come within %d s".formatted(this.deadline.toSeconds()), ex);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new JWKSetUnavailableException("The service is stopping", ex);
		}
		finally {
			fetched.cancel(true);
			close(open.get());
		}
	}

	private JWKSet fetch(AtomicReference<@Nullable Closeable> open)
			throws IOException, InterruptedException, ParseException {
		String configured = this.jwt.jwkSet();
		return JWKSet.parse(read((configured != null) ? URI.create(configured) : discover(open), open));
	}

	private URI discover(AtomicReference<@Nullable Closeable> open)
			throws IOException, InterruptedException, ParseException {
		String issuer = String.valueOf(this.jwt.issuer());
		Map<String, Object> document = JSONObjectUtils
			.parse(read(URI.create(issuer.replaceFirst("/$", "") + "/.well-known/openid-configuration"), open));
		if (!issuer.equals(document.get("issuer"))) {
			throw new IOException(issuer + " does not call itself so in its configuration");
		}
		if (!(document.get("jwks_uri") instanceof String named)) {
			throw new IOException(issuer + " does not say where its keys are (jwks_uri)");
		}
		try {
			URI keys = new URI(named);
			boolean secure = "https".equalsIgnoreCase(keys.getScheme());
			boolean plain = "http".equalsIgnoreCase(keys.getScheme()) && issuer.startsWith("http:");
			if (!(secure || plain) || keys.getHost() == null || keys.getRawUserInfo() != null) {
				throw new IOException(issuer + " says that its keys are where they must not be (jwks_uri): use https");
			}
			return keys;
		}
		catch (URISyntaxException ex) {
			throw new IOException(issuer + " names no address of its keys (jwks_uri)");
		}
	}

	private String read(URI location, AtomicReference<@Nullable Closeable> open)
			throws IOException, InterruptedException {
		if ("file".equals(location.getScheme())) {
			try (InputStream content = Files.newInputStream(Path.of(location))) {
				return text(content, location);
			}
		}
		HttpRequest.Builder request = HttpRequest.newBuilder(location).timeout(TIMEOUT);
		String tokenFile = this.jwt.tokenFile();
		if (tokenFile != null && isConfigured(location)) {
			// It is replaced from time to time.
			request.header("Authorization", "Bearer " + token(Path.of(tokenFile)));
		}
		HttpResponse<InputStream> response = client().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
		try (InputStream body = response.body()) {
			// On JDK 17 a reader is not interrupted otherwise.
			open.set(body);
			if (response.statusCode() != 200) {
				throw new IOException(name(location) + " answers with " + response.statusCode());
			}
			return text(body, location);
		}
	}

	private static void close(@Nullable Closeable open) {
		try {
			if (open != null) {
				open.close();
			}
		}
		catch (IOException ex) {
			// Nobody reads it any more.
		}
	}

	private static String text(InputStream content, URI location) throws IOException {
		byte[] text = content.readNBytes(LARGEST + 1);
		if (text.length > LARGEST) {
			throw new IOException(name(location) + " is larger than 512 kB");
		}
		return new String(text, StandardCharsets.UTF_8);
	}

	// A token is for whom it was configured for, and for nobody they point to.
	private boolean isConfigured(URI location) {
		String configured = (this.jwt.jwkSet() != null) ? this.jwt.jwkSet() : this.jwt.issuer();
		URI own = URI.create(String.valueOf(configured));
		return own.getScheme().equalsIgnoreCase(location.getScheme())
				&& String.valueOf(own.getHost()).equalsIgnoreCase(location.getHost())
				&& own.getPort() == location.getPort();
	}

	// What a header cannot hold would be quoted by whoever refuses it.
	private static String token(Path file) throws IOException {
		String token = Files.readString(file).strip();
		if (!token.matches("[!-~]+")) {
			throw new IOException(file + " is no token: it is empty, or has a line break or a blank in it");
		}
		return token;
	}

	private static String name(URI location) {
		return location.getScheme() + "://" + location.getRawAuthority() + location.getRawPath();
	}

	// Made anew for each of the few times: it holds threads, and the certificates may
	// have been replaced.
	private HttpClient client() {
		HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(TIMEOUT);
		if (this.jwt.sslBundle() != null) {
			SslBundle bundle = this.bundles.getBundle(this.jwt.sslBundle());
			client.sslContext(bundle.createSslContext());
		}
		return client.build();
	}

	@Override
	public void close() {
		// holds nothing
	}

}
