package dev.iothreads.web.problem;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import dev.iothreads.metrics.PuppetMachine;
import dev.iothreads.web.FailingMachine;
import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.logging.logback.StructuredLogEncoder;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.core.env.Environment;
import org.springframework.mock.env.MockEnvironment;
import org.springframework.mock.web.MockHttpServletRequest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * What is written of changes, and of those that were not made.
 */
@WebTest
class AuditTests {

	private static final String IOTHREADS = "/api/v1/machines/demo/iothreads";

	private static final String JSON = "Content-Type: application/json";

	// viewer:viewing and viewer:nonsense
	private static final String VIEWER = "Authorization: Basic dmlld2VyOnZpZXdpbmc=";

	private static final String WRONG = "Authorization: Basic dmlld2VyOm5vbnNlbnNl";

	private final Logger logger = (Logger) LoggerFactory.getLogger("dev.iothreads.audit");

	private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

	private final Wire wire;

	private final Inventory inventory;

	AuditTests(@LocalServerPort int port, @Autowired Inventory inventory) {
		this.wire = new Wire(port);
		this.inventory = inventory;
	}

	@BeforeEach
	void listen() {
		this.lines.start();
		this.logger.addAppender(this.lines);
	}

	@AfterEach
	void leaveItAsItWas() {
		this.logger.detachAppender(this.lines);
		this.inventory.remove("vm1");
		this.inventory.remove("demo");
		this.inventory.add("demo", EmbeddedMachine.demo());
	}

	@Test
	void aRequestWithoutAnIdGetsARandomOne() throws IOException {
		UUID id = UUID.fromString(this.wire.get("/api/v1/machines").header("X-Request-Id"));
		assertThat(id.version()).isEqualTo(4);
		assertThat(id.variant()).isEqualTo(2);
		assertThat(this.wire.get("/api/v1/machines").header("X-Request-Id")).isNotEqualTo(id.toString());
	}

