package dev.iothreads.contract;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * {@code POST …/devices} and {@code POST …/iothreads/{id}/devices}.
 */
@EveryMachine
class AttachingTests {

	private final Subject machine;

	AttachingTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void aDiskNeedsAnIdAndANode() {
		Answer answer = this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		assertThat(answer.header("Location")).endsWith(this.machine.path("/devices/hot0"));
		JsonNode device = answer.body();
		assertThat(device.path("machine").asString()).isEqualTo(this.machine.name());
		assertThat(device.path("id").asString()).isEqualTo("hot0");
		assertThat(device.path("driver").asString()).isEqualTo("virtio-blk-pci");
		assertThat(device.path("qom-path").asString()).isEqualTo("/machine/peripheral/hot0/virtio-backend");
		assertThat(device.path("iothreads").path(0).asString()).isEqualTo("iothread1");
		assertThat(device.path("iothreads")).hasSize(1);
		assertThat(device.path("state").asString()).isEqualTo("attached");
		assertThat(device.path("drive").asString()).isEqualTo("disk5");
		assertThat(device.has("reason")).isFalse();
		assertThat(this.machine.get("/devices/hot0").is(200).body()).isEqualTo(device);
		assertThat(this.machine.links().get("hot0")).containsExactly("iothread1");
	}

