package dev.iothreads.web.api;

import java.io.UnsupportedEncodingException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineState;
import dev.iothreads.web.Contract;
import dev.iothreads.web.FailingMachine;
import dev.iothreads.web.ShownMachine;
import dev.iothreads.web.WebTest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.assertj.MockMvcTester;
import org.springframework.test.web.servlet.assertj.MvcTestResult;

import static dev.iothreads.web.ShownMachine.device;
import static dev.iothreads.web.ShownMachine.iothread;
import static dev.iothreads.web.ShownMachine.snapshot;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is read of a machine, on the wire.
 */
@WebTest
class ReadingTests {

	private static final String VM1 = "/api/v1/machines/vm1";

	private static final String IOTHREADS = VM1 + "/iothreads";

	private final MockMvcTester mvc;

	private final Inventory inventory;

	private Contract contract;

	ReadingTests(@Autowired MockMvcTester mvc, @Autowired Inventory inventory) {
		this.mvc = mvc;
		this.inventory = inventory;
	}

	@BeforeEach
	void readContract() {
		this.contract = new Contract(text(this.mvc.get().uri("/v3/api-docs").exchange()));
	}

	@AfterEach
	void forgetMachines() {
		List.of("vm1", "vm2").forEach(this.inventory::remove);
	}

	@Test
	void anIOThreadIsShownWithWhatIsAttachedToIt() {
		add("vm1", seed());
		assertThat(this.mvc.get().uri(IOTHREADS + "/iothread0").exchange()).hasStatusOk()
			.bodyJson()
			.isStrictlyEqualTo(
					"""
							{
							  "machine": "vm1",
							  "id": "iothread0",
							  "thread-id": 5281,
							  "attached-cnt": 2,
							  "attached-dev": "/machine/peripheral/blk0/virtio-backend | /machine/peripheral/blk1/virtio-backend",
							  "poll-max-ns": 32768,
							  "poll-grow": 0,
							  "poll-shrink": 0,
							  "aio-max-batch": 0,
							  "attached-devices": [
							    {
							      "id": "blk0",
							      "driver": "virtio-blk-pci",
							      "qom-path": "/machine/peripheral/blk0/virtio-backend"
							    },
							    {
							      "id": "blk1",
							      "driver": "virtio-blk-pci",
							      "qom-path": "/machine/peripheral/blk1/virtio-backend"
							    }
							  ]
							}
							""");
	}

	@Test
	void plainTextIsWhatInfoIothreadsPrints() {
		add("vm1", seed());
		MvcTestResult answer = this.mvc.get().uri(IOTHREADS).accept(MediaType.TEXT_PLAIN).exchange();
		assertThat(answer).hasStatusOk().hasContentTypeCompatibleWith(MediaType.TEXT_PLAIN);
		assertThat(text(answer)).isEqualTo("""
				iothread0:
				  thread_id=5281
				  attached-cnt=2
				  attached-dev=/machine/peripheral/blk0/virtio-backend | /machine/peripheral/blk1/virtio-backend
				  poll-max-ns=32768
				  poll-grow=0
				  poll-shrink=0
				  aio-max-batch=0
				iothread1:
				  thread_id=5282
				  attached-cnt=1
				  attached-dev=/machine/peripheral-anon/device[0]/virtio-backend
				  poll-max-ns=65536
				  poll-grow=0
				  poll-shrink=0
				  aio-max-batch=0
				iothread2:
				  thread_id=5283
				  attached-cnt=0
				  attached-dev=none
				  poll-max-ns=32768
				  poll-grow=0
				  poll-shrink=0
				  aio-max-batch=0
				""");
	}

	@Test
	void plainTextOfOneIOThreadIsItsPartOfTheList() {
		add("vm1", seed());
		assertThat(text(this.mvc.get().uri(IOTHREADS + "/iothread2").accept(MediaType.TEXT_PLAIN).exchange()))
			.isEqualTo("""
					iothread2:
					  thread_id=5283
					  attached-cnt=0
					  attached-dev=none
					  poll-max-ns=32768
					  poll-grow=0
					  poll-shrink=0
					  aio-max-batch=0
					""");
	}

