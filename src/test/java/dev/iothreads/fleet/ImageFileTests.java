package dev.iothreads.fleet;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Images that others have, and images that are no regular files.
 */
class ImageFileTests {

	private static final int SIZE = 1024 * 1024;

	@TempDir
	private Path directory;

	@EveryQemu
	void aFileThatAnotherQemuHasLockedIsRefusedInPlainWords(QemuBinary binary) throws IOException {
		Path file = Files.write(this.directory.resolve("a.raw"), new byte[SIZE]);
		try (Qemu qemu = qemu(binary, "vm1");
				Monitor monitor = qemu.monitor();
				RunningService service = start(this.directory)) {
			try (Qemu other = qemu(binary, "vm2")) {
				post(service, "vm2", file, 201);
				JsonNode problem = post(service, "vm1", file, 409);
				assertThat(problem.path("type").asString()).endsWith(":node-in-use");
				assertThat(problem.path("detail").asString()).contains(
						file + " is in use by another process, such as another machine: QEMU says: ", "lock",
						"Detach it there first, or name another image.");
				assertThat(nodes(monitor)).isEmpty();
				assertThat(other.isAlive()).isTrue();
			}
			post(service, "vm1", file, 201);
		}
	}

	@EveryQemu
	void aBlockDeviceOfTheHostIsOpenedAsThat(QemuBinary binary) throws IOException, InterruptedException {
		Path file = Files.write(this.directory.resolve("disk.bin"), new byte[SIZE]);
		String losetup = Needs.program("losetup", "mount").toString();
		String device = output(losetup, "--find", "--show", file.toString());
		Needs.permission(device.startsWith("/dev/loop"), "no loop device can be made: run the tests as root");
		try (Qemu qemu = qemu(binary, "vm1");
				Monitor monitor = qemu.monitor();
				RunningService service = start(Path.of("/dev"))) {
			JsonNode attached = post(service, "vm1", Path.of(device), 201);
			assertThat(attached.path("image").path("file").asString()).isEqualTo(device);
			assertThat(attached.path("image").path("size").asLong()).isEqualTo(SIZE);
			assertThat(monitor.execute("query-named-block-nodes").valueStream())
				.extracting((node) -> node.path("drv").asString())
				.contains("host_device");
			assertThat(service.send("DELETE", "/api/v1/machines/vm1/devices/data1?force=true", "application/json", "")
				.status()).isIn(202, 204);
		}
		finally {
			output(losetup, "--detach", device);
		}
	}

	private static String output(String... command) throws IOException, InterruptedException {
		Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
		String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
		assertThat(process.waitFor(RunningService.DEADLINE.toSeconds(), TimeUnit.SECONDS)).isTrue();
		return output;
	}

	private static JsonNode post(RunningService service, String machine, Path file, int status) {
		await().atMost(RunningService.DEADLINE).until(() -> service.state(machine).equals("up"));
		RunningService.Answer answer = service.send("POST", "/api/v1/machines/" + machine + "/devices",
				"application/json",
				"{\"id\": \"data1\", \"image\": {\"file\": \"%s\", \"format\": \"raw\"}}".formatted(file));
		assertThat(answer.status()).as(answer.body()).isEqualTo(status);
		return answer.json();
	}

	private static List<String> nodes(Monitor monitor) {
		return monitor.execute("query-named-block-nodes")
			.valueStream()
			.map((node) -> node.path("node-name").asString())
			.toList();
	}

	private Qemu qemu(QemuBinary binary, String name) {
		return Qemu.of(binary)
			.args("-object", "iothread,id=io0", "-device", "pcie-root-port,id=rp1,chassis=1")
			.monitor(name)
			.in(this.directory)
			.start();
	}

	private RunningService start(Path images) {
		return RunningService.start("--iothreads.max-age=0s", "--iothreads.security.anonymous=operator",
				"--iothreads.attach.images=" + images, "--iothreads.discovery.directory=" + this.directory,
				"--iothreads.discovery.interval=100ms", "--iothreads.timeouts.detach=100ms");
	}

}
