package dev.iothreads.web;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.ObjectId;
import dev.iothreads.web.api.MachineInfo;
import dev.iothreads.web.problem.Problem;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.PathItem.HttpMethod;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.parameters.Parameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.tags.Tag;
import io.swagger.v3.parser.OpenAPIV3Parser;
import io.swagger.v3.parser.core.models.SwaggerParseResult;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.info.BuildProperties;
import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The OpenAPI document can be read, and says what it has to.
 */
@WebTest
class ApiDocumentationTests {

	private final Wire wire;

	private String document;

	private SwaggerParseResult parsed;

	ApiDocumentationTests(@LocalServerPort int port) {
		this.wire = new Wire(port);
	}

	@BeforeEach
	void read() throws IOException {
		this.document = this.wire.get("/v3/api-docs").body();
		this.parsed = new OpenAPIV3Parser().readContents(this.document);
	}

	@Test
	void aParserFindsNothingWrongWithIt() {
		assertThat(this.parsed.getMessages()).isEmpty();
	}

	@Test
	void itSaysWhatTheServiceIs(@Autowired BuildProperties build) {
		assertThat(api().getInfo().getTitle()).isEqualTo("IOThread inventory");
		assertThat(api().getInfo().getVersion()).isEqualTo(build.getVersion());
		assertThat(api().getInfo().getLicense().getIdentifier()).isEqualTo("Apache-2.0");
		assertThat(api().getInfo().getDescription()).contains("QEMU");
	}

	@Test
	void everyKindOfProblemIsNamed() throws IOException {
		String documentation = Files.readString(Path.of("src/docs/api.md"));
		assertThat(Problem.values()).allSatisfy((problem) -> assertThat(documentation)
			.containsPattern("\\| `%s` \\| .*\\b%d\\b.* \\|".formatted(problem.wireName(), problem.status().value())));
		assertThat(documentation).contains("| `invalid-request` | 400, 408, 417, 422, 501, 505 |");
	}

	@Test
	void whatAClientBeginsWithComesFirst() {
		assertThat(api().getTags()).extracting(Tag::getName)
			.containsExactly("Machines", "IOThreads", "Devices", "Events", "Activity", "Service");
	}

	@Test
	void whatAnyOperationCanAnswerIsDescribedOnceAndListedByNone() {
		Map<String, ApiResponse> general = api().getComponents().getResponses();
		assertThat(general.keySet()).containsExactly("400", "401", "403", "406", "408", "413", "415", "417", "421",
				"429", "500", "501", "503", "505");
		assertThat(api().getInfo().getDescription()).contains(String.join(", ", general.keySet()));
		assertThat(general.get("403").getDescription()).isEqualTo("forbidden, cross-site, read-only");
		assertThat(general.get("401").getHeaders()).containsKey("WWW-Authenticate");
		assertThat(general.get("429").getHeaders()).containsKey("Retry-After");
		assertThat(operations()).allSatisfy((operation) -> assertThat(operation.getResponses().keySet())
			.doesNotContain("400", "401", "403", "406", "408", "413", "415", "417", "421", "429", "500", "501", "505"));
	}

	@Test
	void theApiIsWhereItsDocumentIs() throws IOException {
		assertThat(JsonMapper.shared().readTree(this.document).path("servers").path(0).path("url").asString())
			.isEqualTo("/");
		assertThat(this.wire.get("/v3/api-docs", "X-Forwarded-Host: example.org").body()).doesNotContain("example.org");
	}

	@Test
	void everyOperationHasANameASummaryAndATag() {
		assertThat(operations()).allSatisfy((operation) -> {
			assertThat(operation.getOperationId()).matches("[a-z][A-Za-z]+");
			assertThat(operation.getSummary()).isNotBlank();
			assertThat(operation.getTags()).hasSize(1);
		});
		assertThat(operations().map(Operation::getOperationId)).doesNotHaveDuplicates();
	}

	@Test
	void everyParameterIsDescribed() {
		assertThat(operations().flatMap((operation) -> parameters(operation).stream()))
			.allSatisfy((parameter) -> assertThat(parameter.getDescription()).as(parameter.getName()).isNotBlank());
	}

	@Test
	void everyVariableOfAPathHasAnExample() {
		assertThat(operations().flatMap((operation) -> parameters(operation).stream())
			.filter((parameter) -> parameter.getIn().equals("path")))
			.allSatisfy((parameter) -> assertThat(parameter.getExample()).as(parameter.getName()).isNotNull());
	}