	@Test
	void aChangeIsOneLineThatSaysWhoDidWhat() throws IOException {
		this.wire.send("POST", IOTHREADS, "{\"id\": \"pool0\", \"poll-max-ns\": 1}", JSON, "X-Request-Id: abc-123");
		Map<String, Object> facts = line();
		assertThat(facts).containsEntry("who", "anonymous")
			.containsEntry("from", "127.0.0.1")
			.containsEntry("machine", "demo")
			.containsEntry("what", "POST " + IOTHREADS)
			.containsEntry("asked", "id: \"pool0\", poll-max-ns: 1")
			.containsEntry("outcome", "done")
			.containsEntry("status", 201)
			.containsEntry("created", IOTHREADS + "/pool0")
			.containsKey("took-ms")
			.doesNotContainKey("problem");
		ILoggingEvent event = this.lines.list.get(0);
		assertThat(event.getMDCPropertyMap()).containsEntry("request-id", "abc-123");
		assertThat(event.getFormattedMessage())
			.startsWith("Change done: who=anonymous by=none from=127.0.0.1 machine=demo what=\"POST ")
			.endsWith(" request-id=abc-123");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			DELETE | /api/v1/machines/demo/iothreads/iothread0 |                        | 409 | iothread-in-use
			DELETE | /api/v1/machines/demo/iothreads/nope      |                        | 404 | iothread-not-found
			POST   | /api/v1/machines/demo/iothreads           | {"id": "0"}            | 422 | invalid-request
			POST   | /api/v1/machines/demo/iothreads           | {                      | 400 | invalid-request
			POST   | /api/v1/machines/demo/iothreads           | {"id": "iothread0"}    | 409 | iothread-exists
			PUT    | /api/v1/machines/demo/iothreads           |                        | 405 | method-not-allowed
			POST   | /nothing                                  |                        | 404 | not-found
			""")
	void aChangeThatIsRefusedIsALineToo(String method, String target, String body, int status, String problem)
			throws IOException {
		assertThat(this.wire.send(method, target, (body != null) ? body : "", JSON).status()).isEqualTo(status);
		assertThat(line()).containsEntry("outcome", "refused")
			.containsEntry("status", status)
			.containsEntry("problem", problem)
			.containsKey("answer");
	}

	@Test
	void whoIsRefusedAtTheDoorIsWrittenDownWithoutWhatTheySaidTheyWere() throws IOException {
		this.wire.send("DELETE", IOTHREADS + "/iothread0", "", WRONG);
		assertThat(line()).containsEntry("who", "anonymous")
			.containsEntry("status", 401)
			.containsEntry("problem", "unauthorized");
		this.wire.send("DELETE", IOTHREADS + "/iothread0", "", VIEWER);
		assertThat(line()).containsEntry("who", "viewer")
			.containsEntry("by", "password")
			.containsEntry("status", 403)
			.containsEntry("problem", "forbidden");
		this.wire.send("DELETE", IOTHREADS + "/iothread0", "", "Sec-Fetch-Site: cross-site");
		assertThat(line()).containsEntry("problem", "cross-site");
		this.wire.send("DELETE", IOTHREADS + "/iothread0", "", "Host: attacker.example");
		assertThat(line()).containsEntry("status", 421);
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			DELETE /api/v1/machines/a%00b HTTP/1.1 | 400
			POST /%zz HTTP/1.1                     | 400
			DELETE /api/v1/machines//demo HTTP/1.1 | 400
			PATCH /../x HTTP/1.1                   | 400
			""")
	void aChangeThatCannotBeReadIsALineToo(String head, int status) throws IOException {
		assertThat(this.wire.raw(head + "\r\nHost: localhost\r\nConnection: close\r\n\r\n").status()).isEqualTo(status);
		assertThat(line()).containsEntry("outcome", "refused")
			.containsEntry("status", status)
			.containsEntry("problem", "invalid-request")
			.containsKey("answer");
		assertThat(this.lines.list).hasSize(1);
	}

	@Test
	void theMachineIsNamedAsItIsCalled() throws IOException {
		this.wire.send("DELETE", "/api/v1/machines/%64emo/iothreads/nope");
		assertThat(line()).containsEntry("machine", "demo").containsEntry("by", "none");
	}

	@Test
	void aBodyThatIsTooLargeIsALineThatSaysSo() throws IOException {
		this.wire.send("POST", IOTHREADS, " ".repeat(64 * 1024 + 1), JSON);
		assertThat(line()).containsEntry("status", 413)
			.containsEntry("problem", "request-too-large")
			.containsKey("answer");
	}

	@Test
	void whatQemuSaysIsWrittenDown() throws IOException {
		this.inventory.add("vm1",
				new FailingMachine(new MachineRefusedException("GenericError", "QEMU of vm1 refused: no")));
		this.wire.send("DELETE", "/api/v1/machines/vm1/iothreads/a");
		assertThat(line()).containsEntry("outcome", "failed")
			.containsEntry("machine", "vm1")
			.containsEntry("qemu-class", "GenericError")
			.containsEntry("answer", "QEMU of vm1 refused: no");
	}

	@ParameterizedTest
	@ValueSource(strings = { "/devices/blk0", "/iothreads/io0/devices/blk0" })
	void aChangeThatEndsLaterIsALineThen(String device) throws IOException {
		LeavingMachine vm1 = leaving();
		String target = "/api/v1/machines/vm1" + device;
		assertThat(this.wire.send("DELETE", target, "", "Prefer: respond-async", "X-Request-Id: abc-123").status())
			.isEqualTo(202);
		assertThat(line()).containsEntry("outcome", "pending").containsEntry("status", 202);
		vm1.departure.complete(null);
		await().untilAsserted(() -> assertThat(this.lines.list).hasSize(2));
		assertThat(line()).containsEntry("outcome", "done")
			.containsEntry("who", "anonymous")
			.containsEntry("by", "none")
			.containsEntry("from", "127.0.0.1")
			.containsEntry("machine", "vm1")
			.containsEntry("what", "DELETE " + target)
			.containsKey("took-ms")
			.doesNotContainKeys("status", "problem", "answer");
		ILoggingEvent event = this.lines.list.get(1);
		assertThat(event.getMDCPropertyMap()).containsEntry("request-id", "abc-123");
		assertThat(event.getFormattedMessage()).startsWith("Change done: who=anonymous")
			.endsWith(" request-id=abc-123");
	}

	static Stream<Arguments> failures() {
		return Stream.of(
				Arguments.of(new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED, "Not yet."),
						"refused"),
				Arguments.of(new MachineUnavailableException(new MachineStatus(MachineState.DOWN, "It was stopped.")),
						"unknown"));
	}

