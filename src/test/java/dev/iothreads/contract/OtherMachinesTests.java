package dev.iothreads.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Machines that are not like the others.
 */
@EveryQemu
class OtherMachinesTests {

	private final QemuBinary binary;

	private final String name = Service.newName("other");

	private final List<AutoCloseable> open = new ArrayList<>();

	OtherMachinesTests(QemuBinary binary) {
		this.binary = binary;
	}

	@AfterEach
	void close() throws Exception {
		Service.shared().remove(this.name);
		for (AutoCloseable closeable : this.open) {
			closeable.close();
		}
	}

	@Test
	void aMachineWithoutIOThreadsGetsItsFirst() {
		start("-device", "pcie-root-port,id=rp0,chassis=1");
		post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci'}").isInvalid("iothreads");
		Answer weighed = post("/iothreads", "{'id': 'pool0', 'poll-weight': 7}");
		if (this.binary.isAtLeast(11, 1)) {
			assertThat(weighed.is(201).body().path("poll-weight").asInt()).isEqualTo(7);
		}
		else {
			weighed.isProblem(422, "not-supported");
			post("/iothreads", "{'id': 'pool0'}").is(201);
		}
		post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci'}").is(201);
	}

	@Test
	void aRootBusThatTakesDevicesIsLeftToQemu() {
		Monitor monitor = start("-machine", "pc", "-object", "iothread,id=iothread0", "-blockdev",
				"null-co,node-name=disk0");
		post("/devices", "{'id': 'hot0', 'drive': 'disk0'}").is(201);
		post("/devices", "{'id': 'hot1', 'driver': 'virtio-scsi-pci', 'bus': 'pci.0'}").is(201);
		post("/devices", "{'id': 'hot2', 'driver': 'virtio-scsi-pci', 'bus': 'rp0'}").isInvalid("bus");
		assertThat(QemuSubject.links(monitor))
			.isEqualTo(Map.of("hot0", Set.of("iothread0"), "hot1", Set.of("iothread0")));
		assertThat(text(monitor, "hot0", "parent_bus")).endsWith("/pci.0");
	}

	@Test
	void aRootBusThatTakesNoneIsSaidTo() {
		start("-object", "iothread,id=iothread0");
		post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci'}").isInvalid("bus");
	}

	@Test
	void aPortThatTakesNoDevicesIsPassedOver() {
		Monitor monitor = start("-object", "iothread,id=iothread0", "-device",
				"pcie-root-port,id=a0,chassis=1,hotplug=off", "-device", "pcie-root-port,id=a10,chassis=2", "-device",
				"pcie-root-port,id=a2,chassis=3", "-device", "pcie-root-port,chassis=4");
		post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci', 'bus': 'a0'}").isInvalid("bus");
		post("/devices", "{'id': 'hot0', 'driver': 'virtio-scsi-pci'}").is(201);
		post("/devices", "{'id': 'hot1', 'driver': 'virtio-scsi-pci'}").is(201);
		// The one without an id cannot be named.
		post("/devices", "{'id': 'hot2', 'driver': 'virtio-scsi-pci'}").isInvalid("bus");
		assertThat(text(monitor, "hot0", "parent_bus")).isEqualTo("/machine/peripheral/a2/a2");
		assertThat(text(monitor, "hot1", "parent_bus")).isEqualTo("/machine/peripheral/a10/a10");
	}

	@Test
	void manyMayReadANodeThatNoneCanWrite() {
		start("-object", "iothread,id=iothread0", "-blockdev", "null-co,node-name=disk0,read-only=on", "-device",
				"pcie-root-port,id=rp0,chassis=1", "-device", "pcie-root-port,id=rp1,chassis=2");
		post("/devices", "{'id': 'hot0', 'drive': 'disk0'}").is(201);
		post("/devices", "{'id': 'hot1', 'drive': 'disk0'}").is(201);
	}

	@Test
	void aDriveOfTheOldKindIsUsedOnce() {
		start("-object", "iothread,id=iothread0", "-drive", "if=none,id=drive0,driver=null-co", "-device",
				"pcie-root-port,id=rp0,chassis=1", "-device", "pcie-root-port,id=rp1,chassis=2");
		post("/devices", "{'id': 'hot0', 'drive': 'drive0', 'properties': {'share-rw': true}}").is(201);
		post("/devices", "{'id': 'hot1', 'drive': 'drive0'}").isProblem(409, "node-in-use");
		post("/devices", "{'id': 'hot1', 'drive': 'drive0', 'properties': {'share-rw': true}}").isProblem(409,
				"node-in-use");
	}