	@Test
	void namesAreThoseOnTheWire() {
		assertThat(properties("IOThreadInfo")).containsOnlyKeys("machine", "id", "thread-id", "attached-cnt",
				"attached-dev", "poll-max-ns", "poll-grow", "poll-shrink", "poll-weight", "aio-max-batch",
				"thread-pool-min", "thread-pool-max", "cpus-allowed", "pool", "attached-devices");
		assertThat(properties("DeviceInfo")).containsOnlyKeys("machine", "id", "driver", "qom-path", "iothreads",
				"state", "reason", "drive", "drive-goes-with-it", "hotpluggable", "disks", "image");
		assertThat(properties("ImageInfo")).containsOnlyKeys("file", "format", "size");
		assertThat(properties("DiskInfo")).containsOnlyKeys("id", "driver", "qom-path", "target", "lun", "drive",
				"drive-goes-with-it", "image");
		assertThat(properties("MachineInfo")).containsOnlyKeys("title", "reading", "reading-limits", "incomplete",
				// Where the configuration has a pool for it.
				"pool-missing", "pool-reason",
				// Of any machine.
				"name", "state", "reason", "qemu-version", "run-state", "guest-name", "uuid", "pid", "monitor",
				"managed-by", "read-only", "observed-at", "settings-observed-at", "iothreads", "devices", "attached",
				"balance", "cpu-unavailable");
		assertThat(properties("AttachedDevice")).containsOnlyKeys("id", "driver", "qom-path", "kind", "virtqueues");
	}

	@Test
	void whatIsAlwaysThereIsRequiredAndWhatMayBeAbsentIsNot() {
		assertThat(schema("IOThreadInfo").getRequired()).containsExactlyInAnyOrder("machine", "id", "thread-id",
				"attached-cnt", "attached-dev", "attached-devices");
		assertThat(schema("DeviceInfo").getRequired()).containsExactlyInAnyOrder("machine", "id", "driver", "qom-path",
				"iothreads", "state");
		assertThat(schema("MachineInfo").getRequired()).containsExactlyInAnyOrder("name", "state", "monitor",
				"read-only");
		assertThat(schema("AttachedDevice").getRequired()).containsExactly("id");
	}

	@Test
	void everySchemaIsUsedAndEveryPropertyDescribed() {
		assertThat(api().getComponents().getSchemas()).allSatisfy((name, schema) -> {
			assertThat(this.document).contains("\"#/components/schemas/" + name + "\"");
			assertThat(schema.getDescription()).as(name).isNotBlank();
			assertThat(properties(name))
				.allSatisfy((property, type) -> assertThat(type.getDescription()).as(property).isNotBlank());
		});
	}

	@Test
	void everyErrorIsAProblem() {
		assertThat(operations()).allSatisfy((operation) -> operation.getResponses().forEach((status, answer) -> {
			if (Integer.parseInt(status) >= 400) {
				assertThat(answer.getContent()).containsOnlyKeys("application/problem+json");
			}
		}));
	}