	@Test
	void theWeightOfPollingStandsBeforeTheBatchWhereQemuHasIt() {
		IOThreadSettings settings = ShownMachine.iothread("iothread0", 1)
			.settings()
			.with(new IOThreadSettings(Map.of(IOThreadProperty.POLL_WEIGHT, 3L)));
		add("vm1", new ShownMachine(List.of(new IOThread("iothread0", 1, settings, List.of())), List.of()));
		assertThat(text(this.mvc.get().uri(IOTHREADS).accept(MediaType.TEXT_PLAIN).exchange()))
			.endsWith("  poll-shrink=0\n  poll-weight=3\n  aio-max-batch=0\n");
		assertThat(json(IOTHREADS + "/iothread0").path("poll-weight").asInt()).isEqualTo(3);
	}

	@Test
	void tablesNameTheMachinesThatAreLeftOut() {
		add("vm1", seed());
		add("vm2", FailingMachine.unavailable(MachineState.DOWN, "Start it."));
		assertThat(text(
				this.mvc.get().uri("/api/v1/devices?machine=vm1&machine=vm2").accept(MediaType.TEXT_PLAIN).exchange()))
			.startsWith("MACHINE  DEVICE     DRIVER          STATE ")
			.endsWith("\n\nLeft out, since they do not answer: vm2\n");
		assertThat(text(this.mvc.get().uri("/api/v1/machines").accept(MediaType.TEXT_PLAIN).exchange()))
			.containsPattern("vm2 +down .* Start it\\.\n");
	}

	@ParameterizedTest
	@ValueSource(strings = { "*/*", "application/*", "text/plain;q=0.5, application/json", "" })
	void jsonIsTheFirstChoice(String accept) {
		add("vm1", seed());
		MockMvcTester.MockMvcRequestBuilder request = this.mvc.get().uri(IOTHREADS);
		MvcTestResult answer = (accept.isEmpty() ? request : request.header(HttpHeaders.ACCEPT, accept)).exchange();
		assertThat(answer).hasStatusOk().hasContentTypeCompatibleWith(MediaType.APPLICATION_JSON);
	}

	@Test
	void iothreadsAreSortedById() {
		add("vm1", new ShownMachine(List.of(iothread("b", 1), iothread("a", 2), iothread("c", 3)), List.of()));
		assertThat(json(IOTHREADS).findValuesAsString("id")).containsExactly("a", "b", "c");
	}