	@Test
	void anIOThreadTakesADeviceItself() {
		Answer answer = this.machine.post("/iothreads/iothread0/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		assertThat(answer.header("Location")).endsWith(this.machine.path("/devices/hot0"));
		JsonNode iothread = answer.body();
		assertThat(iothread.path("id").asString()).isEqualTo("iothread0");
		assertThat(iothread.path("attached-cnt").asInt()).isEqualTo(3);
		assertThat(iothread.path("attached-dev").asString())
			.isEqualTo("/machine/peripheral/blk0/virtio-backend | /machine/peripheral/blk1/virtio-backend"
					+ " | /machine/peripheral/hot0/virtio-backend");
		assertThat(this.machine.get("/iothreads/iothread0").is(200).body()).isEqualTo(iothread);
		this.machine.showsWhatIs();
	}

	@ParameterizedTest
	@CsvSource({ "virtio-blk-pci, disk5", "virtio-blk-pci-transitional, disk5",
			"virtio-blk-pci-non-transitional, disk5", "virtio-scsi-pci,", "virtio-scsi-pci-transitional,",
			"virtio-scsi-pci-non-transitional,", "virtio-balloon-pci,", "virtio-balloon-pci-transitional,",
			"virtio-balloon-pci-non-transitional," })
	void everyDriverOfTheListCanBeAttached(String driver, String drive) {
		String member = (drive != null) ? ", 'drive': '%s'".formatted(drive) : "";
		JsonNode device = this.machine
			.post("/devices", "{'id': 'hot0', 'driver': '%s', 'iothreads': ['iothread1']%s}".formatted(driver, member))
			.is(201)
			.body();
		assertThat(device.path("driver").asString()).isEqualTo(driver);
		assertThat(device.path("drive").asString("")).isEqualTo((drive != null) ? drive : "");
		this.machine.showsWhatIs();
		this.machine.delete("/devices/hot0").is(204);
	}

	@ParameterizedTest
	@ValueSource(strings = { "e1000", "virtio-net-pci", "pcie-root-port", "vfio-pci", "virtio-scsi", "VIRTIO-BLK-PCI",
			"virtio-blk-pci ", "virtio-blk-pci,romfile=x" })
	void aDriverThatIsNotInTheListIsRefused(String driver) {
		this.machine.post("/devices", "{'id': 'hot0', 'driver': '%s', 'drive': 'disk5'}".formatted(driver))
			.isInvalid("driver");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aDriverThatThisMachineDoesNotHaveIsNotSupported() {
		this.machine.post("/devices", "{'id': 'hot0', 'driver': 'virtio-blk-ccw', 'drive': 'disk5'}")
			.isProblem(422, "not-supported");
	}

	@ParameterizedTest
	@ValueSource(strings = { "virtio-blk-device", "virtio-scsi-device", "virtio-balloon-device" })
	void aDriverForWhichThereIsNoBusIsRefused(String driver) {
		String drive = driver.startsWith("virtio-blk") ? ", 'drive': 'disk5'" : "";
		this.machine.post("/devices", "{'id': 'hot0', 'driver': '%s'%s}".formatted(driver, drive)).isInvalid("bus");
	}

	@ParameterizedTest
	@ValueSource(strings = { "virtio-blk-pci", "virtio-scsi-pci" })
	void severalIOThreadsShareTheQueuesOfADevice(String driver) {
		String drive = driver.startsWith("virtio-blk") ? ", 'drive': 'disk5'" : "";
		String json = "{'id': 'hot0', 'driver': '%s', 'iothreads': ['iothread1', 'iothread0']%s}".formatted(driver,
				drive);
		if (!this.machine.maps(driver)) {
			this.machine.post("/devices", json).isProblem(422, "not-supported");
			assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
			return;
		}
		JsonNode device = this.machine.post("/devices", json).is(201).body();
		assertThat(device.path("iothreads").path(0).asString()).isEqualTo("iothread0");
		assertThat(device.path("iothreads").path(1).asString()).isEqualTo("iothread1");
		assertThat(this.machine.links().get("hot0")).isEqualTo(Set.of("iothread0", "iothread1"));
		this.machine.showsWhatIs();
	}

	@Test
	void aBalloonHasNoQueuesToShare() {
		this.machine
			.post("/devices", "{'id': 'hot0', 'driver': 'virtio-balloon-pci', 'iothreads': ['iothread1', 'iothread0']}")
			.isProblem(422, "not-supported");
	}

	@Test
	void thereIsOneBalloonAtMost() {
		this.machine.post("/devices", "{'id': 'hot0', 'driver': 'virtio-balloon-pci'}").is(201);
		this.machine.post("/devices", "{'id': 'hot1', 'driver': 'virtio-balloon-pci'}").isInvalid("driver");
		this.machine.post("/devices", "{'id': 'hot1', 'driver': 'virtio-balloon-pci-transitional'}")
			.isInvalid("driver");
		this.machine.delete("/devices/hot0").is(204);
		this.machine.post("/devices", "{'id': 'hot1', 'driver': 'virtio-balloon-pci-transitional'}").is(201);
	}

	@ParameterizedTest
	@ValueSource(strings = { "blk0", "rp0", "rp9" })
	void anIdThatIsTakenIsRefused(String id) {
		this.machine.post("/devices", "{'id': '%s', 'drive': 'disk5'}".formatted(id)).isProblem(409, "device-exists");
		this.machine.post("/iothreads/iothread0/devices", "{'id': '%s', 'drive': 'disk5'}".formatted(id))
			.isProblem(409, "device-exists");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aDeviceMayBeCalledAsAnIOThreadOrANodeIs() {
		this.machine.post("/devices", "{'id': 'iothread0', 'drive': 'disk5'}").is(201);
		this.machine.post("/devices", "{'id': 'disk0', 'drive': 'disk6'}").is(201);
		this.machine.showsWhatIs();
		this.machine.delete("/devices/iothread0").is(204);
		this.machine.get("/iothreads/iothread0").is(200);
	}

	@Test
	void anIOThreadThatIsNotThereIsNotFound() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['pool0']}")
			.isProblem(404, "iothread-not-found");
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['iothread0', 'pool0']}")
			.isProblem(404, "iothread-not-found");
		this.machine.post("/iothreads/pool0/devices", "{'id': 'hot0', 'drive': 'disk5'}")
			.isProblem(404, "iothread-not-found");
		Service.shared()
			.send("POST", "/api/v1/machines/absent/devices", "{\"id\": \"hot0\", \"drive\": \"disk5\"}")
			.isProblem(404, "machine-not-found");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@ParameterizedTest
	@ValueSource(strings = { "[]", "'iothread0'", "null", "[1]", "[null]", "['']", "[['iothread0']]",
			"['iothread0', 'iothread0']", "{}" })
	void theIOThreadsAreAListOfIds(String iothreads) {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': %s}".formatted(iothreads))
			.isInvalid("iothreads");
	}

	@Test
	void theIOThreadOfTheAddressIsNotNamedAgain() {
		this.machine
			.post("/iothreads/iothread0/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['iothread0']}")
			.isInvalid("iothreads");
	}

	@Test
	void aNodeThatIsNotThereIsRefused() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'absent'}").isInvalid("drive");
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'blk0'}").isInvalid("drive");
		this.machine.post("/devices", "{'id': 'hot0'}").isInvalid("drive");
		this.machine.post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci', 'drive': 'disk5'}")
			.isInvalid("drive");
	}

	@Test
	void aNodeHasOneWriter() {
		JsonNode problem = this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk0'}")
			.isProblem(409, "node-in-use");
		assertThat(problem.path("detail").asString()).contains("disk0").contains("blk0");
		// The device that is there already does not share.
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk0', 'properties': {'share-rw': true}}")
			.isProblem(409, "node-in-use");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void thoseWhoShareANodeMayBothWrite() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {'share-rw': true}}").is(201);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk5', 'properties': {'share-rw': true}}").is(201);
		this.machine.post("/devices", "{'id': 'hot2', 'drive': 'disk5', 'properties': {'share-rw': false}}")
			.isProblem(409, "node-in-use");
		this.machine.post("/devices", "{'id': 'hot2', 'drive': 'disk5'}").isProblem(409, "node-in-use");
		this.machine.showsWhatIs();
	}

	@Test
	void aNodeIsFreeAgainWhenItsDeviceHasGone() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5'}").is(201);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk5'}").isProblem(409, "node-in-use");
		this.machine.delete("/devices/hot0").is(204);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk5'}").is(201);
	}

	@Test
	void aBusCanBeNamed() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'bus': 'rp9'}").is(201);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk6', 'bus': 'rp9'}").isInvalid("bus");
		this.machine.delete("/devices/hot0").is(204);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk6', 'bus': 'rp9'}").is(201);
	}

	@ParameterizedTest
	@ValueSource(strings = { "rp0", "pcie.0", "absent", "pcie.0/rp0/rp0", "/rp0", "rp9/", "/", "rp9,addr=1", " ", "0" })
	void aBusThatTakesNothingIsRefused(String bus) {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'bus': '%s'}".formatted(bus)).isInvalid("bus");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aBusIsATextThatIsNotEmpty() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': '', 'bus': null, 'driver': 7}")
			.isInvalid("drive", "bus", "driver");
	}

	@Test
	void aTargetIsForLibvirtAlone() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'target': 'vdb'}").isInvalid("target");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void withoutABusTheEmptyPortsAreTakenOneAfterAnotherUntilThereIsNone() {
		List<String> ports = IntStream.range(Subject.TAKEN_PORTS, Subject.PORTS)
			.mapToObj((port) -> "rp" + port)
			.toList();
		for (String port : ports) {
			this.machine.post("/devices", "{'id': 'on-%s', 'driver': 'virtio-scsi-pci'}".formatted(port)).is(201);
		}
		this.machine.post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci'}").isInvalid("bus");
		for (String port : ports) {
			this.machine.delete("/devices/on-" + port).is(204);
			this.machine.post("/devices", "{'id': 'again-%s', 'driver': 'virtio-scsi-pci'}".formatted(port)).is(201);
		}
		this.machine.showsWhatIs();
	}

	@Test
	void ofTheEmptyPortsTheOneThatHasBeenSoForLongestIsTaken() {
		for (int port = Subject.TAKEN_PORTS; port < Subject.PORTS; port++) {
			this.machine
				.post("/devices", "{'id': 'on-rp%1$d', 'driver': 'virtio-scsi-pci', 'bus': 'rp%1$d'}".formatted(port))
				.is(201);
		}
		for (String port : List.of("rp9", "rp5", "rp12")) {
			this.machine.delete("/devices/on-" + port).is(204);
		}
		this.machine.post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci'}").is(201);
		this.machine.post("/devices", "{'id': 'hot1', 'driver': 'virtio-scsi-pci', 'bus': 'rp9'}").isInvalid("bus");
		this.machine.post("/devices", "{'id': 'hot1', 'driver': 'virtio-scsi-pci'}").is(201);
		this.machine.post("/devices", "{'id': 'hot2', 'driver': 'virtio-scsi-pci', 'bus': 'rp5'}").isInvalid("bus");
		this.machine.post("/devices", "{'id': 'hot2', 'driver': 'virtio-scsi-pci', 'bus': 'rp12'}").is(201);
	}

	@ParameterizedTest
	@ValueSource(strings = { "'serial': 'a,b=\\\"c'", "'serial': ''", "'bootindex': 7", "'num-queues': 4",
			"'queue-size': 4", "'queue-size': 1024", "'write-cache': 'off'", "'share-rw': true", "'discard': false",
			"'physical_block_size': 4096, 'logical_block_size': 4096, 'opt_io_size': 8192, 'min_io_size': 4096",
			"'discard_granularity': 4294967295", "'werror': 'enospc', 'rerror': 'stop'", "'account-failed': 'auto'",
			"'ioeventfd': true", "'disable-legacy': 'on'", "'vectors': 0" })
	void aDiskTakesProperties(String properties) {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {%s}}".formatted(properties))
			.is(201);
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '~',
			value = { "serial | 'aaaaaaaaaaaaaaaaaaaaa'", "serial | 7", "serial | null", "serial | 'a\\nb'",
					"serial | '\u00e4'", "num-queues | 0", "num-queues | 1025", "num-queues | '4'", "num-queues | 4.0",
					"queue-size | 2", "queue-size | 3", "queue-size | 2048", "write-cache | true", "discard | 'on'",
					"bootindex | -1", "ioeventfd | false", "opt_io_size | 1", "min_io_size | 513",
					"discard_granularity | 513", "rerror | 'explode'", "share-rw | 1", "share-rw | null",
					"logical_block_size | 1000", "min_io_size | 33554432" })
	void aValueThatAPropertyCannotHaveIsRefused(String property, String value) {
		this.machine
			.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {'%s': %s}}".formatted(property, value))
			.isInvalid("properties." + property);
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '~',
			value = { "'logical_block_size': 4096 | logical_block_size",
					"'logical_block_size': 4096, 'physical_block_size': 512 | logical_block_size",
					"'logical_block_size': 4096, 'physical_block_size': 4096, 'opt_io_size': 512 | opt_io_size",
					"'logical_block_size': 4096, 'physical_block_size': 4096, 'discard_granularity': 512"
							+ " | discard_granularity",
					"'disable-legacy': 'on', 'disable-modern': true | disable-modern" })
	void valuesThatDoNotGoTogetherAreRefused(String properties, String named) {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {%s}}".formatted(properties))
			.isInvalid("properties." + named);
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aPlaceInTheBootOrderIsGivenOnce() {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {'bootindex': 7}}").is(201);
		this.machine.post("/devices", "{'id': 'hot1', 'drive': 'disk6', 'properties': {'bootindex': 7}}")
			.isInvalid("properties.bootindex");
	}

	@ParameterizedTest
	@ValueSource(strings = { "romfile", "iothread", "drive", "bus", "addr", "id", "iothread-vq-mapping",
			"multifunction", "x-data-plane", "Serial", "driver", "failover_pair_id", "" })
	void aPropertyThatIsNotInTheListIsRefused(String property) {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {'%s': 'x'}}".formatted(property))
			.isInvalid("properties." + property);
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '~',
			value = { "virtio-scsi-pci | 'num-queues': 2", "virtio-scsi-pci | 'serial': 'x'",
					"virtio-scsi-pci | 'bootindex': 7", "virtio-balloon-pci | 'num_queues': 2",
					"virtio-balloon-pci | 'share-rw': true" })
	void aPropertyThatTheDriverDoesNotHaveIsNotSupported(String driver, String property) {
		this.machine.post("/devices", "{'id': 'hot0', 'driver': '%s', 'properties': {%s}}".formatted(driver, property))
			.isProblem(422, "not-supported");
		this.machine
			.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': {'num_queues': 2, 'serial': 'x'}}")
			.isProblem(422, "not-supported");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '~',
			value = { "virtio-scsi-pci | 'num_queues': 1021, 'virtqueue_size': 4, 'max_sectors': 65535 |",
					"virtio-scsi-pci | 'num_queues': 1022 | num_queues",
					"virtio-scsi-pci | 'virtqueue_size': 2 | virtqueue_size",
					"virtio-scsi-pci | 'ioeventfd': false | ioeventfd",
					"virtio-balloon-pci | 'deflate-on-oom': true, 'free-page-reporting': true |" })
	void otherDriversHavePropertiesOfTheirOwn(String driver, String properties, String wrong) {
		Answer answer = this.machine.post("/devices",
				"{'id': 'hot0', 'driver': '%s', 'properties': {%s}}".formatted(driver, properties));
		if (wrong == null) {
			answer.is(201);
		}
		else {
			answer.isInvalid("properties." + wrong);
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "[]", "'serial'", "null", "7", "[{'serial': 'x'}]" })
	void thePropertiesAreAnObject(String properties) {
		this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'properties': %s}".formatted(properties))
			.isInvalid("properties");
	}

	@Test
	void allThatIsWrongIsSaidAtOnce() {
		this.machine.post("/devices",
				"{'id': null, 'driver': [], 'iothread': 'iothread0', 'properties': {'romfile': 'x', 'addr': '1.0'}}")
			.isInvalid("id", "driver", "iothread", "properties.romfile", "properties.addr");
		this.machine.post("/devices", "{'id': '0', 'driver': 'e1000', 'properties': {'serial': 1, 'bootindex': -1}}")
			.isInvalid("id", "driver", "properties.serial", "properties.bootindex");
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "{", "{'id': 'hot0', 'id': 'hot1', 'drive': 'disk5'}",
			"{'id': 'hot0', 'drive': 'disk5', 'properties': {'serial': 'x', 'serial': 'y'}}" })
	void whatIsNoJsonIsABadRequest(String body) {
		this.machine.post("/devices", body).isProblem(400, "invalid-request");
		this.machine.post("/iothreads/iothread0/devices", body).isProblem(400, "invalid-request");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void onlyJsonIsReadAndWritten() {
		for (String path : List.of("/devices", "/iothreads/iothread0/devices")) {
			this.machine.post(path, "{'id': 'hot0', 'drive': 'disk5'}", "Content-Type", "application/x-yaml")
				.isProblem(415, "unsupported-media-type");
			this.machine.post(path, "{'id': 'hot0', 'drive': 'disk5'}", "Accept", "text/plain")
				.isProblem(406, "not-acceptable");
			this.machine.post(path, "[]").isInvalid("");
		}
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

}
