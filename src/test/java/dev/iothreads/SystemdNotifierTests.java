package dev.iothreads;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

import dev.iothreads.testing.Needs;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * With the real systemd-notify; Python stands in for systemd, as the JDK has no
 * datagrams.
 */
class SystemdNotifierTests {

	private static final String RECEIVER = """
			import socket, sys
			s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
			s.bind(sys.argv[1])
			open(sys.argv[2], 'w').close()
			while True:
				data, fds, flags, address = socket.recv_fds(s, 4096, 4)
				with open(sys.argv[2], 'a') as f:
					f.write(data.decode() + '\\n')
				for fd in fds:
					__import__('os').close(fd)
			""";

	@TempDir
	Path directory;

	private Process receiver;

	private Path received;

	@BeforeEach
	void receive() throws IOException {
		Needs.program("systemd-notify", "systemd");
		this.received = this.directory.resolve("received");
		this.receiver = new ProcessBuilder(Needs.program("python3", "python3").toString(), "-c", RECEIVER,
				this.directory.resolve("notify").toString(), this.received.toString())
			.inheritIO()
			.start();
		await().until(() -> Files.exists(this.received));
	}

	@AfterEach
	void end() throws InterruptedException {
		this.receiver.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
	}

	@Test
	void theServiceIsReportedReadyAliveAndStopping() throws IOException {
		try (ConfigurableApplicationContext context = start("WATCHDOG_USEC=200000")) {
			assertThat(context.isRunning()).isTrue();
			await().atMost(Duration.ofSeconds(30))
				.until(() -> lines().stream().filter("WATCHDOG=1"::equals).count() > 2);
			assertThat(lines().get(0)).isEqualTo("READY=1");
		}
		await().atMost(Duration.ofSeconds(30)).until(() -> lines().contains("STOPPING=1"));
	}

	@Test
	void withoutAWatchdogOnlyTheStartAndTheEndAreReported() throws IOException {
		start().close();
		await().atMost(Duration.ofSeconds(30)).until(() -> lines().contains("STOPPING=1"));
		assertThat(lines()).containsExactlyInAnyOrder("READY=1", "STOPPING=1");
	}

	private ConfigurableApplicationContext start(String... more) {
		return new SpringApplicationBuilder(IOThreadInventoryApplication.class).properties(more)
			.properties("NOTIFY_SOCKET=" + this.directory.resolve("notify"))
			.run("--server.port=0");
	}

	private List<String> lines() throws IOException {
		return Files.readAllLines(this.received).stream().filter((line) -> !line.startsWith("BARRIER")).toList();
	}

}