	@Test
	void devicesAreSortedByTheirPlace() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1)),
				List.of(device("blk2", "a"), anonymous(), device("blk10", "a"), device("blk1"))));
		assertThat(json(VM1 + "/devices").findValuesAsString("qom-path")).containsExactly(
				"/machine/peripheral-anon/device[0]/virtio-backend", "/machine/peripheral/blk1/virtio-backend",
				"/machine/peripheral/blk2/virtio-backend", "/machine/peripheral/blk10/virtio-backend");
		assertThat(json(IOTHREADS + "/a/devices").findValuesAsString("id")).containsExactly("device[0]", "blk2",
				"blk10");
	}

	@Test
	void machinesAreSortedByNameAndTheirIOThreadsWithThem() {
		add("vm2", seed());
		add("vm1", seed());
		assertThat(json("/api/v1/machines").findValuesAsString("name")).containsExactly("demo", "vm1", "vm2");
		JsonNode all = json("/api/v1/iothreads");
		assertThat(all.findValuesAsString("machine")).isSorted();
		assertThat(all.valueStream().map((iothread) -> iothread.path("machine").asString()).distinct())
			.containsExactly("demo", "vm1", "vm2");
	}

	@Test
	void aMachineWithoutIOThreadsHasAnEmptyList() {
		add("vm1", new ShownMachine(List.of(), List.of()));
		assertThat(text(get(IOTHREADS))).isEqualTo("[]");
		assertThat(text(get(VM1 + "/devices"))).isEqualTo("[]");
		assertThat(text(this.mvc.get().uri(IOTHREADS).accept(MediaType.TEXT_PLAIN).exchange())).isEmpty();
	}

	@Test
	void theCountIsAlwaysTheLengthOfTheList() {
		add("vm1", seed());
		add("vm2", new ShownMachine(List.of(iothread("a", 1, export()), iothread("b", 2)),
				List.of(device("blk0", "a", "b"), device("blk1", "a"))));
		JsonNode all = json("/api/v1/iothreads");
		assertThat(all.size()).isEqualTo(2 + 3 + 2);
		assertThat(all.valueStream()).allSatisfy((iothread) -> {
			int count = iothread.path("attached-cnt").asInt();
			assertThat(iothread.path("attached-devices").size()).isEqualTo(count);
			assertThat(iothread.path("attached-dev").asString().split(" \\| ")).hasSize(Math.max(1, count));
			assertThat(iothread.path("attached-dev").asString().equals("none")).isEqualTo(count == 0);
		});
	}

	@Test
	void aDeviceOverTwoIOThreadsCountsOnceOnEach() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1), iothread("b", 2)), List.of(device("blk0", "b", "a"))));
		assertThat(json(IOTHREADS).findValues("attached-cnt")).allSatisfy((count) -> assertThat(count.asInt()).isOne());
		assertThat(json(VM1 + "/devices/blk0").path("iothreads").valueStream().map(JsonNode::asString))
			.containsExactly("a", "b");
		assertThat(json(VM1).path("attached").asInt()).isEqualTo(2);
		assertThat(json(VM1).path("devices").asInt()).isOne();
	}

	@Test
	void aDeviceWithSeveralVirtqueuesOnOneIOThreadCountsOnceThere() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1)), List.of(device("blk0", "a", "a", "a"))));
		assertThat(json(IOTHREADS + "/a").path("attached-cnt").asInt()).isOne();
		assertThat(json(VM1 + "/devices/blk0").path("iothreads").size()).isOne();
	}

	@Test
	void aDeviceThatQemuReportsAndTheTreeShowsIsThereOnce() {
		add("vm1",
				new ShownMachine(List.of(iothread("a", 1,
						new Attachment(Attachment.DEVICE, "blk0", null, "/machine/peripheral/blk0/virtio-backend"))),
						List.of(device("blk0", "a"))));
		JsonNode attached = json(IOTHREADS + "/a").path("attached-devices");
		assertThat(attached.size()).isOne();
		assertThat(attached.path(0).path("driver").asString()).isEqualTo("virtio-blk-pci");
	}

	@Test
	void aDeviceWithoutAnIdIsNamedByItsPlace() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1)), List.of(anonymous())));
		MvcTestResult answer = this.mvc.get().uri(URI.create(VM1 + "/devices/device%5B0%5D")).exchange();
		assertThat(answer).hasStatusOk();
		assertThat(JsonMapper.shared().readTree(text(answer)).path("id").asString()).isEqualTo("device[0]");
	}

	@Test
	void aDeviceInTheMainLoopHasNoIOThreads() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1)), List.of(device("blk0"))));
		JsonNode device = json(VM1 + "/devices/blk0");
		assertThat(device.path("iothreads").isArray()).isTrue();
		assertThat(device.path("iothreads").isEmpty()).isTrue();
		assertThat(device.path("state").asString()).isEqualTo("attached");
	}

	@Test
	void anOrphanedDeviceSaysWhy() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1)), List.of(device("blk0", "/machine/peripheral/blk0",
				DeviceState.ORPHANED, "It runs on gone, which has been deleted.", "gone"))));
		JsonNode device = json(VM1 + "/devices/blk0");
		assertThat(device.path("state").asString()).isEqualTo("orphaned");
		assertThat(device.path("reason").asString()).isEqualTo("It runs on gone, which has been deleted.");
		assertThat(json(IOTHREADS + "/a").path("attached-cnt").asInt()).isZero();
	}

	@Test
	void whatIsNoDeviceIsCountedAndHasAKind() {
		add("vm1", new ShownMachine(List.of(iothread("a", 1, export())), List.of(device("blk0", "a"))));
		JsonNode iothread = json(IOTHREADS + "/a");
		assertThat(iothread.path("attached-cnt").asInt()).isEqualTo(2);
		assertThat(iothread.path("attached-dev").asString())
			.isEqualTo("/machine/peripheral/blk0/virtio-backend | block-export:exp0");
		assertThat(iothread.path("attached-devices").path(1).toString())
			.isEqualTo("{\"id\":\"exp0\",\"kind\":\"block-export\"}");
		assertThat(iothread.path("attached-devices").path(0).has("kind")).isFalse();
	}

	@Test
	void aMachineThatIsUpIsShownWithWhatItHas() {
		add("vm1", new ShownMachine(snapshot(Duration.ZERO, "libvirt", List.of(iothread("a", 1)),
				List.of(device("blk0", "a"), device("blk1")))));
		JsonNode machine = json(VM1);
		assertThat(machine.path("state").asString()).isEqualTo("up");
		assertThat(machine.path("qemu-version").asString()).isEqualTo("10.2.50");
		assertThat(machine.path("managed-by").asString()).isEqualTo("libvirt");
		assertThat(machine.path("observed-at").asString()).endsWith("Z");
		assertThat(machine.path("iothreads").asInt()).isOne();
		assertThat(machine.path("devices").asInt()).isEqualTo(2);
		assertThat(machine.path("attached").asInt()).isOne();
		assertThat(machine.has("reason")).isFalse();
	}

	@ParameterizedTest
	@CsvSource({ "BUSY,busy", "DOWN,down", "CONNECTING,connecting" })
	void aMachineThatDoesNotAnswerIsShownWithTheReasonAndNothingStale(MachineState state, String shown) {
		add("vm1", FailingMachine.unavailable(state, "Give the service a -qmp of its own."));
		assertThat(get(VM1)).hasStatusOk().bodyJson().isStrictlyEqualTo("""
				{
				  "name": "vm1",
				  "state": "%s",
				  "reason": "Give the service a -qmp of its own.",
				  "monitor": "stub",
				  "read-only": false
				}
				""".formatted(shown));
		assertThat(json("/api/v1/machines")).extracting((machine) -> machine.path("state").asString())
			.containsExactly("up", shown);
	}

	@ParameterizedTest
	@ValueSource(strings = { "/iothreads", "/iothreads/a", "/iothreads/a/devices", "/devices", "/devices/blk0" })
	void whatAMachineHasIsUnavailableWhileItDoesNotAnswer(String what) {
		add("vm1", FailingMachine.unavailable(MachineState.DOWN, "vm1 is down: there is no socket."));
		MvcTestResult answer = get(VM1 + what);
		assertThat(answer).hasStatus(HttpStatus.SERVICE_UNAVAILABLE).hasHeader(HttpHeaders.RETRY_AFTER, "1");
		JsonNode problem = JsonMapper.shared().readTree(text(answer));
		assertThat(problem.path("machine-state").asString()).isEqualTo("down");
		assertThat(problem.path("detail").asString()).isEqualTo("vm1 is down: there is no socket.");
	}

	@Test
	void theFleetIsShownWithoutTheMachinesThatDoNotAnswer() {
		add("vm1", seed());
		add("vm2", FailingMachine.unavailable(MachineState.DOWN, "vm2 is down."));
		MvcTestResult answer = get("/api/v1/iothreads");
		assertThat(answer).hasStatusOk().hasHeader("Iothreads-Unavailable", "vm2");
		assertThat(JsonMapper.shared().readTree(text(answer)).findValuesAsString("machine")).contains("demo", "vm1")
			.doesNotContain("vm2");
	}

	@Test
	void theFleetIsNarrowedToSomeMachines() {
		add("vm1", seed());
		add("vm2", seed());
		assertThat(json("/api/v1/iothreads?machine=vm1").findValuesAsString("machine")).containsOnly("vm1").hasSize(3);
		assertThat(json("/api/v1/iothreads?machine=vm2&machine=demo").findValuesAsString("machine"))
			.containsOnly("demo", "vm2");
		assertThat(get("/api/v1/iothreads?machine=demo")).doesNotContainHeader("Iothreads-Unavailable");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			/api/v1/machines/nope                        | machine-not-found
			/api/v1/machines/nope/iothreads              | machine-not-found
			/api/v1/machines/nope/iothreads/a            | machine-not-found
			/api/v1/machines/nope/iothreads/a/devices    | machine-not-found
			/api/v1/machines/nope/devices                | machine-not-found
			/api/v1/machines/nope/devices/blk0           | machine-not-found
			/api/v1/iothreads?machine=nope               | machine-not-found
			/api/v1/iothreads?machine=vm1&machine=nope   | machine-not-found
			/api/v1/iothreads?machine=                   | machine-not-found
			/api/v1/machines/VM1                         | machine-not-found
			/api/v1/machines/vm1/iothreads/nope          | iothread-not-found
			/api/v1/machines/vm1/iothreads/nope/devices  | iothread-not-found
			/api/v1/machines/vm1/iothreads/IOTHREAD0     | iothread-not-found
			/api/v1/machines/vm1/devices/nope            | device-not-found
			/api/v1/machines/vm1/devices/iothread0       | device-not-found
			""")
	void whatIsNotThereIsSaidByKind(String path, String problem) {
		add("vm1", seed());
		MvcTestResult answer = get(path);
		assertThat(answer).hasStatus(HttpStatus.NOT_FOUND)
			.hasContentTypeCompatibleWith(MediaType.APPLICATION_PROBLEM_JSON);
		JsonNode body = JsonMapper.shared().readTree(text(answer));
		assertThat(body.path("type").asString()).isEqualTo("urn:iothreads:problem:" + problem);
		assertThat(body.path("detail").asString()).contains("GET /api/v1/machines");
	}

	@Test
	void optionsNamesTheMethods() {
		MvcTestResult options = this.mvc.options().uri("/api/v1/machines/demo").exchange();
		assertThat(options).hasStatusOk();
		assertThat(options.getResponse().getHeader(HttpHeaders.ALLOW)).contains("GET", "HEAD", "OPTIONS");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			/api/v1/machines                                        | /api/v1/machines
			/api/v1/iothreads                                       | /api/v1/iothreads
			/api/v1/machines/{machine}                              | /api/v1/machines/vm1
			/api/v1/machines/{machine}/iothreads                    | /api/v1/machines/vm1/iothreads
			/api/v1/machines/{machine}/iothreads/{id}               | /api/v1/machines/vm1/iothreads/a
			/api/v1/machines/{machine}/iothreads/{id}/devices       | /api/v1/machines/vm1/iothreads/a/devices
			/api/v1/machines/{machine}/devices                      | /api/v1/machines/vm1/devices
			/api/v1/machines/{machine}/devices/{device}             | /api/v1/machines/vm1/devices/blk1
			""")
	void evenTheOddestMachineIsShownAsTheContractSays(String path, String target) {
		add("vm1", new ShownMachine(
				snapshot(Duration.ZERO, "libvirt", List.of(iothread("a", 1, export()), iothread("b", 2)),
						List.of(device("blk0", "a", "b"), anonymous(), device("blk1", "/machine/peripheral/blk1",
								DeviceState.ORPHANED, "It runs on gone, which has been deleted.", "gone")))));
		add("vm2", FailingMachine.unavailable(MachineState.BUSY, "Another client holds it."));
		assertThat(this.contract.violationsOfAnswer("GET", path, 200, "application/json", text(get(target)))).isEmpty();
	}

	private static ShownMachine seed() {
		return new ShownMachine(
				List.of(iothread("iothread0", 5281, reported("blk1"), reported("blk0")), iothread("iothread2", 5283),
						iothread("iothread1", 5282, 65536)),
				List.of(device("blk0", "iothread0"), device("blk1", "iothread0"), ShownMachine.device("device[0]",
						"/machine/peripheral-anon/device[0]/virtio-backend", DeviceState.ATTACHED, null, "iothread1")));
	}

	private static Attachment reported(String id) {
		return new Attachment(Attachment.DEVICE, id, null, "/machine/peripheral/" + id + "/virtio-backend");
	}

	private static Attachment export() {
		return new Attachment("block-export", "exp0", null, null);
	}

	private static Device anonymous() {
		return device("device[0]", "/machine/peripheral-anon/device[0]/virtio-backend", DeviceState.ATTACHED, null,
				"a");
	}

	private void add(String name, Machine machine) {
		this.inventory.add(name, machine);
	}

	private MvcTestResult get(String path) {
		return this.mvc.get().uri(path).exchange();
	}

	private JsonNode json(String path) {
		MvcTestResult answer = get(path);
		assertThat(answer).hasStatusOk();
		return JsonMapper.shared().readTree(text(answer));
	}

	private static String text(MvcTestResult answer) {
		try {
			return answer.getResponse().getContentAsString();
		}
		catch (UnsupportedEncodingException ex) {
			throw new IllegalStateException(ex);
		}
	}

}
