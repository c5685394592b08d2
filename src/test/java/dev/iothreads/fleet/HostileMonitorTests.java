package dev.iothreads.fleet;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.fleet.RunningService.Answer;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.ScriptedMonitor.Client;
import dev.iothreads.qmp.ScriptedMonitor.Script;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Monitors that do what no QEMU does, next to one that is as it should be.
 */
class HostileMonitorTests {

	private static final int COMMAND_SECONDS = 6;

	private static final String THREAD = "{\"id\": \"pool0\", \"thread-id\": %d, \"poll-max-ns\": 32768}";

	private static final List<ScriptedMonitor> monitors = new ArrayList<>();

	private static final List<Path> sockets = new ArrayList<>();

	private static Path directory;

	// From now on the sick one is as it should be, whenever it is connected to.
	private static final AtomicBoolean recovered = new AtomicBoolean();

	private static ScriptedMonitor neighbour;

	private static RunningService service;

	private static Leftovers before;

	private static Prober.Usual usual;

	private static Prober prober;

	@BeforeAll
	static void startService() throws IOException {
		directory = Files.createTempDirectory("hostile");
		neighbour = ScriptedMonitor.onUnixSocket(directory.resolve("neighbour.sock"), answering());
		service = RunningService.start("--iothreads.discovery.directory=" + directory,
				"--iothreads.discovery.interval=100ms", "--iothreads.refresh-interval=500ms", "--iothreads.max-age=0s",
				"--iothreads.timeouts.connect=500ms", "--iothreads.timeouts.command=" + COMMAND_SECONDS + "s");
		await().atMost(RunningService.DEADLINE).until(() -> service.state("neighbour").equals("up"));
		usual = Prober.measure(service, "/api/v1/machines/neighbour/iothreads");
		before = Leftovers.now();
	}

	@AfterAll
	static void stopService() throws IOException {
		service.close();
		neighbour.close();
		Files.delete(directory);
	}

	@BeforeEach
	void probe() {
		prober = Prober.start(service, "/api/v1/machines/neighbour/iothreads", usual,
				Duration.ofSeconds(COMMAND_SECONDS));
	}

	@AfterEach
	void nothingIsLeftBehind() throws IOException {
		recovered.set(false);
		// While the monitors are there: it is the service that has to hang up.
		for (Path socket : sockets) {
			Files.delete(socket);
		}
		sockets.clear();
		awaitOnlyTheNeighbour();
		await().atMost(RunningService.DEADLINE).untilAsserted(() -> before.assertNoThreadHasStayed());
		monitors.forEach(ScriptedMonitor::close);
		monitors.clear();
		awaitOnlyTheNeighbour();
		await().atMost(RunningService.DEADLINE).untilAsserted(() -> before.assertIsAllThereIs());
		assertThat(service.get("/actuator/health").json().path("status").asString()).isEqualTo("UP");
		prober.close();
		assertNeighbourAnswersAtOnce();
	}

	private static void awaitOnlyTheNeighbour() {
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(() -> assertThat(service.get("/api/v1/machines").json())
				.extracting((machine) -> machine.path("name").asString())
				.containsExactly("neighbour"));
	}

	@Test
	void oneThatDoesNotGreetIsBusy() {
		monitor(Script.silent());
		awaitReason("busy", "does not greet");
	}

	@Test
	void oneThatBeginsAGreetingAndDoesNotEndItIsBusy() {
		monitor((client) -> {
			client.sendRaw("{\"QMP\": {\"version\"".getBytes(StandardCharsets.UTF_8));
			client.awaitEnd();
		});
		awaitReason("busy", "does not greet");
	}

	@Test
	void garbageInsteadOfAGreetingIsNamed() {
		monitor((client) -> {
			client.send("QEMU 7.2.22 monitor - type 'help' for more information");
			client.awaitEnd();
		});
		awaitReason("down", "name the socket of QEMU's -qmp option, not that of -monitor");
	}

	@Test
	void garbageInsteadOfAReplyEndsTheConnection() {
		monitor(afterTheFirstReading((client, request) -> client.send("\u0000\u0001 garbage")));
		awaitReason("down", "garbage");
		awaitRecovery();
	}

	@Test
	void halfALineForEverIsTimedOut() {
		monitor(afterTheFirstReading(
				(client, request) -> client.sendRaw("{\"return\": [".getBytes(StandardCharsets.UTF_8))));
		awaitReason("down", "did not answer within " + COMMAND_SECONDS + " s");
		assertUnavailable();
	}

