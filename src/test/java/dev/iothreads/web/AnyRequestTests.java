package dev.iothreads.web;

import java.io.IOException;
import java.math.BigInteger;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.fleet.RunningService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.Qcow2;
import dev.iothreads.web.problem.Problem;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tuple;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.AfterTry;
import net.jqwik.api.lifecycle.BeforeContainer;
import net.jqwik.api.lifecycle.BeforeTry;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

import org.springframework.util.FileSystemUtils;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Requests of all kinds, made from the OpenAPI document: those that are as it says, and
 * those that are not. A failure names the seed that it comes back with
 * ({@code @Property(seed = "…")}).
 */
class AnyRequestTests {

	private static final int VALID = 1500;

	private static final int SPOILT = 7000;

	private static final int ODD = 5000;

	private static final int TRIES = VALID + SPOILT + ODD;

	private static final JsonMapper JSON = JsonMapper.shared();

	private static final Set<String> PROBLEMS = Arrays.stream(Problem.values())
		.map((problem) -> problem.type().toString())
		.collect(Collectors.toSet());

	/** What any operation may answer without listing it. */
	private static final Set<Integer> GENERAL = Set.of(400, 401, 403, 406, 408, 413, 415, 417, 421, 429, 500, 501, 503,
			505);

	private static Path images;

	private static RunningService service;

	private static Wire wire;

	private static JsonNode api;

	private static Contract contract;

	private static EmbeddedMachine machine;

	private static int asked;

	private static int refused;

	@BeforeContainer
	static void start() throws IOException {
		images = Files.createTempDirectory("any-request").toRealPath();
		Files.write(images.resolve("a.raw"), new byte[512]);
		Qcow2.create(images.resolve("a.qcow2"), 512, null);
		service = RunningService.start("--logging.level.dev.iothreads.audit=warn",
				"--iothreads.attach.images=" + images);
		wire = new Wire(service.port());
		api = wire.get("/v3/api-docs").json();
		contract = new Contract(api.toString());
	}

	@AfterContainer
	static void stop() throws IOException {
		service.close();
		FileSystemUtils.deleteRecursively(images);
		System.out.println(refused + " requests were refused");
		// A single property may be run alone, and counts for itself then.
		if (asked == TRIES) {
			assertThat(refused).isGreaterThanOrEqualTo(10_000);
		}
	}

	@BeforeTry
	void freshMachine() {
		machine = EmbeddedMachine.demo();
		service.part(Inventory.class).add("demo1", machine);
	}

	@AfterTry
	void forgetMachine() {
		service.part(Inventory.class).remove("demo1");
	}