	@ParameterizedTest
	@MethodSource("failures")
	void aChangeThatFailsLaterIsALineThen(MachineException failure, String outcome) throws IOException {
		LeavingMachine vm1 = leaving();
		this.wire.send("DELETE", "/api/v1/machines/vm1/devices/blk0", "", "Prefer: respond-async");
		line();
		vm1.departure.completeExceptionally(failure);
		await().untilAsserted(() -> assertThat(this.lines.list).hasSize(2));
		assertThat(line()).containsEntry("outcome", outcome).containsEntry("answer", failure.getMessage());
	}

	@Test
	void whoAsksForTheSameAgainAndAgainIsNotRememberedForEver() throws IOException {
		LeavingMachine vm1 = leaving();
		for (int i = 1; i <= Audit.MOST_FOLLOWED + 3; i++) {
			this.wire.send("DELETE", "/api/v1/machines/vm1/devices/blk0", "", "Prefer: respond-async");
			int asked = i;
			await().untilAsserted(() -> assertThat(this.lines.list).hasSize(asked));
		}
		await().until(() -> vm1.departure.getNumberOfDependents() == Audit.MOST_FOLLOWED);
	}

	private LeavingMachine leaving() {
		LeavingMachine machine = new LeavingMachine();
		this.inventory.add("vm1", machine);
		return machine;
	}

	@Test
	void noSecretAndNothingUnknownIsWrittenDown() throws IOException {
		this.wire.send("POST", IOTHREADS,
				"{\"id\": \"pool0\", \"password\": \"swordfish\", \"properties\": {\"token\": \"swordfish\"}}", JSON,
				WRONG.replace("dmlld2VyOm5vbnNlbnNl", "c3dvcmRmaXNoOnN3b3JkZmlzaA=="));
		this.wire.send("POST", IOTHREADS,
				"{\"id\": \"pool0\", \"password\": \"swordfish\", \"properties\": {\"token\": \"swordfish\"}}", JSON,
				"Cookie: swordfish", "X-Api-Key: swordfish");
		this.wire.send("DELETE", IOTHREADS + "/nope?token=swordfish", "", "Authorization: Bearer swordfish");
		await().untilAsserted(() -> assertThat(this.lines.list).hasSize(3));
		assertThat(this.lines.list)
			.noneMatch((event) -> (event.getFormattedMessage() + event.getKeyValuePairs()).contains("swordfish"));
	}

	@Test
	void noRequestCanMakeOneLineLookLikeTwo() throws IOException {
		this.wire.send("POST", IOTHREADS,
				"{\"id\": \"a\\u000aChange done: who=root\\u2028\\u202e\", \"bus\": \"" + "b".repeat(5000) + "\"}",
				JSON, "X-Request-Id: not sane");
		Map<String, Object> facts = line();
		String text = this.lines.list.get(0).getFormattedMessage();
		assertThat(text).doesNotContain("\n", "\u2028", "\u202e").hasSizeLessThan(3000);
		assertThat(facts.get("asked").toString()).hasSizeLessThan(600);
	}

