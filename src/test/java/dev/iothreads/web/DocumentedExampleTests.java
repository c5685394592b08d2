package dev.iothreads.web;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.ReadOnlyMachine;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.web.events.EventStream;
import dev.iothreads.web.problem.Problem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.boot.web.servlet.FilterRegistrationBean;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Every example of the OpenAPI document is what the service really says: the documented
 * request is sent, and the answer compared.
 */
@WebTest
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DocumentedExampleTests {

	private static final String DEMO = "demo";

	private static final String STREAM = "text/event-stream";

	/** What is measured over a minute. */
	private static final List<String> MEASURED = List.of("times", "cpu-percent", "operations", "balance",
			"observed-minutes", "reason", "advice");

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	private final int port;

	private final Wire wire;

	private final Inventory inventory;

	private final EventStream stream;

	private final AnswerLimit lists;

	private final JsonNode api;

	private final Contract contract;

	DocumentedExampleTests(@LocalServerPort int port, @Autowired Inventory inventory, @Autowired EventStream stream,
			@Autowired @Qualifier("limitedLists") FilterRegistrationBean<AnswerLimit> lists) throws IOException {
		this.lists = Objects.requireNonNull(lists.getFilter());
		this.port = port;
		this.wire = new Wire(port);
		this.inventory = inventory;
		this.stream = stream;
		this.api = this.wire.get("/v3/api-docs").json();
		this.contract = new Contract(this.api.toString());
	}

	@BeforeEach
	void freshDemo() {
		replaceDemo(EmbeddedMachine.demo());
	}

	@AfterEach
	void onlyDemo() {
		this.inventory.views()
			.stream()
			.map((machine) -> machine.name())
			.filter((name) -> !name.equals(DEMO))
			.forEach(this.inventory::remove);
		replaceDemo(EmbeddedMachine.demo());
	}

	@ParameterizedTest(name = "{0}")
	@MethodSource("answersThatEnd")
	void anExampleOfAnAnswerIsWhatIsAnswered(Documented documented) throws IOException {
		if (documented.status() == 202) {
			replaceDemo(new UnwillingMachine());
		}
		for (String target : documented.before()) {
			assertThat(this.wire.send("DELETE", target).status()).isEqualTo(204);
		}
		Wire.Answer answer = send(documented);
		assertThat(answer.status()).isEqualTo(documented.status());
		if (documented.mediaType().isEmpty()) {
			assertThat(answer.body()).isEmpty();
		}
		else {
			assertThat(answer.header("Content-Type")).isEqualTo(documented.mediaType());
			JsonNode example = documented.answer().path("content").path(documented.mediaType()).path("example");
			if (example.isString()) {
				// What is measured over a minute is no more than its first line here.
				boolean measured = List.of("getHistory", "getAdvice").contains(documented.operationId());
				assertThat(measured ? firstLine(answer.body()) : answer.body())
					.isEqualTo(measured ? firstLine(example.asString()) : example.asString());
			}
			else {
				assertThat(withoutTimeAndPlace(answer.json())).isEqualTo(withoutTimeAndPlace(example));
				assertThat(this.contract.violationsOfAnswer(documented.method(), documented.path(), answer.status(),
						documented.mediaType(), answer.body()))
					.isEmpty();
			}
		}
		documented.answer()
			.path("headers")
			.propertyNames()
			.stream()
			.filter((header) -> !header.equals("Iothreads-Unavailable") && !header.equals("Preference-Applied"))
			.forEach((header) -> assertThat(answer.header(header)).as(header).isNotEmpty());
	}

	@Test
	void theExampleOfTheStreamIsThatOfTheDocumentedRequests() throws IOException {
		String example = answers().filter((documented) -> documented.mediaType().equals(STREAM))
			.map((documented) -> documented.answer().path("content").path(STREAM).path("example").asString())
			.collect(Collectors.joining());
		try (Socket socket = openStream()) {
			BufferedReader lines = new BufferedReader(
					new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
			assertThat(lines.readLine()).contains(" 200");
			while (!lines.readLine().isEmpty()) {
				// the answer's head
			}
			List<String> notified = new ArrayList<>(List.of(lines.readLine(), lines.readLine()));
			for (String operation : List.of("addIOThread", "attachDevice")) {
				Documented request = answers().filter((documented) -> documented.operationId().equals(operation))
					.findFirst()
					.orElseThrow();
				assertThat(send(request).status()).isEqualTo(201);
			}
			while (notified.size() < example.lines().count()) {
				notified.add(lines.readLine());
			}
			assertThat(numbered(String.join("\n", notified) + "\n")).isEqualTo(numbered(example));
		}
		finally {
			awaitNoReaders();
		}
	}

	@ParameterizedTest(name = "{0}")
	@MethodSource("readings")
	void whatHasNotChangedIsNotSentAgain(Documented documented) throws IOException {
		// With the time of the reading in it, it changes from reading to reading.
		if (documented.answer().toString().contains("observed-at")) {
			replaceDemo(new ShownMachine(List.of(), List.of()));
		}
		Wire.Answer first = send(documented);
		Wire.Answer second = send(documented, "If-None-Match: " + first.header("ETag"));
		assertThat(second.status()).isEqualTo(304);
		assertThat(second.body()).isEmpty();
		assertThat(second.header("ETag")).isEqualTo(first.header("ETag"));
		documented.operation()
			.path("responses")
			.path("304")
			.path("headers")
			.propertyNames()
			.stream()
			.filter((header) -> !header.equals("Iothreads-Unavailable"))
			.forEach((header) -> assertThat(second.header(header)).as(header).isNotEmpty());
	}

	@ParameterizedTest(name = "{0}")
	@MethodSource("problems")
	void anExampleOfAProblemIsWhatIsAnswered(String name, JsonNode example) throws IOException {
		this.inventory.add("vm1", FailingMachine.unavailable(MachineState.BUSY, detail("machine-unavailable")));
		this.inventory.add("vm2", new FailingMachine(new MachineTimeoutException(detail("machine-timeout"))));
		this.inventory.add("vm3",
				new FailingMachine(new MachineRefusedException("CommandNotFound", detail("qemu-error"))));
		this.inventory.add("vm4", new FailingMachine(new IllegalStateException("something secret")));
		this.inventory.add("vm5", new ReadOnlyMachine(EmbeddedMachine.demo(), detail("read-only")));
		this.inventory.add("vm6",
				new ManagedMachine(ChangeRefusedException.Reason.MANAGED_BY_LIBVIRT, detail("managed-by-libvirt")));
		this.inventory.add("100",
				new ManagedMachine(ChangeRefusedException.Reason.MANAGED_BY_PROXMOX, detail("managed-by-proxmox")));
		this.inventory.add("vm7", new RefusingMachine(
				new ChangeRefusedException(ChangeRefusedException.Reason.TOO_MANY, detail("too-many-changes"))));
		this.inventory.add("vm8", new UnwillingMachine());
		this.inventory.add("vm9", new RefusingMachine(
				new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED, detail("unplug-refused"))));
		this.inventory.add("vm10",
				new RefusingMachine(ChangeRefusedException.migrating("inmigrate", detail("machine-migrating"))));
		this.inventory.add("vm12", new RefusingMachine(
				new ChangeRefusedException(ChangeRefusedException.Reason.NO_FREE_PORT, detail("no-free-port"))));
		this.inventory.add("vm11", new ShownMachine(EmbeddedMachine.demo().read().join()) {

			// It takes the device and does not have it afterwards.
			@Override
			public void attach(NewDevice device) {
			}

		});
		Request request = Request.thatGives(name).with("X-Request-Id: " + example.path("request-id").asString());
		Deque<Socket> readers = new ArrayDeque<>();
		while (name.equals("too-many-readers") && this.stream.readers() < EventStream.MOST_READERS) {
			readers.push(openStream());
			await().atMost(DEADLINE).until(() -> this.stream.readers() == readers.size());
		}
		CompletableFuture<Snapshot> reading = new CompletableFuture<>();
		List<Socket> waiting = new ArrayList<>();
		if (name.equals("too-busy")) {
			this.inventory.add("vm0", new BusyMachine(reading));
			while (this.lists.free() > 0) {
				Socket socket = new Socket("127.0.0.1", this.port);
				waiting.add(socket);
				int free = this.lists.free();
				socket.getOutputStream()
					.write("GET /api/v1/iothreads?machine=vm0 HTTP/1.1\r\nHost: localhost\r\n\r\n"
						.getBytes(StandardCharsets.US_ASCII));
				await().atMost(DEADLINE).until(() -> this.lists.free() < free);
			}
		}
		Wire.Answer answer = request.sendTo(this.wire, example.path("instance").asString());
		reading.completeExceptionally(new MachineTimeoutException("never"));
		for (Socket socket : waiting) {
			assertThat(socket.getInputStream().read()).isEqualTo('H');
			socket.close();
		}
		for (Socket reader : readers) {
			reader.close();
		}
		awaitNoReaders();
		assertThat(answer.json()).isEqualTo(example);
		assertThat(answer.status()).isEqualTo(example.path("status").asInt());
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
		assertThat(this.contract.violationsOfGeneralAnswer(500, answer.body())).isEmpty();
		assertThat(answer.headers().containsKey("www-authenticate")).isEqualTo(answer.status() == 401);
		if (answer.status() == 503 || answer.status() == 429) {
			assertThat(answer.header("Retry-After")).isEqualTo(name.equals("too-many-readers") ? "15" : "1");
		}
	}

	@Test
	void everyAnswerWithABodyHasAnExample() {
		assertThat(answers().filter((documented) -> !documented.mediaType().isEmpty()))
			.allSatisfy((documented) -> assertThat(
					documented.answer().path("content").path(documented.mediaType()).has("example"))
				.as("add src/main/resources/openapi/%s-%d.json or .txt", documented.operationId(), documented.status())
				.isTrue());
	}

	@Test
	void everyRequestWithABodyHasAnExample() {
		assertThat(operations().filter((documented) -> documented.operation().has("requestBody")))
			.allSatisfy((documented) -> assertThat(documented.body())
				.as("add src/main/resources/openapi/%s-request.json", documented.operationId())
				.isNotEmpty());
	}

	@Test
	void everyKindOfProblemIsListedUnlessItIsAboutTheAddress() {
		assertThat(Stream
			.concat(operations().flatMap((documented) -> documented.operation().path("responses").valueStream()),
					this.api.path("components").path("responses").valueStream())
			.flatMap((answer) -> Stream.of(answer.path("description").asString().split(", "))))
			.containsAll(kindsThatAnOperationCanHave());
		assertThat(this.api.path("components").path("examples").propertyNames())
			.containsAll(kindsThatAnOperationCanHave());
	}

	private static List<String> kindsThatAnOperationCanHave() {
		return Stream.of(Problem.values())
			.filter((problem) -> problem != Problem.NOT_FOUND && problem != Problem.METHOD_NOT_ALLOWED)
			.map(Problem::wireName)
			.toList();
	}

	@Test
	void everyExampleOfARequestFitsItsSchema() {
		assertThat(operations().filter((documented) -> documented.operation().has("requestBody")))
			.allSatisfy((documented) -> documented.operation()
				.path("requestBody")
				.path("content")
				.propertyNames()
				.forEach((mediaType) -> assertThat(this.contract.violationsOfRequest(documented.method(),
						documented.path(), mediaType, documented.body()))
					.isEmpty()));
	}

	@Test
	void everyProblemOfAnAnswerHasAnExample() {
		assertThat(Stream
			.concat(operations().flatMap((documented) -> documented.operation().path("responses").valueStream()),
					this.api.path("components").path("responses").valueStream())
			.filter((answer) -> answer.path("content").has("application/problem+json"))).allSatisfy((answer) -> {
				JsonNode examples = answer.path("content").path("application/problem+json").path("examples");
				assertThat(examples.propertyNames()).as("add to src/main/resources/openapi/components.json")
					.hasSameSizeAs(answer.path("description").asString().split(", "));
				assertThat(examples).allSatisfy(
						(example) -> assertThat(this.api.at(example.path("$ref").asString().substring(1)).isObject())
							.as("%s: add to src/main/resources/openapi/components.json", example)
							.isTrue());
			});
	}

	private Stream<Documented> operations() {
		List<Documented> operations = new ArrayList<>();
		this.api.path("paths")
			.properties()
			.forEach((path) -> path.getValue()
				.properties()
				.forEach((method) -> operations.add(new Documented(method.getKey().toUpperCase(Locale.ROOT),
						path.getKey(), method.getValue(), 0, ""))));
		return operations.stream();
	}

	Stream<Documented> answers() {
		return operations().flatMap(Documented::successes);
	}

	Stream<Documented> answersThatEnd() {
		return answers().filter((documented) -> !documented.mediaType().equals(STREAM));
	}

	Stream<Documented> readings() {
		return answers().filter((documented) -> documented.operation().path("responses").has("304"));
	}

	Stream<Arguments> problems() {
		return this.api.path("components")
			.path("examples")
			.properties()
			.stream()
			.map((example) -> Arguments.of(example.getKey(), example.getValue().path("value")));
	}

	private String detail(String problem) {
		return this.api.path("components").path("examples").path(problem).path("value").path("detail").asString();
	}

	private Wire.Answer send(Documented documented, String... headers) throws IOException {
		List<String> all = new ArrayList<>(List.of(headers));
		if (!documented.mediaType().isEmpty()) {
			all.add("Accept: " + documented.mediaType());
		}
		if (documented.status() == 202) {
			all.add("Prefer: respond-async");
		}
		String body = documented.body();
		if (!body.isEmpty()) {
			all.add("Content-Type: "
					+ documented.operation().path("requestBody").path("content").propertyNames().iterator().next());
		}
		return new Request(documented.method(), body, all.toArray(String[]::new)).sendTo(this.wire,
				documented.target());
	}

	// By HTTP/1.0 the body is what comes, up to the end.
	private Socket openStream() throws IOException {
		Socket socket = new Socket("127.0.0.1", this.port);
		socket.setSoTimeout((int) DEADLINE.toMillis());
		socket.getOutputStream().write("GET /api/v1/events HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
		return socket;
	}

	// A client that has left is noticed when there is something to send.
	private void awaitNoReaders() {
		await().atMost(DEADLINE).until(() -> {
			if (this.stream.readers() > 0) {
				replaceDemo(EmbeddedMachine.demo());
			}
			return this.stream.readers() == 0;
		});
	}

	// The first id is that of the moment: the others are as seen from it.
	private static String firstLine(String text) {
		return text.lines().findFirst().orElseThrow().replaceAll("[0-9]+", "0");
	}

	private static String numbered(String stream) {
		Matcher first = Pattern.compile("^id: (\\d+)$", Pattern.MULTILINE).matcher(stream);
		assertThat(first.find()).isTrue();
		long begin = Long.parseLong(first.group(1));
		return first.reset().replaceAll((id) -> "id: +" + (Long.parseLong(id.group(1)) - begin));
	}

	private void replaceDemo(Machine machine) {
		this.inventory.remove(DEMO);
		this.inventory.add(DEMO, machine);
	}

	private static JsonNode withoutTimeAndPlace(JsonNode answer) {
		JsonNode copy = answer.deepCopy();
		(copy.isArray() ? copy.valueStream() : Stream.of(copy)).forEach((element) -> {
			if (element instanceof ObjectNode object && object.has("observed-at")) {
				assertThat(object.path("observed-at").asString())
					.matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z");
				object.remove("observed-at");
			}
			// They take a minute to come: that those of the example fit the schema is
			// enough.
			Stream.of(element, element.path("iothreads").path(0), element.path("iothreads").path(1))
				.filter(ObjectNode.class::isInstance)
				.forEach((object) -> ((ObjectNode) object).remove(MEASURED));
			if (element instanceof ObjectNode object && object.has("host")) {
				assertThat(object.path("host").asString()).isNotBlank();
				object.remove(List.of("host", "version"));
			}
		});
		return copy;
	}

}
