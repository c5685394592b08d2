package dev.iothreads.security;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * The whole service, as clients with each role and without any see it.
 */
class FilterChainTests {

	private static final String IOTHREADS = "/api/v1/machines/demo/iothreads";

	private static final String VIEWER = basic("viewer:viewing");

	private static final String OPERATOR = basic("operator:operating");

	private static final String WRONG = basic("operator:viewing");

	private static final String[] USERS = {
			"--iothreads.security.users.viewer.password={bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
			"--iothreads.security.users.operator.password={bcrypt}$2y$04$zV/4wPY8b7/.VFoYTK55/.Lta08E7lrCdHTZWSmWiJGTvlmhDTNhe",
			"--iothreads.security.users.operator.role=operator" };

	private static String basic(String credentials) {
		return "Authorization: Basic "
				+ Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8));
	}

	private static RunningService start(String... args) {
		String[] all = Stream.concat(Stream.of(USERS), Stream.of(args)).toArray(String[]::new);
		return RunningService.start(all);
	}

	private static int change(Wire wire, String... headers) throws IOException {
		String[] all = new String[headers.length + 1];
		System.arraycopy(headers, 0, all, 0, headers.length);
		all[headers.length] = "Content-Type: application/json";
		int status = wire.send("POST", IOTHREADS, "{\"id\": \"added\"}", all).status();
		if (status == 201) {
			assertThat(wire.send("DELETE", IOTHREADS + "/added", "", headers).status()).isEqualTo(204);
		}
		else {
			assertThat(wire.get(IOTHREADS + "/added", OPERATOR).status()).isEqualTo(404);
		}
		return status;
	}

	/**
	 * As it is started to try it: on loopback.
	 */
	@Nested
	@TestInstance(TestInstance.Lifecycle.PER_CLASS)
	class OnLoopback {

		private RunningService service;

		private Wire wire;

		@BeforeAll
		void start() {
			this.service = FilterChainTests.start("--iothreads.security.allowed-origins=https://dashboard.example");
			this.wire = new Wire(this.service.port());
		}

		@AfterAll
		void stop() {
			this.service.close();
		}

		@Test
		void theDemoNeedsNoCredentials() throws IOException {
			assertThat(this.wire.get(IOTHREADS).status()).isEqualTo(200);
			assertThat(change(this.wire)).isEqualTo(201);
			assertThat(this.wire.get("/actuator/prometheus").status()).isEqualTo(200);
		}

		@Test
		void aClientWithCredentialsHasTheirRole() throws IOException {
			assertThat(change(this.wire, VIEWER)).isEqualTo(403);
			assertThat(change(this.wire, WRONG)).isEqualTo(401);
			assertThat(change(this.wire, OPERATOR)).isEqualTo(201);
			assertThat(this.wire.get(IOTHREADS, WRONG).status()).isEqualTo(401);
			assertThat(change(this.wire, "Authorization: Bearer a.b.c")).isEqualTo(401);
			assertThat(change(this.wire, "Authorization: Bearer")).isEqualTo(401);
			assertThat(change(this.wire, "Authorization: Basic !")).isEqualTo(401);
		}

		@Test
		void aNameThatIsNotTheServicesIsMisdirected() throws IOException {
			for (String target : List.of("/", IOTHREADS, "/v3/api-docs", "/actuator/prometheus", "/nothing")) {
				Wire.Answer answer = this.wire.get(target, "Host: attacker.example");
				assertThat(answer.status()).as(target).isEqualTo(421);
				assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:misdirected");
			}
			assertThat(change(this.wire, "Host: attacker.example")).isEqualTo(421);
			assertThat(this.wire.get("/actuator/health", "Host: attacker.example").status()).isEqualTo(200);
		}

		@ParameterizedTest
		@ValueSource(strings = { "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
				"Origin: https://attacker.example", "Origin: null" })
		void aPageOfAnotherSiteChangesNothing(String header) throws IOException {
			assertThat(change(this.wire, header)).isEqualTo(403);
			assertThat(change(this.wire, header, OPERATOR)).isEqualTo(403);
		}

		@Test
		void theServicesOwnPageMay() throws IOException {
			assertThat(change(this.wire, "Sec-Fetch-Site: same-origin", "Origin: http://localhost")).isEqualTo(201);
		}

		@ParameterizedTest
		@ValueSource(strings = { "text/plain", "application/x-www-form-urlencoded", "multipart/form-data;boundary=a" })
		void whatAFormCanSendIsNotRead(String type) throws IOException {
			assertThat(this.wire.send("POST", IOTHREADS, "{\"id\": \"added\"}", "Content-Type: " + type).status())
				.isEqualTo(415);
		}

		@Test
		void onlyTheListedOriginGetsCrossOriginAnswers() throws IOException {
			Wire.Answer stranger = this.wire.get(IOTHREADS, "Origin: https://attacker.example");
			assertThat(stranger.status()).isEqualTo(403);
			assertThat(stranger.json().path("type").asString()).isEqualTo("urn:iothreads:problem:forbidden");
			Wire.Answer listed = this.wire.get(IOTHREADS, "Origin: https://dashboard.example");
			assertThat(listed.header("Access-Control-Allow-Origin")).isEqualTo("https://dashboard.example");
			assertThat(listed.header("Access-Control-Allow-Credentials")).isEmpty();
			Wire.Answer preflight = this.wire.send("OPTIONS", IOTHREADS, "", "Origin: https://dashboard.example",
					"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type");
			assertThat(preflight.status()).isEqualTo(200);
			assertThat(preflight.header("Access-Control-Allow-Methods")).contains("POST");
			Wire.Answer refused = this.wire.send("OPTIONS", IOTHREADS, "", "Origin: https://attacker.example",
					"Access-Control-Request-Method: POST");
			assertThat(refused.header("Access-Control-Allow-Origin")).isEmpty();
			assertThat(change(this.wire, "Origin: https://dashboard.example", "Sec-Fetch-Site: cross-site"))
				.isEqualTo(201);
		}

		@Test
		void aBrowserMayGuessNoMediaTypeAndFrameNoPage() throws IOException {
			for (String target : List.of(IOTHREADS, "/", "/swagger-ui/index.html", "/nothing", "/api/v1/machines/nope",
					"/%zz", "//", "/a;b", "/api/v1/machines/a%00b", "/actuator/health", "/v3/api-docs")) {
				Wire.Answer answer = this.wire.get(target);
				assertThat(answer.header("X-Content-Type-Options")).as(target).isEqualTo("nosniff");
				assertThat(answer.header("X-Frame-Options")).as(target).isEqualTo("DENY");
			}
		}

		@Test
		void nothingIsKeptInACookieOrASession() throws IOException {
			assertThat(this.wire.get(IOTHREADS, OPERATOR).headers()).doesNotContainKey("set-cookie");
			assertThat(this.wire.get("/", WRONG).headers()).doesNotContainKey("set-cookie");
		}

		@ParameterizedTest
		@ValueSource(
				strings = { "/logout", "/login", "/oauth2/authorization/x", "/.well-known/oauth-protected-resource" })
		void springSecurityAddsNoPathOfItsOwn(String target) throws IOException {
			assertThat(this.wire.get(target).status()).isEqualTo(404);
		}

	}

	/**
	 * As it is where other hosts can reach it, and nothing is allowed without
	 * credentials.
	 */
	@Nested
	@TestInstance(TestInstance.Lifecycle.PER_CLASS)
	class OnAllAddresses {

		private RunningService service;

		private Wire wire;

		@BeforeAll
		void start() {
			this.service = FilterChainTests.start("--server.address=0.0.0.0", "--iothreads.security.anonymous=none",
					"--iothreads.security.metrics=viewer");
			this.wire = new Wire(this.service.port());
		}

		@AfterAll
		void stop() {
			this.service.close();
		}

		@ParameterizedTest
		@CsvSource(delimiter = '|', textBlock = """
				GET     | /api/v1/machines                           | 401 | 200 | 200
				HEAD    | /api/v1/machines                           | 401 | 200 | 200
				OPTIONS | /api/v1/machines                           | 401 | 200 | 200
				GET     | /api/v1/iothreads                          | 401 | 200 | 200
				GET     | /api/v1/machines/demo/devices/blk0         | 401 | 200 | 200
				GET     | /api/v1/nothing                            | 401 | 404 | 404
				GET     | /api                                       | 401 | 404 | 404
				POST    | /api/v1/machines/demo/iothreads            | 401 | 403 | 415
				PATCH   | /api/v1/machines/demo/iothreads/iothread0  | 401 | 403 | 415
				DELETE  | /api/v1/machines/demo/iothreads/iothread0  | 401 | 403 | 409
				DELETE  | /api/v1/machines/demo/devices/nope         | 401 | 403 | 404
				PUT     | /api/v1/machines                           | 401 | 403 | 405
				BREW    | /api/v1/machines                           | 401 | 403 | 405
				POST    | /nothing                                   | 401 | 403 | 404
				POST    | /actuator/health                           | 401 | 403 | 405
				GET     | /actuator/health                           | 200 | 200 | 200
				HEAD    | /actuator/health                           | 200 | 200 | 200
				GET     | /actuator/health/liveness                  | 200 | 200 | 200
				GET     | /actuator/health/readiness                 | 200 | 200 | 200
				GET     | /actuator/prometheus                       | 401 | 200 | 200
				HEAD    | /actuator/prometheus                       | 401 | 200 | 200
				GET     | /actuator                                  | 401 | 200 | 200
				GET     | /actuator/env                              | 401 | 404 | 404
				GET     | /actuator/heapdump                         | 401 | 404 | 404
				GET     | /v3/api-docs                               | 200 | 200 | 200
				GET     | /swagger-ui/index.html                     | 200 | 200 | 200
				GET     | /nothing                                   | 404 | 404 | 404
				""")
		void eachMayDoWhatTheRoleAllows(String method, String target, int anonymous, int viewer, int operator)
				throws IOException {
			assertThat(this.wire.send(method, target).status()).isEqualTo(anonymous);
			assertThat(this.wire.send(method, target, "", VIEWER).status()).isEqualTo(viewer);
			assertThat(this.wire.send(method, target, "", OPERATOR).status()).isEqualTo(operator);
			if (!target.startsWith("/actuator/health") && !target.startsWith("/v3") && !target.startsWith("/swagger")
					&& !(target.equals("/nothing") && method.equals("GET"))) {
				assertThat(this.wire.send(method, target, "", WRONG).status()).isEqualTo(401);
			}
		}

		@Test
		void everythingThatIsDescribedNeedsTheRole() throws IOException {
			Set<String> changing = Set.of("post", "patch", "delete");
			List<String> operations = new ArrayList<>();
			for (Map.Entry<String, JsonNode> path : this.wire.get("/v3/api-docs").json().path("paths").properties()) {
				String target = path.getKey()
					.replace("{machine}", "demo")
					.replace("{id}", "iothread0")
					.replace("{device}", "blk0");
				assertThat(target).startsWith("/api/").doesNotContain("{");
				for (String method : path.getValue().propertyNames()) {
					operations.add(method + " " + target);
					String name = method.toUpperCase(Locale.ROOT);
					assertThat(this.wire.send(name, target).status()).as("anonymous: %s %s", name, target)
						.isEqualTo(401);
					if (changing.contains(method)) {
						assertThat(this.wire.send(name, target, "", VIEWER).status()).as("viewer: %s %s", name, target)
							.isEqualTo(403);
					}
				}
				for (String name : List.of("HEAD", "OPTIONS")) {
					assertThat(this.wire.send(name, target).status()).as("anonymous: %s %s", name, target)
						.isEqualTo(401);
				}
			}
			assertThat(operations).hasSizeGreaterThan(15);
		}

		@Test
		void theAnswerSaysHowToSignIn() throws IOException {
			Wire.Answer answer = this.wire.get(IOTHREADS);
			assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
			assertThat(answer.header("WWW-Authenticate"))
				.isEqualTo("Basic realm=\"iothread-inventory\", charset=\"UTF-8\"");
			assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:unauthorized");
			assertThat(answer.json().path("detail").asString()).isEqualTo(
					"Sign in to do this: it needs the role viewer. Send a name and a password in Authorization.");
			assertThat(answer.json().path("instance").asString()).isEqualTo(IOTHREADS);
		}

		@Test
		void aScriptIsAnsweredWithoutAChallengeThatOpensAWindow() throws IOException {
			assertThat(this.wire.get(IOTHREADS, "Sec-Fetch-Dest: empty").header("WWW-Authenticate"))
				.isEqualTo("Bearer realm=\"iothread-inventory\"");
		}

		@Test
		void whatTheDocumentationSaysOfSigningInIsTrue() throws IOException {
			var api = this.wire.get("/v3/api-docs").json();
			assertThat(api.path("components").path("securitySchemes").path("basic").path("scheme").asString())
				.isEqualTo("basic");
			assertThat(api.path("components").path("securitySchemes").path("bearer").path("scheme").asString())
				.isEqualTo("bearer");
			assertThat(api.path("security").size()).isEqualTo(3);
		}

		@Test
		void anyNameLeadsHereUnlessSomeAreListed() throws IOException {
			assertThat(this.wire.get(IOTHREADS, VIEWER, "Host: vms.example:8080").status()).isEqualTo(200);
		}

		@Test
		void aPathIsGuardedHoweverItIsWritten() throws IOException {
			for (String target : List.of("/API/v1/machines", "/%61pi/v1/machines", "/api/v1/machines/",
					"/./api/v1/machines", "//api/v1/machines", "/x/../api/v1/machines", "/api;x=1/v1/machines",
					"/api/v1/machines;x", "/api%2Fv1/machines", "/api/v1%2fmachines", "/api\\v1\\machines",
					"/api/v1/machines%00", "/api/v1/machines.json", "/api/v1/machines%20", "/api/v1/%6dachines")) {
				Wire.Answer answer = this.wire.get(target);
				assertThat(answer.status()).as(target).isIn(400, 401, 404);
				assertThat(answer.body()).doesNotContain("demo");
			}
		}

	}

	@Test
	void theMetricsAreOpenWhereNothingElseIsUnlessTheyNeedARole() throws IOException {
		try (RunningService service = FilterChainTests.start("--server.address=0.0.0.0",
				"--iothreads.security.anonymous=none")) {
			Wire wire = new Wire(service.port());
			for (String method : List.of("GET", "HEAD")) {
				assertThat(wire.send(method, "/actuator/prometheus").status()).isEqualTo(200);
				assertThat(wire.send(method, "/actuator/health").status()).isEqualTo(200);
				assertThat(wire.send(method, "/api/v1/machines").status()).isEqualTo(401);
				assertThat(wire.send(method, "/actuator").status()).isEqualTo(401);
				assertThat(wire.send(method, "/actuator/prometheus/x").status()).isEqualTo(401);
			}
			assertThat(wire.send("POST", "/actuator/prometheus").status()).isEqualTo(401);
		}
	}

	@Test
	void withAMachineOfItsOwnTheServiceOnLoopbackOnlyShowsItAndSaysHowToBeAnOperator() throws IOException {
		String change = "/api/v1/machines/vm1/iothreads/nope";
		try (RunningService service = RunningService.start("--iothreads.machines.vm1.monitor=unix:/nowhere/vm1")) {
			Wire wire = new Wire(service.port());
			assertThat(wire.get("/api/v1/machines").status()).isEqualTo(200);
			Wire.Answer answer = wire.send("DELETE", change);
			assertThat(answer.status()).isEqualTo(401);
			assertThat(answer.json().path("detail").asString()).isEqualTo(
					"Sign in to do this: it needs the role operator. There is no way to sign in yet: set iothreads.security.users, users-file or jwt, or iothreads.security.anonymous=operator, by which every process on this host may change machines.");
		}
		try (RunningService service = RunningService.start("--iothreads.machines.vm1.monitor=unix:/nowhere/vm1",
				"--iothreads.security.anonymous=operator")) {
			Wire wire = new Wire(service.port());
			// The machine cannot be reached, which is not the client's fault.
			assertThat(wire.send("DELETE", change).status()).isEqualTo(503);
			assertThat(wire.send("DELETE", change, "", "Sec-Fetch-Site: cross-site").status()).isEqualTo(403);
			assertThat(wire.send("DELETE", change, "", "Host: attacker.example").status()).isEqualTo(421);
		}
	}

	@Test
	@ExtendWith(OutputCaptureExtension.class)
	void theServiceDoesNotStartWithWhatIsUnsafeAndSaysWhatToDo(CapturedOutput output) {
		assertThatThrownBy(() -> RunningService.start("--server.address=0.0.0.0",
				"--iothreads.security.anonymous=operator", "--iothreads.security.users.alice.password=swordfish"))
			.hasRootCauseInstanceOf(UnsafeSettingException.class);
		assertThat(output.getOut().lines()).contains("APPLICATION FAILED TO START");
		assertThat(output)
			.contains("iothreads.security.anonymous is operator, and server.address is no loopback address")
			.contains("iothreads.security.users.alice.password is not encoded")
			.doesNotContain("swordfish");
	}

	@Test
	void theKeysMayComeLaterThanTheService() throws IOException {
		try (RunningService service = FilterChainTests.start("--iothreads.security.jwt.issuer=http://127.0.0.1:1",
				"--iothreads.security.jwt.audiences=iothreads", "--server.address=0.0.0.0")) {
			Wire wire = new Wire(service.port());
			String header = Base64.getUrlEncoder()
				.withoutPadding()
				.encodeToString("{\"alg\":\"RS256\"}".getBytes(StandardCharsets.UTF_8));
			Wire.Answer answer = wire.get(IOTHREADS, "Authorization: Bearer " + header + ".e30.c2lnbmF0dXJl");
			assertThat(answer.status()).isEqualTo(503);
			assertThat(answer.header("Retry-After")).isNotEmpty();
			// With the address set to all, and no more.
			assertThat(wire.get(IOTHREADS).status()).isEqualTo(200);
			assertThat(change(wire)).isEqualTo(401);
			assertThat(change(wire, OPERATOR)).isEqualTo(201);
			assertThat(wire.get("/actuator/prometheus").status()).isEqualTo(200);
			assertThat(wire.get(IOTHREADS, "Authorization: Bearer x").header("WWW-Authenticate"))
				.contains("Bearer realm", "invalid_token", "Basic realm");
		}
	}

}
