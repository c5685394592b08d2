package dev.iothreads.fleet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Qcow2;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Block nodes of images whose attach does not come to an end.
 */
class LeftNodeTests {

	private static final int SIZE = 1024 * 1024;

	private static final String DEVICES = "/api/v1/machines/vm1/devices";

	@TempDir
	private Path directory;

	@EveryQemu
	void anImageThatWasOpenedTooLateIsClosed(QemuBinary binary) throws IOException {
		isClosedAfterATimeout(binary, "blockdev-add", raw());
	}

	@EveryQemu
	void anImageWhoseChainIsKnownTooLateIsClosed(QemuBinary binary) {
		isClosedAfterATimeout(binary, "x-debug-query-block-graph",
				Qcow2.create(this.directory.resolve("a.qcow2"), SIZE, null));
	}

	// Nothing is read meanwhile, so that the machine was never seen to hang.
	private void isClosedAfterATimeout(QemuBinary binary, String command, Path image) {
		try (Qemu qemu = qemu(binary);
				Monitor monitor = qemu.monitor();
				MonitorProxy proxy = new MonitorProxy(this.directory.resolve("proxy.sock"), qemu.socket());
				RunningService service = RunningService.start(settings("--iothreads.timeouts.command=1s",
						"--iothreads.refresh-interval=1h", "--iothreads.idle-interval=1h"))) {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			monitor.execute("blockdev-add", Map.of("driver", "null-co", "node-name", "others"));
			proxy.holdFrom(command);
			// A slow reading before it may be refused, too.
			await().atMost(RunningService.DEADLINE).until(() -> {
				RunningService.Answer late = service.send("POST", DEVICES, "application/json", body(image));
				assertThat(late.status()).as(late.body()).isEqualTo(504);
				return proxy.commands().contains(command);
			});
			proxy.release();
			await().atMost(RunningService.DEADLINE).untilAsserted(() -> {
				assertThat(service.get("/api/v1/machines/vm1/iothreads").status()).isIn(200, 503, 504);
				assertThat(nodes(monitor)).containsExactly("others");
			});
			await().atMost(RunningService.DEADLINE)
				.until(() -> service.send("POST", DEVICES, "application/json", body(image)).status() == 201
						|| service.get(DEVICES + "/data1").status() == 200);
		}
	}

	@EveryQemu
	void anImageIsClosedThatAStoppedQemuOpensWhenItGoesOn(QemuBinary binary) throws IOException {
		Path image = raw();
		try (Qemu qemu = qemu(binary);
				MonitorProxy proxy = new MonitorProxy(this.directory.resolve("proxy.sock"), qemu.socket());
				RunningService service = RunningService.start(settings("--iothreads.timeouts.command=1s"))) {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			proxy.stopAt("blockdev-add", qemu::stop);
			RunningService.Answer late = service.send("POST", DEVICES, "application/json", body(image));
			assertThat(late.status()).as(late.body()).isEqualTo(504);
			qemu.cont();
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
			try (Monitor monitor = qemu.monitor()) {
				await().atMost(RunningService.DEADLINE).untilAsserted(() -> assertThat(nodes(monitor)).isEmpty());
			}
		}
	}

	@EveryQemu
	void anImageIsClosedByTheNextServiceWhenOneIsKilledBeforeItPlugsTheDevice(QemuBinary binary) throws IOException {
		Path image = raw();
		try (Qemu qemu = qemu(binary);
				Monitor monitor = qemu.monitor();
				MonitorProxy proxy = new MonitorProxy(this.directory.resolve("proxy.sock"), qemu.socket())) {
			try (ServiceProcess service = ServiceProcess.start(List.of(), List.of("-Xmx128m"), settings())) {
				service.awaitState("vm1", "up");
				proxy.holdFrom("blockdev-add");
				service.post(DEVICES, body(image));
				await().atMost(RunningService.DEADLINE)
					.untilAsserted(() -> assertThat(nodes(monitor)).contains("iot-data1"));
				service.signal("KILL");
			}
			proxy.release();
			assertThat(nodes(monitor)).contains("iot-data1");
			assertThat(monitor.children("/machine/peripheral")).doesNotContainKey("data1");
			try (ServiceProcess service = ServiceProcess.start(List.of(), List.of("-Xmx128m"), settings())) {
				service.awaitState("vm1", "up");
				await().atMost(RunningService.DEADLINE).untilAsserted(() -> assertThat(nodes(monitor)).isEmpty());
			}
		}
	}

	private Path raw() throws IOException {
		return Files.write(this.directory.resolve("a.raw"), new byte[SIZE]);
	}

	private static String body(Path image) {
		return "{\"id\": \"data1\", \"image\": {\"file\": \"%s\", \"format\": \"%s\"}}".formatted(image,
				image.toString().endsWith(".qcow2") ? "qcow2" : "raw");
	}

	private static List<String> nodes(Monitor monitor) {
		return monitor.execute("query-named-block-nodes")
			.valueStream()
			.map((node) -> node.path("node-name").asString())
			.filter((name) -> !name.startsWith("#"))
			.toList();
	}

	private static Qemu qemu(QemuBinary binary) {
		return Qemu.of(binary).args("-object", "iothread,id=io0", "-device", "pcie-root-port,id=rp1,chassis=1").start();
	}

	private String[] settings(String... more) {
		return Stream
			.concat(Stream.of(more),
					Stream.of("--iothreads.max-age=0s", "--iothreads.security.anonymous=operator",
							"--iothreads.attach.images=" + this.directory, "--iothreads.attach.images-shared=true",
							"--iothreads.machines.vm1.monitor=unix:" + this.directory.resolve("proxy.sock")))
			.toArray(String[]::new);
	}

}
