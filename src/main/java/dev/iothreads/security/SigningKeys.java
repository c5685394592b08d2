package dev.iothreads.security;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.Map;

import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.JWKSetCacheRefreshEvaluator;
import com.nimbusds.jose.jwk.source.JWKSetSource;
import com.nimbusds.jose.jwk.source.JWKSetUnavailableException;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.boot.ssl.SslBundles;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.web.client.RestClient;

/**
 * Reads the keys that tokens are signed with, from where they are configured to be or
 * where the issuer says they are (OpenID Connect Discovery 1.0). Nothing is read before
 * the first token arrives: the service starts without the issuer.
 */
final class SigningKeys implements JWKSetSource<SecurityContext> {

	private static final Logger logger = LoggerFactory.getLogger(SigningKeys.class);

	private static final Duration TIMEOUT = Duration.ofSeconds(5);

	private static final int MAX_BYTES = 512 * 1024;

	private final SecurityProperties.Jwt jwt;

	private final SslBundles bundles;

	private final Duration timeout;

	private volatile boolean read;

	private volatile boolean failing;

	SigningKeys(SecurityProperties.Jwt jwt, SslBundles bundles) {
		this(jwt, bundles, TIMEOUT);
	}

	/**
	 * Creates the source.
	 * @param timeout how long one document may take
	 */
	SigningKeys(SecurityProperties.Jwt jwt, SslBundles bundles, Duration timeout) {
		this.jwt = jwt;
		this.bundles = bundles;
		this.timeout = timeout;
	}

	/**
	 * Returns whether the last attempt to read the keys failed.
	 */
	boolean isFailing() {
		return this.failing;
	}

	@Override
	public JWKSet getJWKSet(JWKSetCacheRefreshEvaluator evaluator, long time, @Nullable SecurityContext context)
			throws KeySourceException {
		try {
			String configured = this.jwt.jwkSet();
			JWKSet keys = JWKSet.parse(read((configured != null) ? URI.create(configured) : discover()));
			this.failing = false;
			this.read = true;
			return keys;
		}
		catch (IOException | ParseException | RuntimeException ex) {
			// What the issuer sends may be anything.
			if (this.read && !this.failing) {
				logger.error("The keys of tokens cannot be read. Those read last are used meanwhile, for six hours: {}",
						NestedExceptionUtils.getMostSpecificCause(ex).toString());
			}
			this.failing = true;
			throw new JWKSetUnavailableException("The keys of tokens cannot be read: " + ex, ex);
		}
	}

	private URI discover() throws IOException, ParseException {
		String issuer = String.valueOf(this.jwt.issuer());
		Map<String, Object> document = JSONObjectUtils
			.parse(read(URI.create(issuer.replaceFirst("/$", "") + "/.well-known/openid-configuration")));
		if (!issuer.equals(document.get("issuer"))) {
			throw new IOException(
					issuer + " has another issuer in its configuration: set iothreads.security.jwt.issuer to that");
		}
		if (!(document.get("jwks_uri") instanceof String location)) {
			throw new IOException(issuer + " does not say where its keys are (jwks_uri)");
		}
		try {
			URI keys = new URI(location);
			boolean secure = "https".equalsIgnoreCase(keys.getScheme());
			boolean plain = "http".equalsIgnoreCase(keys.getScheme()) && issuer.startsWith("http:");
			if (!(secure || plain) || keys.getHost() == null || keys.getRawUserInfo() != null) {
				throw new IOException(issuer + " must have its keys (jwks_uri) at an https URL");
			}
			return keys;
		}
		catch (URISyntaxException ex) {
			throw new IOException(issuer + " has its keys (jwks_uri) at what is no URL");
		}
	}

	private String read(URI location) throws IOException {
		if ("file".equals(location.getScheme())) {
			try (InputStream content = Files.newInputStream(Path.of(location))) {
				return text(content, location);
			}
		}
		RestClient.RequestHeadersSpec<?> request = client().get().uri(location);
		if (this.jwt.tokenFile() != null && isConfigured(location)) {
			String token = token(Path.of(this.jwt.tokenFile()));
			request.headers((headers) -> headers.setBearerAuth(token));
		}
		return request.exchangeForRequiredValue((sent, response) -> {
			if (response.getStatusCode() != HttpStatus.OK) {
				throw new IOException(name(location) + " answers with " + response.getStatusCode().value());
			}
			return text(response.getBody(), location);
		});
	}

	private static String text(InputStream content, URI location) throws IOException {
		byte[] text = content.readNBytes(MAX_BYTES + 1);
		if (text.length > MAX_BYTES) {
			throw new IOException(name(location) + " is larger than 512 kB");
		}
		return new String(text, StandardCharsets.UTF_8);
	}

	// The token is for the configured host only, not for one that discovery leads to.
	private boolean isConfigured(URI location) {
		String configured = (this.jwt.jwkSet() != null) ? this.jwt.jwkSet() : this.jwt.issuer();
		URI own = URI.create(String.valueOf(configured));
		return own.getScheme().equalsIgnoreCase(location.getScheme())
				&& String.valueOf(own.getHost()).equalsIgnoreCase(location.getHost())
				&& own.getPort() == location.getPort();
	}

	// The HTTP client would quote a token that a header cannot hold.
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

	// Made for each of the few requests: it has threads, and the certificates may have
	// been replaced.
	private RestClient client() {
		HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(this.timeout);
		if (this.jwt.sslBundle() != null) {
			client.sslContext(this.bundles.getBundle(this.jwt.sslBundle()).createSslContext());
		}
		JdkClientHttpRequestFactory requests = new JdkClientHttpRequestFactory(client.build());
		requests.setReadTimeout(this.timeout);
		return RestClient.builder().requestFactory(requests).build();
	}

	@Override
	public void close() {
		// holds nothing
	}

}