	@Property(tries = VALID, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
	void aRequestAsTheDocumentWantsItIsAnsweredAsTheDocumentSays(@ForAll("valid") Call call) throws IOException {
		Wire.Answer answer = send(call);
		assertThat(answer.status()).as("%s %s", call, answer).isLessThan(500);
		isListed(call, answer);
	}

	@Property(tries = SPOILT, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
	void aBodyThatIsNotAsTheDocumentWantsItChangesNothing(@ForAll("spoilt") Call call) throws IOException {
		List<Object> before = state();
		Wire.Answer answer = send(call);
		assertThat(answer.status()).as("%s %s", call, answer).isLessThan(500);
		isDocumented(call, answer);
		if (isAgainstTheDocument(call)) {
			assertThat(answer.status()).as("%s %s", call, answer).isBetween(400, 499);
			assertThat(state()).isEqualTo(before);
		}
	}

	@Property(tries = ODD, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
	void whateverElseIsSentChangesNothingAndIsNoFailure(@ForAll("odd") Call call) throws IOException {
		List<Object> before = state();
		Wire.Answer answer = send(call);
		assertThat(answer.status()).as("%s %s", call, answer).isLessThan(500);
		if (answer.status() >= 400 && !call.method().equals("HEAD")) {
			isProblem(call, answer);
		}
		assertThat(state()).isEqualTo(before);
	}

	private static Wire.Answer send(Call call) throws IOException {
		Wire.Answer answer = call.send();
		asked++;
		if (answer.status() >= 400) {
			refused++;
		}
		return answer;
	}

	private static List<Object> state() {
		Snapshot snapshot = machine.read().join();
		return List.of(snapshot.iothreads(), snapshot.devices());
	}

	private static void isProblem(Call call, Wire.Answer answer) {
		assertThat(answer.header("Content-Type")).as("%s %s", call, answer).isEqualTo("application/problem+json");
		assertThat(PROBLEMS).contains(answer.json().path("type").asString());
		assertThat(answer.json().path("status").asInt()).isEqualTo(answer.status());
		assertThat(answer.json().path("detail").asString()).isNotEmpty();
		assertThat(answer.json().path("request-id").asString()).isNotEmpty();
	}

	private static void isListed(Call call, Wire.Answer answer) {
		assertThat(responses(call).propertyNames()).as("%s is answered with %s", call, answer)
			.contains(Integer.toString(answer.status()));
		isDocumented(call, answer);
	}

	private static JsonNode responses(Call call) {
		return api.path("paths").path(call.path()).path(call.method().toLowerCase(Locale.ROOT)).path("responses");
	}

	private static void isDocumented(Call call, Wire.Answer answer) {
		JsonNode documented = responses(call).path(Integer.toString(answer.status()));
		if (documented.isMissingNode()) {
			assertThat(answer.status()).as("%s is answered with %s", call, answer).isIn(GENERAL);
			assertThat(contract.violationsOfGeneralAnswer(answer.status(), answer.body())).as("%s %s", call, answer)
				.isEmpty();
			isProblem(call, answer);
			return;
		}
		String type = answer.header("Content-Type").split(";")[0];
		if (answer.body().isEmpty()) {
			assertThat(documented.path("content").isEmpty() || answer.status() == 304).isTrue();
		}
		else if (type.endsWith("json")) {
			assertThat(contract.violationsOfAnswer(call.method(), call.path(), answer.status(), type, answer.body()))
				.as("%s %s", call, answer)
				.isEmpty();
		}
		if (answer.status() >= 400) {
			isProblem(call, answer);
		}
	}

	private static boolean isAgainstTheDocument(Call call) {
		String body = call.body().startsWith("\ufeff") ? call.body().substring(1) : call.body();
		try {
			JSON.readTree(body);
			return !contract
				.violationsOfRequest(call.method(), call.path(), "application/json",
						new String(body.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
				.isEmpty();
		}
		catch (JacksonException | IllegalArgumentException ex) {
			return true;
		}
	}

	@Provide
	Arbitrary<Call> valid() {
		return operations((operation) -> true).flatMap(AnyRequestTests::asDocumented);
	}

	@Provide
	Arbitrary<Call> spoilt() {
		return operations((operation) -> operation.documentation().has("requestBody"))
			.flatMap((operation) -> Combinators.combine(asDocumented(operation), spoiler())
				.as((call, spoiler) -> call.with(spoiler.apply(call.body()))));
	}

	@Provide
	Arbitrary<Call> odd() {
		Arbitrary<String> method = Arbitraries.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW",
				"get", "TRACE", "PROPFIND", "A".repeat(300));
		Arbitrary<String> encoded = text(300).map((text) -> URLEncoder.encode(text, StandardCharsets.UTF_8));
		Arbitrary<String> raw = Arbitraries.strings().withCharRange('!', 'ÿ').ofMaxLength(40);
		Arbitrary<String> segment = Arbitraries.frequencyOf(Tuple.of(3, encoded), Tuple.of(1, raw),
				Tuple.of(4,
						Arbitraries.of("api", "v1", "machines", "nope", "iothreads", "devices", "..", ".", "%2e%2e",
								"%2f", "%00", "%0d%0a", "%c0%af", ";a=b", "%25%32%66", "", "actuator", "env", "health",
								"swagger-ui", "*", "~", "%E2%80%AE")));
		Arbitrary<String> free = segment.list().ofMaxSize(6).map((segments) -> "/" + String.join("/", segments));
		Arbitrary<String> known = Arbitraries.oneOf(Arbitraries.just("demo1"), segment);
		Arbitrary<String> near = Combinators.combine(Arbitraries.of(paths()), known, segment, segment)
			.as((path, one, two, three) -> path.replace("{machine}", one.isEmpty() ? "nope" : one)
				.replace("{id}", two)
				.replace("{device}", three));
		Arbitrary<String> query = Combinators.combine(Arbitraries.of("", "?", "?machine=", "?a="), encoded)
			.as((name, value) -> name.endsWith("=") ? name + value : name);
		Arbitrary<List<String>> headers = Combinators.combine(
				Arbitraries.of("Prefer", "If-Match", "If-None-Match", "Accept", "Accept-Encoding", "Accept-Language",
						"Content-Type", "Content-Encoding", "Last-Event-ID", "Authorization", "Cookie", "Range",
						"Origin", "Sec-Fetch-Site", "X-Request-Id", "X-Forwarded-For", "X-HTTP-Method-Override", "Via"),
				headerValue())
			.as((name, value) -> name + ": " + value)
			.list()
			.ofMaxSize(4);
		return Combinators.combine(method, Arbitraries.oneOf(free, near), query, headers, text(200))
			.as((verb, path, asked, more, body) -> new Call(verb, "", path + asked, more, body))
			.filter((call) -> !call.target().contains("events"));
	}

	private static Arbitrary<String> headerValue() {
		return Arbitraries.oneOf(Arbitraries.strings().withCharRange(' ', '~').ofMaxLength(60),
				Arbitraries.strings().withCharRange(' ', 'ÿ').ofMaxLength(60),
				Arbitraries.of("*", "\"", "W/\"", "wait=", "wait=-1", "wait=99999999999999999999", "respond-async,,,;",
						"*/*;q=nan", "text/plain;charset=x", "application/json;charset=utf-32", "Basic", "Basic =",
						"Basic OjpVOg==", "Bearer ", "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.e30.", "bytes=0-", "null",
						"cross-site", ",".repeat(500)));
	}

	// All of Unicode, what is none of it, and what has made others stumble.
	private static Arbitrary<String> text(int longest) {
		return Arbitraries.oneOf(Arbitraries.strings().all().ofMaxLength(20),
				Arbitraries.strings().ascii().ofMaxLength(longest),
				Arbitraries.of("", " ", "null", "a".repeat(longest), "\u0000", "a\n", "\u202e", "\ud800",
						"\udfff\ud800", "\ufeff", "../..", "demo1", "iothread0", "%s%n", "${jndi:ldap://x}", "#{1+1}",
						"<script>", "' or 1=1", "0", "-", "__proto__", "İ", "ﬀ", "\ud83d\ude00"));
	}

	static Arbitrary<UnaryOperator<String>> spoiler() {
		Arbitrary<JsonNode> odd = Arbitraries.oneOf(text(400).map((text) -> JSON.getNodeFactory().stringNode(text)),
				Arbitraries.bigIntegers()
					.between(BigInteger.TEN.pow(30).negate(), BigInteger.TEN.pow(30))
					.map((number) -> JSON.getNodeFactory().numberNode(number)),
				Arbitraries.doubles().map((number) -> JSON.getNodeFactory().numberNode(number)),
				Arbitraries
					.of("null", "true", "[]", "{}", "[[[[]]]]", "{\"a\":{\"a\":1}}", "[\"iothread0\",\"iothread0\"]",
							"[null]", "[\"\"]", "1e400", "-0", "0.5", "1E9")
					.map(JSON::readTree));
		Arbitrary<UnaryOperator<String>> another = Combinators.combine(Arbitraries.integers().between(0, 9), odd)
			.as((index, value) -> (body) -> inTree(body, (object) -> {
				List<String> names = List.copyOf(object.propertyNames());
				object.set(names.get(index % names.size()), value);
			}));
		Arbitrary<UnaryOperator<String>> unknown = Combinators.combine(text(50), odd)
			.as((name, value) -> (body) -> inTree(body, (object) -> object.set(name, value)));
		Arbitrary<UnaryOperator<String>> missing = Arbitraries
			.just((body) -> inTree(body, (object) -> object.remove("id")));
		Arbitrary<UnaryOperator<String>> cut = Arbitraries.doubles()
			.between(0, 1)
			.map((part) -> (body) -> body.substring(0, (int) (part * body.length())));
		Arbitrary<UnaryOperator<String>> inserted = Combinators.combine(Arbitraries.doubles().between(0, 1), text(10))
			.as((part, text) -> (body) -> body.substring(0, (int) (part * body.length())) + text
					+ body.substring((int) (part * body.length())));
		Arbitrary<UnaryOperator<String>> instead = text(300).map((text) -> (body) -> text);
		Arbitrary<UnaryOperator<String>> around = Arbitraries.of("[%s]", "\"%s\"", "%s%s", "{\"a\": %s}", "//%s", "%s,")
			.map((format) -> (body) -> format.formatted(body, body));
		return Arbitraries.frequencyOf(Tuple.of(5, another), Tuple.of(2, unknown), Tuple.of(1, missing),
				Tuple.of(2, cut), Tuple.of(2, inserted), Tuple.of(1, instead), Tuple.of(1, around));
	}

	private static String inTree(String body, Consumer<ObjectNode> change) {
		ObjectNode object = (ObjectNode) JSON.readTree(body);
		if (object.isEmpty()) {
			object.put("id", "a");
		}
		change.accept(object);
		try {
			return object.toString();
		}
		catch (JacksonException ex) {
			return "{\"id\": \"\\ud800\"}"; // half a character cannot be written
		}
	}

	private static Arbitrary<Call> asDocumented(Operation operation) {
		Arbitrary<String> target = Combinators.combine(Arbitraries.of("demo1", "demo1", "demo1", "nope"),
				Arbitraries.of("iothread0", "iothread1", "pool0"), Arbitraries.of("blk0", "blk1", "balloon0", "nope"))
			.as((machineName, id, device) -> operation.path()
				.replace("{machine}", machineName)
				.replace("{id}", id)
				.replace("{device}", device));
		Arbitrary<List<String>> headers = Arbitraries
			.of("Prefer: respond-async", "Prefer: wait=0", "If-Match: *", "If-Match: \"a\", W/\"b\"",
					"If-None-Match: *", "Accept: application/json", "Accept: */*")
			.set()
			.ofMaxSize(2)
			.map(ArrayList::new);
		JsonNode content = operation.documentation().path("requestBody").path("content");
		Arbitrary<String> body = content.isEmpty() ? Arbitraries.just("")
				: instance("", content.path("application/json").path("schema")).map(JsonNode::toString);
		return Combinators.combine(target, headers, body).as((where, more, what) -> {
			List<String> all = new ArrayList<>(more);
			if (!what.isEmpty()) {
				all.add("Content-Type: application/json");
			}
			return new Call(operation.method(), operation.path(), where, all, what);
		});
	}

	/**
	 * Makes what a schema describes.
	 */
	private static Arbitrary<JsonNode> instance(String name, JsonNode schema) {
		if (schema.has("$ref")) {
			return instance(name, api.at(schema.path("$ref").asString().substring(1)));
		}
		return switch (schema.path("type").asString("")) {
			case "object" -> object(schema);
			case "integer" -> Arbitraries.longs()
				.between(schema.path("minimum").asLong(0), schema.path("maximum").asLong(Long.MAX_VALUE))
				.map((number) -> JSON.getNodeFactory().numberNode(number));
			case "array" -> Arbitraries.of("iothread0", "iothread1", "pool0").set().ofMinSize(1).map((names) -> {
				ArrayNode array = JSON.createArrayNode();
				names.forEach(array::add);
				return array;
			});
			case "string" -> Arbitraries
				.of(schema.has("enum") ? schema.path("enum").valueStream().map(JsonNode::asString).toList()
						: name.equals("file")
								? List.of(images + "/a.raw", images + "/a.qcow2", images + "/none", "/dev/null")
								: name.equals("driver") ? List.of("virtio-blk-pci", "virtio-scsi-pci", "virtio-net-pci")
										: name.equals("id")
												? List.of("pool0", "A.b-c_9", "blk0", "iothread0", "x".repeat(128))
												: List.of("disk7", "disk0", "rp0", "pcie.0"))
				.map((text) -> JSON.getNodeFactory().stringNode(text));
			case "boolean" -> Arbitraries.of(true, false).map((value) -> JSON.getNodeFactory().booleanNode(value));
			default -> Arbitraries.of("true", "256", "\"abc\"", "\"on\"").map(JSON::readTree);
		};
	}

	private static Arbitrary<JsonNode> object(JsonNode schema) {
		Set<String> required = schema.path("required")
			.valueStream()
			.map(JsonNode::asString)
			.collect(Collectors.toSet());
		Arbitrary<ObjectNode> object = Arbitraries.create(JSON::createObjectNode);
		for (Map.Entry<String, JsonNode> member : schema.path("properties").properties()) {
			Arbitrary<JsonNode> value = instance(member.getKey(), member.getValue());
			Arbitrary<JsonNode> given = required.contains(member.getKey()) ? value : value.injectNull(0.7);
			object = Combinators.combine(object, given).as((made, made1) -> {
				ObjectNode copy = made.deepCopy();
				if (made1 != null) {
					copy.set(member.getKey(), made1);
				}
				return copy;
			});
		}
		return object.map((made) -> made);
	}

	private static List<String> paths() {
		return api.path("paths").propertyNames().stream().sorted().toList();
	}

	private static Arbitrary<Operation> operations(Predicate<Operation> which) {
		List<Operation> operations = new ArrayList<>();
		for (String path : paths()) {
			api.path("paths").path(path).properties().forEach((method) -> {
				Operation operation = new Operation(method.getKey().toUpperCase(Locale.ROOT), path, method.getValue());
				// A stream has no end.
				if (!path.endsWith("/events") && which.test(operation)) {
					operations.add(operation);
				}
			});
		}
		return Arbitraries.of(operations);
	}

	private record Operation(String method, String path, JsonNode documentation) {

	}

	/**
	 * A request.
	 *
	 * @param path the path as it is documented, empty when it is none of those
	 */
	record Call(String method, String path, String target, List<String> headers, String body) {

		Call with(String otherBody) {
			return new Call(this.method, this.path, this.target, this.headers, otherBody);
		}

		Wire.Answer send() throws IOException {
			String bytes = new String(this.body.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
			return wire.send(this.method, this.target, bytes, this.headers.toArray(String[]::new));
		}

		@Override
		public String toString() {
			return Objects.toString(JSON.getNodeFactory()
				.stringNode("%s %s %s %s".formatted(this.method, this.target, this.headers, this.body)
					.replaceAll("\\p{Cs}", "?")));
		}

	}

}