	@Test
	void whatIsReadIsNotWrittenDown() throws IOException {
		this.wire.get(IOTHREADS);
		this.wire.get(IOTHREADS + "/nope");
		this.wire.send("HEAD", IOTHREADS);
		this.wire.send("DELETE", IOTHREADS + "/nope");
		assertThat(line()).containsEntry("what", "DELETE " + IOTHREADS + "/nope");
	}

	@Test
	void inAStructuredLogEachFactIsAMember(@Autowired Environment environment) throws IOException {
		this.wire.send("DELETE", IOTHREADS + "/iothread0", "", "X-Request-Id: abc-123");
		line();
		LoggerContext context = new LoggerContext();
		context.putObject(Environment.class.getName(), environment);
		StructuredLogEncoder encoder = new StructuredLogEncoder();
		encoder.setContext(context);
		encoder.setFormat("ecs");
		encoder.start();
		JsonNode json = JsonMapper.shared().readTree(encoder.encode(this.lines.list.get(0)));
		assertThat(json.path("@timestamp").asString()).isNotEmpty();
		assertThat(json.path("machine").asString()).isEqualTo("demo");
		assertThat(json.path("outcome").asString()).isEqualTo("refused");
		assertThat(json.path("request-id").asString()).isEqualTo("abc-123");
		assertThat(json.path("status").asInt()).isEqualTo(409);
	}

	@Test
	void inAStructuredLogEachFactIsWrittenOnce() {
		Audit audit = new Audit(new MockEnvironment().withProperty("logging.structured.format.console", "ecs"));
		MockHttpServletRequest request = new MockHttpServletRequest("DELETE", IOTHREADS + "/pool0");
		audit.write(new ChangeEvent(request, 204, null, null, null));
		assertThat(line()).containsEntry("what", "DELETE " + IOTHREADS + "/pool0").containsEntry("outcome", "done");
		assertThat(this.lines.list.get(0).getFormattedMessage()).isEqualTo("Change done");
	}

	@ParameterizedTest
	@ValueSource(strings = { IOTHREADS, IOTHREADS + "/nope", "/nothing", "/%zz", "/", "/actuator/health", "//" })
	void everyAnswerHasTheIdOfItsRequest(String target) throws IOException {
		Wire.Answer own = this.wire.get(target);
		assertThat(own.header("X-Request-Id")).matches("[0-9a-f-]{36}");
		Wire.Answer answer = this.wire.get(target, "X-Request-Id: abc-123");
		assertThat(answer.header("X-Request-Id")).isEqualTo("abc-123");
		if (answer.status() >= 400) {
			assertThat(answer.json().path("request-id").asString()).isEqualTo("abc-123");
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "", " ", "a b", "a,b", "\"a\"", "<a>", "-a", "a\u00e4",
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" })
	void anIdThatIsNotSaneIsReplaced(String id) throws IOException {
		assertThat(this.wire.get(IOTHREADS, "X-Request-Id: " + id).header("X-Request-Id")).matches("[0-9a-f-]{36}");
	}

	// The answer may be read before the line is written.
	private Map<String, Object> line() {
		await().untilAsserted(() -> assertThat(this.lines.list).isNotEmpty());
		Map<String, Object> facts = new LinkedHashMap<>();
		this.lines.list.get(this.lines.list.size() - 1)
			.getKeyValuePairs()
			.forEach((pair) -> facts.put(pair.key, pair.value));
		return facts;
	}

	/**
	 * A machine whose guest takes its time to let go of a disk.
	 */
	private static final class LeavingMachine extends StubMachine {

		private final CompletableFuture<Void> departure = new CompletableFuture<>();

		@Override
		public CompletableFuture<Snapshot> read() {
			return CompletableFuture.completedFuture(PuppetMachine.snapshot(List.of(PuppetMachine.iothread("io0", 1)),
					PuppetMachine.disk("blk0", "io0")));
		}

		@Override
		public CompletableFuture<Void> detach(String device, boolean force) {
			return this.departure;
		}

	}

}
