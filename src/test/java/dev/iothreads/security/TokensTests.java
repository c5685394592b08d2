package dev.iothreads.security;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpServer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.boot.ssl.DefaultSslBundleRegistry;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.oauth2.server.resource.InvalidBearerTokenException;
import org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthenticationToken;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/**
 * Which tokens are accepted, and the role that they give.
 */
class TokensTests {

	private static final String ISSUER = "https://login.example";

	private static final String CONTROLLER = "system:serviceaccount:vms:controller";

	private static RSAKey key;

	private static ECKey curve;

	private static RSAKey stranger;

	@TempDir
	private Path directory;

	private Path keys;

	@BeforeAll
	static void makeKeys() throws JOSEException {
		key = new RSAKeyGenerator(2048).keyID("one").generate();
		curve = new ECKeyGenerator(Curve.P_256).keyID("two").generate();
		stranger = new RSAKeyGenerator(2048).keyID("one").generate();
	}

	@BeforeEach
	void publishKeys() throws IOException {
		this.keys = Files.writeString(this.directory.resolve("keys.json"),
				new JWKSet(List.of(key, curve)).toPublicJWKSet().toString());
	}

	@Test
	void aSubjectOfTheListIsAnOperator() throws JOSEException {
		Authentication controller = provider().authenticate(bearer(signed(claims())));
		assertThat(controller.getName()).isEqualTo(CONTROLLER);
		assertThat(roles(controller)).containsExactlyInAnyOrder("ROLE_VIEWER", "ROLE_OPERATOR");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			roles              | operator                          | ROLE_VIEWER,ROLE_OPERATOR
			roles              | viewer                            | ROLE_VIEWER
			roles              | openid viewer                     | ROLE_VIEWER
			roles              | Operator                          | ''
			roles              | [viewer, operator]                | ROLE_VIEWER,ROLE_OPERATOR
			roles              | []                                | ''
			realm.access       | {access: [operator]}              | ROLE_VIEWER,ROLE_OPERATOR
			realm.access       | {access: {operator: true}}        | ''
			https://x.example/r| [viewer]                          | ROLE_VIEWER
			""")
	void aClaimGivesTheRole(String path, String value, String roles) throws JOSEException {
		Object claim = new org.yaml.snakeyaml.Yaml().load(value);
		String name = path.startsWith("https:") ? path : path.split("[.]")[0];
		String token = signed(claims().subject("somebody").claim(name, claim));
		assertThat(roles(provider(jwt(this.keys.toUri().toString(), path)).authenticate(bearer(token))))
			.containsExactlyInAnyOrder(roles.isEmpty() ? new String[0] : roles.split(","));
	}

	@Test
	void anEllipticCurveDoes() throws JOSEException {
		String token = token(new ECDSASigner(curve), JWSAlgorithm.ES256, "two", claims());
		assertThat(provider().authenticate(bearer(token)).getName()).isEqualTo(CONTROLLER);
	}

	@ParameterizedTest(name = "{0}")
	@MethodSource("badTokens")
	void aTokenThatIsNotAsItShouldBeIsRefused(String name, UnaryOperator<JWTClaimsSet.Builder> change)
			throws JOSEException {
		String token = signed(change.apply(claims()));
		assertThatThrownBy(() -> provider().authenticate(bearer(token)))
			.isInstanceOf(InvalidBearerTokenException.class);
	}

	static List<Object[]> badTokens() {
		return List.of(bad("for another service", (claims) -> claims.audience("others")),
				bad("without an audience", (claims) -> claims.audience((String) null)),
				bad("expired", (claims) -> claims.expirationTime(Date.from(Instant.now().minusSeconds(3600)))),
				bad("without an expiry", (claims) -> claims.expirationTime(null)),
				bad("from tomorrow", (claims) -> claims.notBeforeTime(Date.from(Instant.now().plusSeconds(86400)))),
				bad("by another issuer", (claims) -> claims.issuer("https://attacker.example")),
				bad("by no issuer", (claims) -> claims.issuer(null)));
	}

	private static Object[] bad(String name, UnaryOperator<JWTClaimsSet.Builder> change) {
		return new Object[] { name, change };
	}

	@Test
	void aTokenWithAnotherSignerIsRefused() throws JOSEException {
		String byAnother = token(new RSASSASigner(stranger), JWSAlgorithm.RS256, "one", claims());
		String bySecret = token(new MACSigner(key.toPublicJWK().toJSONString().getBytes(StandardCharsets.UTF_8)),
				JWSAlgorithm.HS256, "one", claims());
		String byNoUser = new PlainJWT(claims().build()).serialize();
		String changed = signed(claims()).replaceFirst("[.][^.]*[.]",
				"." + byNoUser.split("[.]")[1].substring(1) + ".");
		for (String token : List.of(byAnother, bySecret, byNoUser, changed, "a.b.c", "nonsense", "..")) {
			assertThatThrownBy(() -> provider().authenticate(bearer(token)))
				.isInstanceOf(InvalidBearerTokenException.class);
		}
	}

	@Test
	void theKeysAreFoundByDiscoveryAndUnknownOnesAreNotAskedForAgainAndAgain() throws Exception {
		AtomicInteger asked = new AtomicInteger();
		HttpServer issuer = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
		String address = "http://127.0.0.1:" + issuer.getAddress().getPort();
		answer(issuer, "/.well-known/openid-configuration",
				"{\"issuer\": \"%s\", \"jwks_uri\": \"%1$s/keys\"}".formatted(address), asked);
		answer(issuer, "/keys", Files.readString(this.keys), asked);
		issuer.start();
		try {
			AuthenticationProvider provider = provider(new SecurityProperties.Jwt(address, null, List.of("iothreads"),
					"roles", List.of(), List.of(), null, null));
			assertThat(provider.authenticate(bearer(signed(claims().issuer(address)))).isAuthenticated()).isTrue();
			assertThat(asked).hasValue(2);
			for (int i = 0; i < 20; i++) {
				String unknown = token(new RSASSASigner(stranger), JWSAlgorithm.RS256, "unknown" + i,
						claims().issuer(address));
				assertThatThrownBy(() -> provider.authenticate(bearer(unknown)))
					.isInstanceOf(AuthenticationException.class);
			}
			assertThat(asked).hasValueLessThanOrEqualTo(6);
			assertThat(provider.authenticate(bearer(signed(claims().issuer(address)))).isAuthenticated()).isTrue();
		}
		finally {
			issuer.stop(0);
		}
	}

	@Test
	void keysThatCannotBeReadAreNoFaultOfTheToken() {
		assertThatThrownBy(
				() -> provider(jwt("file:/nowhere/keys.json", "roles")).authenticate(bearer(signed(claims()))))
			.isInstanceOf(AuthenticationServiceException.class);
	}

	@Test
	void whileTheKeysCannotBeReadNoTokenIsAtFaultHoweverManyCome() {
		AuthenticationProvider provider = provider(jwt("file:/nowhere/keys.json", "roles"));
		for (int i = 0; i < 10; i++) {
			assertThatThrownBy(() -> provider.authenticate(bearer(signed(claims()))))
				.isInstanceOf(AuthenticationServiceException.class);
		}
	}

	@Test
	void aTokenWithAnUnknownKeyIsAtFaultHoweverManyCome() throws JOSEException {
		AuthenticationProvider provider = provider();
		for (int i = 0; i < 10; i++) {
			String unknown = token(new RSASSASigner(stranger), JWSAlgorithm.RS256, "unknown" + i, claims());
			assertThatThrownBy(() -> provider.authenticate(bearer(unknown)))
				.isInstanceOf(InvalidBearerTokenException.class);
		}
	}

	@Test
	void theKeysReadLastAreUsedWhileTheIssuerIsOutOfReach() throws Exception {
		SecurityProperties.Jwt jwt = jwt(this.keys.toUri().toString(), "roles");
		AuthenticationProvider provider = Tokens.provider(jwt, new SigningKeys(jwt, new DefaultSslBundleRegistry()),
				Duration.ofMillis(20), Duration.ofMillis(1));
		assertThat(provider.authenticate(bearer(signed(claims()))).isAuthenticated()).isTrue();
		Files.delete(this.keys);
		for (int i = 0; i < 3; i++) {
			// The keys of the cache are too old now.
			Thread.sleep(30);
			assertThat(provider.authenticate(bearer(signed(claims()))).isAuthenticated()).isTrue();
		}
	}

	@Test
	@ExtendWith(OutputCaptureExtension.class)
	void aChangedFileOfKeysIsReadAgainAndABrokenOneKeepsTheOld(CapturedOutput log) throws Exception {
		SecurityProperties.Jwt jwt = jwt(this.keys.toUri().toString(), "roles");
		AuthenticationProvider provider = Tokens.provider(jwt, new SigningKeys(jwt, new DefaultSslBundleRegistry()),
				Duration.ofMillis(20), Duration.ofMillis(1));
		String other = token(new RSASSASigner(stranger), JWSAlgorithm.RS256, "one", claims());
		assertThat(provider.authenticate(bearer(signed(claims()))).isAuthenticated()).isTrue();
		assertThatThrownBy(() -> provider.authenticate(bearer(other))).isInstanceOf(InvalidBearerTokenException.class);
		Files.writeString(this.keys, "{");
		await().untilAsserted(() -> {
			assertThat(provider.authenticate(bearer(signed(claims()))).isAuthenticated()).isTrue();
			assertThat(log).contains("The keys of tokens cannot be read");
		});
		Files.writeString(this.keys, new JWKSet(stranger).toPublicJWKSet().toString());
		await().untilAsserted(() -> assertThat(provider.authenticate(bearer(other)).isAuthenticated()).isTrue());
		assertThatThrownBy(() -> provider.authenticate(bearer(signed(claims()))))
			.isInstanceOf(InvalidBearerTokenException.class);
		assertThat(log.getAll().split("The keys of tokens cannot be read")).hasSize(2);
	}

	@ParameterizedTest
	@ValueSource(strings = { "{\"issuer\": \"%s\"}", "{\"issuer\": \"%s\", \"jwks_uri\": null}",
			"{\"issuer\": \"%s\", \"jwks_uri\": 7}", "{\"issuer\": \"%s\", \"jwks_uri\": \"file:/etc/passwd\"}",
			"{\"issuer\": \"%s\", \"jwks_uri\": \"jar:file:/a!/b\"}", "{\"issuer\": \"%s\", \"jwks_uri\": \"keys\"}",
			"{\"issuer\": \"%s\", \"jwks_uri\": \"http://a b\"}", "{\"jwks_uri\": \"%s/keys\"}", "[]", "null", "" })
	void whatAnIssuerSaysOfItsKeysIsNotTakenOnTrust(String document) throws Exception {
		try (Issuer issuer = new Issuer()) {
			issuer.answer("/.well-known/openid-configuration", document.replace("%s", issuer.address()));
			issuer.answer("/keys", Files.readString(this.keys));
			AuthenticationProvider provider = provider(discovered(issuer.address(), null));
			assertThatThrownBy(() -> provider.authenticate(bearer(signed(claims().issuer(issuer.address())))))
				.isInstanceOf(AuthenticationServiceException.class);
		}
	}

	@Test
	void theTokenForTheIssuerIsSentToNoOtherHost() throws Exception {
		Path file = Files.writeString(this.directory.resolve("token"), "secret-of-ours\n");
		try (Issuer issuer = new Issuer(); Issuer other = new Issuer()) {
			issuer.answer("/.well-known/openid-configuration",
					"{\"issuer\": \"%s\", \"jwks_uri\": \"%s/keys\"}".formatted(issuer.address(), other.address()));
			other.answer("/keys", Files.readString(this.keys));
			AuthenticationProvider provider = provider(discovered(issuer.address(), file.toString()));
			assertThat(provider.authenticate(bearer(signed(claims().issuer(issuer.address())))).isAuthenticated())
				.isTrue();
			assertThat(issuer.authorizations).containsExactly("Bearer secret-of-ours");
			assertThat(other.authorizations).containsExactly("none");
		}
	}

	@Test
	void anAnswerThatDoesNotEndIsNotAwaited() throws Exception {
		try (ServerSocket dripping = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
			Thread drip = new Thread(() -> {
				try (Socket client = dripping.accept()) {
					client.getOutputStream()
						.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".getBytes(StandardCharsets.UTF_8));
					while (true) {
						client.getOutputStream().write(' ');
						Thread.sleep(20);
					}
				}
				catch (IOException | InterruptedException ex) {
					// The client has hung up.
				}
			});
			drip.start();
			SecurityProperties.Jwt jwt = jwt("http://127.0.0.1:" + dripping.getLocalPort(), "roles");
			AuthenticationProvider provider = Tokens.provider(jwt,
					new SigningKeys(jwt, new DefaultSslBundleRegistry(), Duration.ofMillis(300)), Duration.ofMinutes(5),
					Duration.ofSeconds(30));
			assertThatThrownBy(() -> provider.authenticate(bearer(signed(claims()))))
				.isInstanceOf(AuthenticationServiceException.class);
			drip.join(60_000);
			assertThat(drip.isAlive()).isFalse();
		}
	}

	private static SecurityProperties.Jwt discovered(String issuer, @Nullable String tokenFile) {
		return new SecurityProperties.Jwt(issuer, null, List.of("iothreads"), "roles", List.of(), List.of(), null,
				tokenFile);
	}

	/**
	 * An issuer that remembers who has asked.
	 */
	private static final class Issuer implements AutoCloseable {

		private final HttpServer server;

		private final List<String> authorizations = new CopyOnWriteArrayList<>();

		Issuer() throws IOException {
			this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
			this.server.start();
		}

		String address() {
			return "http://127.0.0.1:" + this.server.getAddress().getPort();
		}

		void answer(String path, String body) {
			this.server.createContext(path, (exchange) -> {
				String sent = exchange.getRequestHeaders().getFirst("Authorization");
				this.authorizations.add((sent != null) ? sent : "none");
				byte[] content = body.getBytes(StandardCharsets.UTF_8);
				exchange.sendResponseHeaders(200, (content.length > 0) ? content.length : -1);
				exchange.getResponseBody().write(content);
				exchange.close();
			});
		}

		@Override
		public void close() {
			this.server.stop(0);
		}

	}

	private static void answer(HttpServer server, String path, String body, AtomicInteger asked) {
		server.createContext(path, (exchange) -> {
			asked.incrementAndGet();
			byte[] content = body.getBytes(StandardCharsets.UTF_8);
			exchange.sendResponseHeaders(200, content.length);
			exchange.getResponseBody().write(content);
			exchange.close();
		});
	}

	private AuthenticationProvider provider() {
		return provider(jwt(this.keys.toUri().toString(), "roles"));
	}

	private static AuthenticationProvider provider(SecurityProperties.Jwt jwt) {
		return Tokens.provider(jwt, new DefaultSslBundleRegistry());
	}

	private static SecurityProperties.Jwt jwt(String keys, String claim) {
		return new SecurityProperties.Jwt(ISSUER, keys, List.of("iothreads"), claim, List.of(CONTROLLER),
				List.of("reader"), null, null);
	}

	private static JWTClaimsSet.Builder claims() {
		return new JWTClaimsSet.Builder().issuer(ISSUER)
			.subject(CONTROLLER)
			.audience(List.of("others", "iothreads"))
			.expirationTime(Date.from(Instant.now().plusSeconds(600)));
	}

	private static String signed(JWTClaimsSet.Builder claims) throws JOSEException {
		return token(new RSASSASigner(key), JWSAlgorithm.RS256, "one", claims);
	}

	private static String token(JWSSigner signer, JWSAlgorithm algorithm, @Nullable String keyId,
			JWTClaimsSet.Builder claims) throws JOSEException {
		SignedJWT token = new SignedJWT(new JWSHeader.Builder(algorithm).keyID(keyId).build(), claims.build());
		token.sign(signer);
		return token.serialize();
	}

	private static BearerTokenAuthenticationToken bearer(String token) {
		return new BearerTokenAuthenticationToken(token);
	}

	private static List<String> roles(Authentication authentication) {
		return authentication.getAuthorities()
			.stream()
			.map(GrantedAuthority::getAuthority)
			.filter((authority) -> authority != null && authority.startsWith("ROLE_"))
			.toList();
	}

}