	@Test
	void aMessageOf70MiBEndsTheConnection() {
		byte[] piece = new byte[1 << 20];
		Arrays.fill(piece, (byte) ' ');
		monitor(afterTheFirstReading((client, request) -> {
			client.sendRaw("{\"return\":".getBytes(StandardCharsets.UTF_8));
			for (int i = 0; i < 70; i++) {
				client.sendRaw(piece);
			}
			client.awaitEnd();
		}));
		awaitReason("down", "longer than 67108864 bytes");
		awaitRecovery();
	}

	@Test
	void aLargeMessageThatIsNotEndedDoesNotKeepTheOthersFromTheirs() {
		monitor("large", (client) -> {
			client.negotiate();
			answerFirstReading(client);
			while (true) {
				JsonNode request = client.read();
				client.reply(request, request.path("execute").asString().equals("query-iothreads")
						? "{\"x\": \"" + "x".repeat(1 << 20) + "\", " + answer(request).substring(1) : answer(request));
			}
		});
		await().atMost(RunningService.DEADLINE).until(() -> service.state("large").equals("up"));
		monitor(afterTheFirstReading((client, request) -> {
			client.sendRaw(("{\"return\": \"" + "x".repeat(1 << 20)).getBytes(StandardCharsets.UTF_8));
			client.awaitEnd();
		}));
		awaitReason("down", "began a message above 256 KiB and did not end it");
		await().atMost(RunningService.DEADLINE)
			.until(() -> service.get("/api/v1/machines/large/iothreads").status() == 200);
		awaitRecovery();
	}

	@Test
	void aReplyOfMillionsOfValuesTakesNoMemoryFromOthers() {
		byte[] piece = "{},".repeat(1 << 18).getBytes(StandardCharsets.UTF_8);
		monitor(afterTheFirstReading((client, request) -> {
			client.sendRaw("{\"return\": [".getBytes(StandardCharsets.UTF_8));
			for (int i = 0; i < 80; i++) {
				client.sendRaw(piece);
			}
			client.send("{}], \"id\": " + request.get("id") + "}");
		}));
		awaitReason("down", "There is not enough memory for what it sends");
		awaitRecovery();
	}

	@Test
	void nestingOf10000LevelsEndsTheConnection() {
		monitor(afterTheFirstReading((client, request) -> client
			.send("{\"return\": " + "[".repeat(10_000) + "]".repeat(10_000) + ", \"id\": " + request.get("id") + "}")));
		awaitReason("down", "nested deeper than 1000 levels");
		awaitRecovery();
	}

	@Test
	void repliesWithWrongIdsAreNoReplies() {
		monitor(afterTheFirstReading((client, request) -> {
			client.send("{\"return\": {}, \"id\": 987654321}");
			client.send("{\"return\": {}, \"id\": \"text\"}");
			client.send("{\"return\": {}}");
		}));
		awaitReason("down", "did not answer within " + COMMAND_SECONDS + " s");
		assertUnavailable();
	}

	@Test
	void repliesOfAnotherShapeAreNoMachine() {
		AtomicBoolean well = new AtomicBoolean();
		monitor(Script.answering((request) -> well.get() ? answer(request) : "{\"return\": \"surprise\"}"));
		awaitReason("down", "did not answer with a list of them. Is that a QEMU?");
		assertUnavailable();
		well.set(true);
		await().atMost(RunningService.DEADLINE).until(() -> service.state("sick").equals("up"));
	}

	@Test
	void oneThatHangsUpInTheMiddleOfAReplyIsDown() {
		AtomicInteger clients = new AtomicInteger();
		monitor((client) -> {
			if (clients.incrementAndGet() > 1) {
				client.awaitEnd();
				return;
			}
			client.negotiate();
			answerFirstReading(client);
			client.read();
			client.sendRaw("{\"return\": [{\"id\"".getBytes(StandardCharsets.UTF_8));
		});
		awaitReason("down", "in the middle of a message");
	}

	@Test
	void aFloodOfEventsFromEachOfManySlowsNoOther() {
		int floods = 2 * Runtime.getRuntime().availableProcessors();
		for (int i = 0; i < floods; i++) {
			monitor("flood" + i, (client) -> {
				client.negotiate();
				byte[] events = ("{\"timestamp\": {\"seconds\": 1, \"microseconds\": 6}, \"event\": \"UNKNOWN_%d\", \"data\": {}}\r\n"
					.formatted(client.hashCode())).repeat(1000).getBytes(StandardCharsets.UTF_8);
				while (true) {
					client.sendRaw(events);
				}
			});
		}
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(() -> assertThat(service.get("/api/v1/machines").json()).hasSize(floods + 1));
		assertNeighbourAnswersAtOnce();
		assertThat(service.get("/actuator/health").json().path("status").asString()).isEqualTo("UP");
	}

