package dev.iothreads.fleet;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.iothreads.IOThreadInventoryApplication;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The service in a process of its own. What it logs is read all the time.
 */
public final class ServiceProcess implements AutoCloseable {

	private static final Pattern STARTED = Pattern.compile("Tomcat started on port (\\d+)");

	private static final HttpClient CLIENT = HttpClient.newHttpClient();

	private final List<String> log = new CopyOnWriteArrayList<>();

	private final Process process;

	private final int port;

	private ServiceProcess(Process process) {
		this.process = process;
		Thread reader = new Thread(this::read, "service-log");
		reader.setDaemon(true);
		reader.start();
		this.port = awaitPort();
	}

	/**
	 * Starts the service, and waits until it takes requests.
	 * @param wrapper a program with its options that runs it, or nothing
	 * @param jvm options of the JVM
	 * @param args what would be on its command line
	 * @return the service
	 */
	public static ServiceProcess start(List<String> wrapper, List<String> jvm, String... args) {
		List<String> command = new ArrayList<>(wrapper);
		command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto",
				"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
		command.addAll(jvm);
		command.addAll(List.of("-cp", System.getProperty("java.class.path"),
				IOThreadInventoryApplication.class.getName(), "--server.port=0"));
		command.addAll(List.of(args));
		try {
			return new ServiceProcess(new ProcessBuilder(command).redirectErrorStream(true).start());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private void read() {
		try (BufferedReader output = this.process.inputReader()) {
			output.lines().forEach(this.log::add);
		}
		catch (IOException | UncheckedIOException ex) {
			this.log.add(ex.toString());
		}
	}

	private int awaitPort() {
		try {
			return await().atMost(RunningService.DEADLINE).until(() -> {
				assertIsAlive();
				for (String line : this.log) {
					Matcher started = STARTED.matcher(line);
					if (started.find()) {
						return Integer.parseInt(started.group(1));
					}
				}
				return 0;
			}, (found) -> found > 0);
		}
		catch (RuntimeException | Error ex) {
			close();
			throw ex;
		}
	}

	void assertIsAlive() {
		assertThat(this.process.isAlive()).as(String.join("\n", this.log)).isTrue();
	}

	/**
	 * Waits for a line of the log.
	 * @param words what is in it
	 */
	public void awaitLog(String words) {
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(() -> assertThat(this.log).anyMatch((line) -> line.contains(words)));
	}

	int status(String path) {
		return get(path).statusCode();
	}

	JsonNode machine(String name) {
		return JsonMapper.shared().readTree(get("/api/v1/machines/" + name).body());
	}

	void awaitState(String machine, String state) {
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(() -> assertThat(machine(machine).path("state").asString("")).isEqualTo(state));
	}

	/**
	 * Counts its descriptors.
	 */
	long descriptors() {
		return entries("fd");
	}

	/**
	 * Counts its threads.
	 */
	long threads() {
		return entries("task");
	}

	// docs: proc_pid_fd(5), proc_pid_task(5)
	private long entries(String directory) {
		try (Stream<Path> entries = Files.list(Path.of("/proc", Long.toString(this.process.pid()), directory))) {
			return entries.count();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Sends a body of JSON, and does not wait for the answer.
	 */
	void post(String path, String json) {
		CLIENT.sendAsync(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + this.port + path))
			.timeout(RunningService.DEADLINE)
			.header("Content-Type", "application/json")
			.POST(HttpRequest.BodyPublishers.ofString(json))
			.build(), HttpResponse.BodyHandlers.discarding());
	}

	private HttpResponse<String> get(String path) {
		try {
			return CLIENT.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + this.port + path))
				.timeout(RunningService.DEADLINE)
				.build(), HttpResponse.BodyHandlers.ofString());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(String.join("\n", this.log), ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * Sends it a signal.
	 * @param signal the name, such as {@code STOP}
	 */
	void signal(String signal) {
		try {
			// The shell's own kill: not every machine has a program of that name.
			Process kill = new ProcessBuilder("sh", "-c", "kill -" + signal + " " + this.process.pid()).inheritIO()
				.start();
			assertThat(kill.waitFor()).isZero();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	@Override
	public void close() {
		this.process.destroy();
		try {
			// One that is stopped takes no other signal.
			if (!this.process.waitFor(RunningService.DEADLINE.toMillis(), TimeUnit.MILLISECONDS)) {
				this.process.destroyForcibly().waitFor();
			}
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

}
