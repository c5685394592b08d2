package dev.iothreads.security;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

import com.sun.net.httpserver.HttpServer;
import dev.iothreads.fleet.RunningService;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/**
 * Nothing that is a secret, or may be one, is in the log: not one of its lines.
 */
@ExtendWith(OutputCaptureExtension.class)
class SecretsTests {

	private static final String SECRET = "swordfish";

	private static final String IOTHREADS = "/api/v1/machines/demo/iothreads";

	@Test
	void nothingThatAClientSendsIsWrittenDownWhereItMayBeASecret(CapturedOutput log) throws IOException {
		try (RunningService service = RunningService.start(
				"--iothreads.security.users.viewer.password={bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
				"--iothreads.security.jwt.jwk-set=file:/nowhere/keys.json",
				"--iothreads.security.jwt.audiences=iothreads")) {
			Wire wire = new Wire(service.port());
			String basic = Base64.getEncoder().encodeToString(("viewer:" + SECRET).getBytes(StandardCharsets.UTF_8));
			for (String head : new String[] { "GET /sword[fish]?token=swordfish HTTP/1.1\r\nHost: localhost",
					"GET /a?swordfish={} HTTP/1.1\r\nHost: localhost", "G{T /swordfish HTTP/1.1\r\nHost: localhost",
					"GET / HTTP/1.1\r\nHost: localhost\r\nX-Key\u0001: swordfish",
					"GET / HTTP/1.1\r\nHost: localhost\r\nswordfish",
					"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: swordfish\u0001",
					"GET / HTTP/1.1\r\nHost: localhost\r\n swordfish: a\r\nb : swordfish",
					"GET / HTTP/1.1\r\nHost: sword fish\r\nX: swordfish",
					"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=swordfish\u0007; b=\"swordfish; =swordfish",
					"GET /api/v1/iothreads?machine=%zzswordfish HTTP/1.1\r\nHost: localhost",
					"GET / HTTP/9.9swordfish\r\nHost: localhost",
					"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: swordfish",
					"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: swordfish",
					"POST /api/v1/machines HTTP/1.1\r\nHost: localhost\r\nContent-Type: sword fish/{}",
					"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: swordfish" + "x".repeat(10_000) }) {
				wire.raw(head + "\r\nConnection: close\r\n\r\n");
			}
			for (String header : new String[] { "Authorization: Basic " + basic, "Authorization: Bearer swordfish",
					"Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.swordfish.swordfish", "Authorization: swordfish",
					"Cookie: JSESSIONID=swordfish", "X-Api-Key: swordfish", "Accept: swordfish", "Prefer: swordfish",
					"If-Match: swordfish", "Origin: https://swordfish.example", "X-Request-Id: {swordfish}" }) {
				wire.get(IOTHREADS, header);
				wire.get("/", header);
				wire.send("DELETE", IOTHREADS + "/nope?token=swordfish", "", header);
			}
			for (String body : new String[] { "{\"id\": \"a\", \"password\": \"swordfish\"}",
					"{\"id\": \"a\", \"iothreads\": [{\"password\": \"swordfish\"}]}",
					"{\"id\": \"a\", \"properties\": [[{\"token\": \"swordfish\"}]]}", "[\"swordfish\"]",
					"swordfish" }) {
				wire.send("POST", IOTHREADS, body, "Content-Type: application/json");
				wire.send("POST", "/api/v1/machines/demo/devices", body, "Content-Type: application/json");
				wire.send("POST", IOTHREADS, body, "Content-Type: application/x-www-form-urlencoded");
			}
			wire.send("DELETE", IOTHREADS + "/the-last");
			await().until(() -> log.getAll().contains("the-last"));
		}
		assertThat(log).doesNotContain(SECRET, basic());
	}

	private static String basic() {
		return Base64.getEncoder().encodeToString(("viewer:" + SECRET).getBytes(StandardCharsets.UTF_8));
	}

	@ParameterizedTest
	@CsvSource({ "users.alice.pasword,users.alice.pasword", "users.alice.password.a,users.alice.password.a",
			"users.alice,users.alice", "users.alice.role,users.alice.role", "jwt,jwt", "jwt.secret,jwt.secret",
			"token,token", "jwt.issuer,jwt.issuer", "jwt.jwk-set,jwt.jwk-set" })
	void aSettingThatIsWrongIsNamedAndItsValueIsNot(String setting, String named, CapturedOutput log) {
		String value = named.startsWith("jwt.i") || named.startsWith("jwt.j") ? "https://me:swordfish@login.example"
				: SECRET;
		assertThatThrownBy(() -> RunningService.start("--iothreads.security." + setting + "=" + value))
			.isInstanceOf(Exception.class);
		assertThat(log.getOut()).contains("APPLICATION FAILED TO START").contains("iothreads.security." + named);
		assertThat(log).doesNotContain(SECRET);
	}

	@Test
	void aSettingThatIsNoSecretIsShownAsBefore(CapturedOutput log) {
		assertThatThrownBy(() -> RunningService.start("--iothreads.max-age=often")).isInstanceOf(Exception.class);
		assertThat(log.getOut()).contains("APPLICATION FAILED TO START").contains("Value: \"often\"");
	}

	@Test
	void aTokenThatIsNoneIsNotShown(@TempDir Path directory, CapturedOutput log) throws IOException {
		Path file = Files.writeString(directory.resolve("token"), "swordfish\nswordfish");
		HttpServer issuer = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
		issuer.start();
		try (RunningService service = RunningService.start(
				"--iothreads.security.jwt.jwk-set=http://127.0.0.1:%d/keys".formatted(issuer.getAddress().getPort()),
				"--iothreads.security.jwt.audiences=iothreads", "--iothreads.security.jwt.token-file=" + file)) {
			String header = Base64.getUrlEncoder()
				.withoutPadding()
				.encodeToString("{\"alg\":\"RS256\"}".getBytes(StandardCharsets.UTF_8));
			String token = "Authorization: Bearer " + header + ".e30.c2lnbmF0dXJl";
			for (int i = 0; i < 5; i++) {
				// Not even when it is asked for too often it is the client's fault.
				assertThat(new Wire(service.port()).get(IOTHREADS, token).status()).isEqualTo(503);
			}
		}
		finally {
			issuer.stop(0);
		}
		assertThat(log).contains("Credentials cannot be checked", "is no token").doesNotContain(SECRET);
		assertThat(log.getAll().split("Credentials cannot be checked")).hasSize(2);
	}

}
