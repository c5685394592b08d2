package dev.iothreads.metrics;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

import dev.iothreads.testing.Needs;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A real Prometheus, which scrapes the service every second and has the rules that the
 * chart ships.
 */
final class Prometheus implements AutoCloseable {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final String CONFIGURATION = """
			global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
			rule_files: ["%s"]
			scrape_configs:
			  - job_name: iothread-inventory
			    metrics_path: /actuator/prometheus
			    static_configs: [{targets: ["127.0.0.1:%d"]}]
			""";

	private static final HttpClient CLIENT = HttpClient.newHttpClient();

	private final int port;

	private final Process process;

	private final Path log;

	private Prometheus(Path directory, int servicePort) throws IOException {
		Path configuration = directory.resolve("prometheus.yaml");
		Files.writeString(configuration, CONFIGURATION.formatted(Monitoring.file("rules.yaml"), servicePort));
		this.port = freePort();
		this.log = directory.resolve("prometheus.log");
		this.process = new ProcessBuilder(Needs.program("prometheus", "prometheus").toString(),
				"--config.file=" + configuration, "--storage.tsdb.path=" + directory.resolve("data"),
				"--web.listen-address=127.0.0.1:" + this.port, "--log.level=warn")
			.redirectErrorStream(true)
			.redirectOutput(this.log.toFile())
			.start();
	}

	/**
	 * Starts Prometheus.
	 * @param directory an empty directory for all that it writes
	 * @param servicePort the port of the service that it scrapes
	 * @return Prometheus, which may not answer yet
	 */
	static Prometheus start(Path directory, int servicePort) {
		try {
			return new Prometheus(directory, servicePort);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static int freePort() throws IOException {
		try (ServerSocket free = new ServerSocket(0)) {
			return free.getLocalPort();
		}
	}

	/**
	 * Asks for the samples of this moment.
	 * @param expression PromQL
	 * @return the samples, none as long as Prometheus does not answer
	 */
	List<Sample> query(String expression) {
		JsonNode data = get("/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8));
		return data.path("result")
			.valueStream()
			.map((sample) -> new Sample(sample.path("metric"),
					Double.parseDouble(sample.path("value").path(1).asString())))
			.toList();
	}

	/**
	 * Asks for the rules and how they do.
	 * @return the rules of all groups
	 */
	List<JsonNode> rules() {
		return get("/api/v1/rules").path("groups")
			.valueStream()
			.flatMap((group) -> group.path("rules").valueStream())
			.toList();
	}

	private JsonNode get(String path) {
		HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + this.port + path))
			.timeout(DEADLINE)
			.build();
		try {
			HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
			if (answer.statusCode() == 200) {
				return JsonMapper.shared().readTree(answer.body()).path("data");
			}
			if (answer.statusCode() != 503) {
				throw new AssertionError(answer.body());
			}
		}
		catch (IOException ex) {
			if (!this.process.isAlive()) {
				throw new AssertionError("Prometheus has ended: " + log());
			}
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
		return JsonMapper.shared().createObjectNode(); // it is about to start
	}

	private String log() {
		try {
			return Files.readString(this.log);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Override
	public void close() {
		this.process.destroyForcibly();
		try {
			this.process.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * A sample.
	 *
	 * @param labels the labels, the name among them
	 * @param value the value
	 */
	record Sample(JsonNode labels, double value) {

		String label(String name) {
			return this.labels.path(name).asString("");
		}

	}

}