	@Test
	void aFloodOfDeletionsMakesNoFloodOfCommands() {
		AtomicInteger readings = new AtomicInteger();
		AtomicInteger events = new AtomicInteger();
		ScriptedMonitor flood = monitor((client) -> {
			client.negotiate();
			Thread deletions = new Thread(() -> {
				try {
					while (true) {
						client.event("DEVICE_DELETED",
								"{\"path\": \"/machine/peripheral/blk0\", \"device\": \"blk0\"}");
						events.incrementAndGet();
					}
				}
				catch (IOException ex) {
					// The client has left.
				}
			});
			answerFirstReading(client);
			deletions.start();
			try {
				while (true) {
					JsonNode request = client.read();
					if (request.path("execute").asString().equals("query-iothreads")) {
						readings.incrementAndGet();
					}
					client.reply(request, answer(request));
				}
			}
			finally {
				deletions.join();
			}
		});
		await().atMost(RunningService.DEADLINE).until(() -> events.get() > 2000 && readings.get() > 2);
		assertNeighbourAnswersAtOnce();
		assertThat(readings.get()).isLessThan(events.get() / 4);
		assertThat(flood.requests()).isNotEmpty();
	}

	@Test
	void oneThatComesAndGoesIsConnectedToLessAndLessOften() {
		List<Long> connections = new CopyOnWriteArrayList<>();
		monitor((client) -> {
			connections.add(System.nanoTime());
			client.negotiate();
			answerFirstReading(client);
		});
		await().atMost(RunningService.DEADLINE).until(() -> connections.size() >= 6);
		// Half of 100, 200, 400, 800 and 1600 ms at least.
		assertThat((connections.get(5) - connections.get(0)) / 1e9).isGreaterThan(1.5);
		assertNeighbourAnswersAtOnce();
	}

	private static ScriptedMonitor monitor(Script script) {
		return monitor("sick", script);
	}

	private static ScriptedMonitor monitor(String name, Script script) {
		Path socket = directory.resolve(name + ".sock");
		ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(socket, script);
		sockets.add(socket);
		monitors.add(monitor);
		return monitor;
	}

	private static void awaitReason(String state, String reason) {
		await().atMost(RunningService.DEADLINE).untilAsserted(() -> {
			JsonNode machine = service.machine("sick");
			assertThat(machine.path("reason").asString("")).contains(reason);
			assertThat(machine.path("state").asString()).isEqualTo(state);
		});
		assertNeighbourAnswersAtOnce();
	}

	private static void awaitRecovery() {
		recovered.set(true);
		await().atMost(RunningService.DEADLINE).until(() -> service.state("sick").equals("up"));
	}

	private static void assertUnavailable() {
		Answer answer = service.get("/api/v1/machines/sick/iothreads");
		assertThat(answer.status()).isEqualTo(503);
		assertThat(service.get("/api/v1/iothreads").header("iothreads-unavailable")).isEqualTo("sick");
	}

	private static void assertNeighbourAnswersAtOnce() {
		prober.assertNoRequestWaited();
	}

	private static Script answering() {
		return Script.answering(HostileMonitorTests::answer);
	}

	static String answer(JsonNode request) {
		return switch (request.path("execute").asString()) {
			case "query-iothreads" -> "{\"return\": [" + THREAD.formatted(4711) + "]}";
			case "qom-list-get" ->
				"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command qom-list-get has not been found\"}}";
			case "qom-get" -> "{\"return\": 0}";
			default -> "{\"return\": []}";
		};
	}

	private static void answerFirstReading(Client client) throws IOException {
		// The first asks what there is and the second for the values of that; the third
		// would be the next reading's.
		for (int iothreads = 0; iothreads < 2;) {
			JsonNode request = client.read();
			client.reply(request, answer(request));
			if (request.path("execute").asString().equals("query-iothreads")) {
				iothreads++;
			}
		}
	}

	private static Script afterTheFirstReading(Answering sick) {
		return (client) -> {
			if (recovered.get()) {
				answering().play(client);
			}
			client.negotiate();
			answerFirstReading(client);
			while (true) {
				sick.answer(client, client.read());
			}
		};
	}

	@FunctionalInterface
	private interface Answering {

		void answer(Client client, JsonNode request) throws IOException;

	}

}
