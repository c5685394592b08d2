package dev.iothreads.fleet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qcow2;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Disks that are attached behind a SCSI controller.
 */
class ScsiDiskTests {

	private static final String DEVICES = "/api/v1/machines/vm1/devices";

	private static final int SIZE = 1024 * 1024;

	@TempDir
	private Path directory;

	@EveryQemu
	void aDiskComesWithItsImageAndGoesWithItsNode(QemuBinary binary) {
		try (Qemu qemu = qemu(binary); Monitor monitor = qemu.monitor(); RunningService service = start()) {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			Path image = Qcow2.create(this.directory.resolve("a.qcow2"), SIZE, null);
			JsonNode controller = post(service,
					"\"bus\": \"scsi0.0\", \"properties\": {\"serial\": \"abc\"}, \"image\": {\"file\": \"%s\", \"format\": \"qcow2\", \"cache\": \"writethrough\"}"
						.formatted(image),
					201);
			assertThat(controller.path("id").asString()).isEqualTo("scsi0");
			assertThat(controller.path("iothreads").path(0).asString()).isEqualTo("io0");
			assertThat(controller.path("disks").valueStream()).singleElement().satisfies((disk) -> {
				assertThat(disk.path("id").asString()).isEqualTo("hd1");
				assertThat(disk.path("driver").asString()).isEqualTo("scsi-hd");
				assertThat(disk.path("drive").asString()).isEqualTo("iot-hd1");
				assertThat(disk.path("image").path("file").asString()).isEqualTo(image.toString());
			});
			assertThat(monitor.property("/machine/peripheral/hd1", "serial")).hasToString("\"abc\"");
			assertThat(nodes(monitor)).contains("iot-hd1");
			assertThat(post(service, "\"bus\": \"scsi0.0\", \"drive\": \"disk0\"", 409).path("type").asString())
				.endsWith("device-exists");
			detach(service, 204);
			assertThat(nodes(monitor)).containsExactly("disk0");
			assertThat(service.get(DEVICES + "/scsi0").json().path("disks").isEmpty()).isTrue();
			detach(service, 404);
			assertThat(post(service, "\"bus\": \"scsi0.0\", \"drive\": \"disk0\"", 201).path("disks")).hasSize(1);
			detach(service, 204);
			assertThat(nodes(monitor)).containsExactly("disk0");
		}
	}

	@EveryQemu
	void whatIsNoPlaceForItIsRefusedAndLeavesNoNode(QemuBinary binary) throws IOException {
		try (Qemu qemu = qemu(binary); Monitor monitor = qemu.monitor(); RunningService service = start()) {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			Path file = Files.write(this.directory.resolve("a.raw"), new byte[SIZE]);
			String image = "\"image\": {\"file\": \"%s\", \"format\": \"raw\"}".formatted(file);
			assertThat(invalid(service, image)).containsExactly("bus");
			assertThat(invalid(service, "\"iothreads\": [\"io0\"], \"bus\": \"scsi0.0\", " + image))
				.containsExactly("iothreads");
			for (String bus : List.of("lsi0.0", "rp0", "none.0")) {
				JsonNode problem = post(service, "\"bus\": \"%s\", %s".formatted(bus, image), 422);
				assertThat(problem.path("detail").asString()).contains("Name one of these: scsi0.0");
			}
			assertThat(invalid(service, "\"bus\": \"scsi0.0\"")).containsExactly("drive");
			assertThat(service
				.send("POST", "/api/v1/machines/vm1/iothreads/io0/devices", "application/json",
						"{\"id\": \"hd1\", \"driver\": \"scsi-hd\", \"bus\": \"scsi0.0\", \"drive\": \"disk0\"}")
				.status()).isEqualTo(422);
			assertThat(nodes(monitor)).containsExactly("disk0");
		}
	}

	// The other user runs in the main loop, and the controller on an IOThread: QEMU 7.2
	// serves a node from one place.
	@EveryQemu
	void aNodeOfAnotherDeviceIsSharedFromQemu11On(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=1048576", "-device",
					"virtio-scsi-pci,id=scsi0,iothread=io0", "-device",
					"virtio-blk-pci,id=main0,drive=disk0,share-rw=on")
			.monitor("vm1")
			.in(this.directory)
			.start(); RunningService service = start()) {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			RunningService.Answer answer = service.send("POST", DEVICES, "application/json",
					"{\"id\": \"hd1\", \"driver\": \"scsi-hd\", \"bus\": \"scsi0.0\", \"drive\": \"disk0\", \"properties\": {\"share-rw\": true}}");
			assertThat(answer.status()).as(answer.body()).isEqualTo(binary.isAtLeast(11, 0) ? 201 : 409);
			if (answer.status() == 409) {
				assertThat(answer.json().path("type").asString()).endsWith("node-in-use");
				assertThat(answer.json().path("detail").asString()).contains("Name another node");
			}
			else {
				detach(service, 204);
			}
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	private static List<String> invalid(RunningService service, String members) {
		return post(service, members, 422).path("errors")
			.valueStream()
			.map((error) -> error.path("field").asString())
			.toList();
	}

	private static JsonNode post(RunningService service, String members, int status) {
		RunningService.Answer answer = service.send("POST", DEVICES, "application/json",
				"{\"id\": \"hd1\", \"driver\": \"scsi-hd\", %s}".formatted(members));
		assertThat(answer.status()).as(answer.body()).isEqualTo(status);
		return answer.json();
	}

	private static void detach(RunningService service, int status) {
		RunningService.Answer answer = service.send("DELETE", DEVICES + "/hd1", "application/json", "");
		assertThat(answer.status()).as(answer.body()).isEqualTo(status);
	}

	private static List<String> nodes(Monitor monitor) {
		return monitor.execute("query-named-block-nodes")
			.valueStream()
			.map((node) -> node.path("node-name").asString())
			.filter((name) -> !name.startsWith("#"))
			.toList();
	}

	private Qemu qemu(QemuBinary binary) {
		return Qemu.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=1048576", "-device",
					"virtio-scsi-pci,id=scsi0,iothread=io0", "-device", "lsi53c895a,id=lsi0", "-device",
					"pcie-root-port,id=rp0,chassis=1")
			.monitor("vm1")
			.in(this.directory)
			.start();
	}

	private RunningService start() {
		return RunningService.start("--iothreads.max-age=0s", "--iothreads.security.anonymous=operator",
				"--iothreads.attach.images=" + this.directory, "--iothreads.discovery.directory=" + this.directory,
				"--iothreads.discovery.interval=100ms");
	}

}
