package dev.iothreads.security;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;

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

	private static final Duration TIMEOUT = Duration.ofSeconds(5);

	private static final int LARGEST = 512 * 1024;

	private final Access.Jwt jwt;

	private final SslBundles bundles;

	KeySets(Access.Jwt jwt, SslBundles bundles) {
		this.jwt = jwt;
		this.bundles = bundles;
	}

	@Override
	public JWKSet getJWKSet(JWKSetCacheRefreshEvaluator evaluator, long time, @Nullable SecurityContext context)
			throws KeySourceException {
		try {
			URI location = (this.jwt.jwkSet() != null) ? URI.create(this.jwt.jwkSet()) : discover();
			return JWKSet.parse(read(location));
		}
		catch (IOException | ParseException | IllegalArgumentException ex) {
			throw new JWKSetUnavailableException("The keys of tokens cannot be read: " + ex.getMessage(), ex);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new JWKSetUnavailableException("The service is stopping", ex);
		}
	}

	private URI discover() throws IOException, InterruptedException, ParseException {
		String issuer = String.valueOf(this.jwt.issuer());
		String document = read(URI.create(issuer.replaceFirst("/$", "") + "/.well-known/openid-configuration"));
		var configuration = JSONObjectUtils.parse(document);
		if (!issuer.equals(configuration.get("issuer"))) {
			throw new IOException(issuer + " calls itself " + configuration.get("issuer"));
		}
		return JSONObjectUtils.getURI(configuration, "jwks_uri");
	}

	private String read(URI location) throws IOException, InterruptedException {
		if ("file".equals(location.getScheme())) {
			return Files.readString(Path.of(location));
		}
		HttpRequest.Builder request = HttpRequest.newBuilder(location).timeout(TIMEOUT);
		if (this.jwt.tokenFile() != null) {
			// It is replaced from time to time.
			request.header("Authorization", "Bearer " + Files.readString(Path.of(this.jwt.tokenFile())).strip());
		}
		HttpResponse<InputStream> response = client().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
		try (InputStream body = response.body()) {
			if (response.statusCode() != 200) {
				throw new IOException(location + " answers with " + response.statusCode());
			}
			byte[] content = body.readNBytes(LARGEST + 1);
			if (content.length > LARGEST) {
				throw new IOException(location + " is larger than 512 kB");
			}
			return new String(content, StandardCharsets.UTF_8);
		}
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
