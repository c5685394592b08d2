package dev.iothreads.fleet;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.iothreads.IOThreadInventoryApplication;
import dev.iothreads.testing.Needs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The service in a process of its own, which may not do as it likes: for {@code root}
 * there are no permissions, unless it lays down the capability not to mind them.
 */
class PermissionTests {

	private static final Pattern STARTED = Pattern.compile("Tomcat started on port (\\d+)");

	@TempDir
	private Path directory;

	@Test
	void aSocketThatMayNotBeWrittenToAndADirectoryThatMayNotBeListedAreNamed() throws Exception {
		Path socket = this.directory.resolve("vm1.sock");
		Path closed = Files.createDirectory(this.directory.resolve("closed"));
		try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
			channel.bind(UnixDomainSocketAddress.of(socket));
			Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("---------"));
			Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
			List<String> log = new ArrayList<>();
			Process service = start("--iothreads.machines.vm1.monitor=unix:" + socket,
					"--iothreads.discovery.directory=" + closed);
			try (BufferedReader output = service.inputReader()) {
				int port = port(output, log);
				await().atMost(RunningService.DEADLINE)
					.untilAsserted(() -> assertThat(machine(port).path("reason").asString(""))
						.contains(socket + ": permission denied. The user '")
						.contains("must be allowed to enter " + this.directory + " and to write to the socket"));
				assertThat(machine(port).path("state").asString()).isEqualTo("down");
				while (log.stream().noneMatch((line) -> line.contains(closed + " may not be read by the user '"))) {
					log.add(line(output, log));
				}
			}
			finally {
				service.destroy();
				service.waitFor();
			}
		}
	}

	private static int port(BufferedReader output, List<String> log) throws IOException {
		while (true) {
			String line = line(output, log);
			log.add(line);
			Matcher started = STARTED.matcher(line);
			if (started.find()) {
				return Integer.parseInt(started.group(1));
			}
		}
	}

	private static String line(BufferedReader output, List<String> log) throws IOException {
		String line = output.readLine();
		assertThat(line).as(String.join("\n", log)).isNotNull();
		return line;
	}

	private static Process start(String... args) throws IOException {
		List<String> command = new ArrayList<>();
		if (isRoot()) {
			command.addAll(List.of(Needs.program("setpriv", "util-linux").toString(),
					"--bounding-set=-dac_override,-dac_read_search"));
		}
		command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto",
				"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp", System.getProperty("java.class.path"),
				IOThreadInventoryApplication.class.getName(), "--server.port=0"));
		command.addAll(List.of(args));
		return new ProcessBuilder(command).redirectErrorStream(true).start();
	}

	private static boolean isRoot() throws IOException {
		return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
	}

	private static JsonNode machine(int port) throws IOException, InterruptedException {
		HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/v1/machines/vm1"))
			.build();
		return JsonMapper.shared()
			.readTree(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
	}

}