	@Test
	void everyOperationThatReadsTheMachineCanFailAsItDoes() {
		assertThat(api().getPaths()).allSatisfy((path, item) -> item.readOperations().forEach((operation) -> {
			// The history is the service's own: no machine is asked for it.
			if (path.contains("{machine}/") && !path.endsWith("/history")) {
				assertThat(operation.getResponses()).containsKeys("404", "502", "503", "504");
				assertThat(operation.getResponses().get("503").getHeaders()).containsKey("Retry-After");
			}
		}));
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			/api/v1/machines                                        | GET    | 200 304 503
			/api/v1/iothreads                                       | GET    | 200 304 404 503
			/api/v1/machines/{machine}                              | GET    | 200 304 404
			/api/v1/machines/{machine}/history                      | GET    | 200 304 404
			/api/v1/machines/{machine}/advice                       | GET    | 200 304 404 502 503 504
			/api/v1/machines/{machine}/iothreads                    | GET    | 200 304 404 502 503 504
			/api/v1/machines/{machine}/iothreads                    | POST   | 201 404 409 422 502 503 504
			/api/v1/machines/{machine}/iothreads/{id}               | PATCH  | 200 404 409 412 422 502 503 504
			/api/v1/machines/{machine}/iothreads/{id}               | DELETE | 204 404 409 412 502 503 504
			/api/v1/machines/{machine}/iothreads/{id}/devices/{device} | DELETE | 200 202 404 409 422 502 503 504
			/api/v1/machines/{machine}/devices/{device}             | DELETE | 202 204 404 409 422 502 503 504
			""")
	void anOperationHasTheStatusesOfTheContract(String path, String method, String statuses) {
		Operation operation = api().getPaths().get(path).readOperationsMap().get(HttpMethod.valueOf(method));
		assertThat(operation.getResponses().keySet()).containsExactly(statuses.split(" "));
	}

	@Test
	void whichProblemHidesBehindAStatusIsSaid() {
		Operation removal = api().getPaths().get("/api/v1/machines/{machine}/iothreads/{id}").getDelete();
		assertThat(removal.getResponses().get("404").getDescription())
			.isEqualTo("machine-not-found, iothread-not-found");
		assertThat(removal.getResponses().get("409").getDescription())
			.isEqualTo("managed-by-libvirt, managed-by-proxmox, iothread-in-use");
	}

	@Test
	void plainTextIsDocumentedAsText() {
		MediaType text = api().getPaths()
			.get("/api/v1/machines/{machine}/iothreads")
			.getGet()
			.getResponses()
			.get("200")
			.getContent()
			.get("text/plain");
		Schema<?> schema = text.getSchema();
		assertThat(schema.getTypes()).containsExactly("string");
	}

	@Test
	void theBodyOfAChangeHasTheRangesThatAreChecked() {
		Schema<?> pollWeight = properties("NewIOThread").get("poll-weight");
		assertThat(pollWeight.getMinimum()).isEqualByComparingTo("0");
		assertThat(pollWeight.getMaximum()).isEqualByComparingTo("63");
		assertThat(schema("NewIOThread").getRequired()).isNull();
		assertThat(schema("IOThreadSettings").getRequired()).isNull();
		assertThat(properties("NewDevice")).containsKey("iothreads");
		assertThat(properties("NewDeviceOnIOThread")).doesNotContainKey("iothreads");
	}

	@Test
	void theSchemasThatAreWrittenAgreeWithTheCode() {
		assertThat(properties("NewIOThread").get("id").getPattern()).isEqualTo("^" + ObjectId.PATTERN + "$");
		assertThat(properties("NewDevice").get("id").getPattern()).isEqualTo("^" + ObjectId.PATTERN + "$");
		assertThat(properties("NewDevice").get("driver").getDescription()).contains(NewDevice.PCI_DISK);
		assertThat(properties("ProblemDetail").get("machine-state").getEnum()).map(Object::toString)
			.containsExactlyElementsOf(Stream.of(MachineState.values())
				.filter((state) -> state != MachineState.UP)
				.map(MachineInfo::wire)
				.toList());
	}

	@Test
	void aMemberThatIsNotKnownHereIsAgainstTheContract() {
		assertThat(new Contract(this.document).violationsOfRequest("POST", "/api/v1/machines/{machine}/iothreads",
				"application/json", "{\"id\": \"pool0\", \"colour\": \"red\"}"))
			.singleElement()
			.asString()
			.contains("colour");
	}

	@Test
	void whatIsNotDocumentedWouldBeFound() {
		Contract contract = new Contract(this.document);
		assertThat(contract.violationsOfAnswer("GET", "/api/v1/machines/{machine}/iothreads/{id}", 200,
				"application/json", "{\"machine\": \"vm1\", \"surprise\": 1}"))
			.isNotEmpty()
			.anySatisfy((violation) -> assertThat(violation).contains("surprise"))
			.anySatisfy((violation) -> assertThat(violation).contains("attached-cnt"));
	}

	@Test
	void itIsTheSameWheneverItIsAskedFor() throws IOException {
		assertThat(this.wire.get("/v3/api-docs").body()).isEqualTo(this.document);
		assertThat(this.wire.get("/v3/api-docs", "Accept-Language: de").body()).isEqualTo(this.document);
		assertThat(this.wire.get("/v3/api-docs.yaml").status()).isEqualTo(200);
	}

	private OpenAPI api() {
		return this.parsed.getOpenAPI();
	}

	private Stream<Operation> operations() {
		return api().getPaths().values().stream().flatMap((item) -> item.readOperations().stream());
	}

	private static List<Parameter> parameters(Operation operation) {
		return (operation.getParameters() != null) ? operation.getParameters() : List.of();
	}

	private Schema<?> schema(String name) {
		return api().getComponents().getSchemas().get(name);
	}

	private Map<String, Schema<?>> properties(String name) {
		Map<String, Schema<?>> properties = new TreeMap<>();
		schema(name).getProperties().forEach(properties::put);
		return properties;
	}

}