	@Test
	void aNodeBeneathOneInUseIsInUse() {
		start("-object", "iothread,id=iothread0", "-blockdev", "null-co,node-name=file0,size=1048576", "-blockdev",
				"raw,node-name=disk0,file=file0", "-device", "pcie-root-port,id=rp0,chassis=1", "-device",
				"pcie-root-port,id=rp1,chassis=2");
		post("/devices", "{'id': 'hot0', 'drive': 'disk0'}").is(201);
		post("/devices", "{'id': 'hot1', 'drive': 'file0'}").isProblem(409, "node-in-use");
	}

	@Test
	void whatTheGuestSeesIsWhatWasAskedFor() {
		Monitor monitor = start("-object", "iothread,id=iothread0", "-object", "iothread,id=iothread1", "-blockdev",
				"null-co,node-name=disk0,size=1073741824", "-device", "pcie-root-port,id=rp0,chassis=1", "-device",
				"pcie-root-port,id=rp1,chassis=2");
		post("/devices",
				"{'id': 'hot0', 'drive': 'disk0', 'bus': 'rp1', 'iothreads': ['iothread1'], 'properties': "
						+ "{'serial': 'a,b', 'bootindex': 7, 'num-queues': 3, 'queue-size': 64, 'write-cache': 'off', "
						+ "'share-rw': true, 'discard': false, 'rerror': 'stop', 'werror': 'enospc', 'packed': true, "
						+ "'logical_block_size': 4096, 'physical_block_size': 4096, 'opt_io_size': 8192}}")
			.is(201);
		assertThat(text(monitor, "hot0", "serial")).isEqualTo("a,b");
		assertThat(text(monitor, "hot0", "iothread")).isEqualTo("/objects/iothread1");
		assertThat(text(monitor, "hot0", "parent_bus")).isEqualTo("/machine/peripheral/rp1/rp1");
		assertThat(text(monitor, "hot0", "write-cache")).isEqualTo("off");
		assertThat(text(monitor, "hot0", "rerror")).isEqualTo("stop");
		assertThat(text(monitor, "hot0", "werror")).isEqualTo("enospc");
		assertThat(value(monitor, "hot0", "bootindex").asInt()).isEqualTo(7);
		assertThat(value(monitor, "hot0", "num-queues").asInt()).isEqualTo(3);
		assertThat(value(monitor, "hot0", "queue-size").asInt()).isEqualTo(64);
		assertThat(value(monitor, "hot0", "logical_block_size").asInt()).isEqualTo(4096);
		assertThat(value(monitor, "hot0", "opt_io_size").asInt()).isEqualTo(8192);
		assertThat(value(monitor, "hot0", "share-rw").asBoolean()).isTrue();
		assertThat(value(monitor, "hot0", "discard").asBoolean()).isFalse();
		assertThat(value(monitor, "hot0", "packed").asBoolean()).isTrue();
	}

	private Monitor start(String... args) {
		Qemu qemu = Qemu.of(this.binary).args("-global", QemuSubject.NATIVE_HOTPLUG).args(args).start();
		Monitor monitor = qemu.monitor();
		this.open.add(monitor);
		this.open.add(qemu);
		Service.shared()
			.add(this.name, Service.shared().connect(this.name, new MonitorAddress.UnixAddress(qemu.socket())));
		Eventually.see(
				() -> Service.shared().send("GET", "/api/v1/machines/" + this.name + "/iothreads", null).status(),
				(status) -> status == 200);
		return monitor;
	}

	private Answer post(String path, String json) {
		return Service.shared().send("POST", "/api/v1/machines/" + this.name + path, json.replace('\'', '"'));
	}

	private static JsonNode value(Monitor monitor, String device, String property) {
		return monitor.execute("qom-get", Map.of("path", "/machine/peripheral/" + device, "property", property));
	}

	private static String text(Monitor monitor, String device, String property) {
		return value(monitor, device, property).asString();
	}

}
