package dev.iothreads.fleet;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.ScriptedMonitor.Client;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The service with as little memory as it has in its image, and monitors that would fill
 * it. It ends when there is none left, so each of them could end it for all.
 */
class MemoryTests {

	// The image has 48 MB. The class path of the tests has a hundred jars more, whose
	// directories are in the heap: after its start the service has 31 MB in use here.
	private static final String HEAP = "-Xmx40m";

	@TempDir
	private Path directory;

	@Test
	void monitorsThatSendWithoutEndTakeTheServiceFromNoClient() {
		byte[] spaces = new byte[1 << 20];
		Arrays.fill(spaces, (byte) ' ');
		byte[] objects = "{},".repeat(1 << 16).getBytes(StandardCharsets.UTF_8);
		List<AtomicInteger> ends = new ArrayList<>();
		List<ScriptedMonitor> monitors = new ArrayList<>();
		try (ScriptedMonitor neighbour = ScriptedMonitor.onUnixSocket(this.directory.resolve("neighbour.sock"),
				ScriptedMonitor.Script.answering(HostileMonitorTests::answer));
				ServiceProcess service = ServiceProcess.start(List.of(), List.of(HEAP, "-XX:+ExitOnOutOfMemoryError"),
						"--iothreads.discovery.directory=" + this.directory, "--iothreads.discovery.interval=100ms",
						"--iothreads.max-age=0s")) {
			service.awaitState("neighbour", "up");
			for (int i = 0; i < 3; i++) {
				AtomicInteger count = new AtomicInteger();
				ends.add(count);
				monitors.add(hostile("spaces" + i, count, (client, request) -> {
					client.sendRaw("{\"return\":".getBytes(StandardCharsets.UTF_8));
					for (int piece = 0; piece < 70; piece++) {
						client.sendRaw(spaces);
					}
				}));
			}
			for (int i = 0; i < 3; i++) {
				AtomicInteger count = new AtomicInteger();
				ends.add(count);
				monitors.add(hostile("objects" + i, count, (client, request) -> {
					client.sendRaw("{\"return\": [".getBytes(StandardCharsets.UTF_8));
					for (int piece = 0; piece < 16; piece++) {
						client.sendRaw(objects);
					}
					client.send("{}], \"id\": " + request.get("id") + "}");
				}));
			}
			await().atMost(RunningService.DEADLINE).until(() -> {
				service.assertIsAlive();
				assertThat(service.status("/api/v1/machines/neighbour/iothreads")).isEqualTo(200);
				return ends.stream().allMatch((count) -> count.get() >= 3);
			});
			service.awaitState("neighbour", "up");
			assertThat(neighbour.requests()).isNotEmpty();
		}
		finally {
			monitors.forEach(ScriptedMonitor::close);
		}
	}

	private ScriptedMonitor hostile(String name, AtomicInteger ends, Answering sick) {
		return ScriptedMonitor.onUnixSocket(this.directory.resolve(name + ".sock"), (client) -> {
			client.negotiate();
			JsonNode request = client.read();
			try {
				sick.answer(client, request);
				client.awaitEnd();
			}
			finally {
				ends.incrementAndGet();
			}
		});
	}

	@FunctionalInterface
	private interface Answering {

		void answer(Client client, JsonNode request) throws IOException;

	}

}
