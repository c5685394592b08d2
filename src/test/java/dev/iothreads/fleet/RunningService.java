package dev.iothreads.fleet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.IOThreadInventoryApplication;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * The service in this JVM, as its user starts it, on a free port; and a client for it.
 */
public final class RunningService implements AutoCloseable {

	/**
	 * Longer than anything takes, and shorter than an operator would wait.
	 */
	public static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

	private final ConfigurableApplicationContext context;

	private final int port;

	private RunningService(ConfigurableApplicationContext context) {
		this.context = context;
		this.port = ((ServletWebServerApplicationContext) context).getWebServer().getPort();
	}

	/**
	 * Starts the service.
	 * @param args what would be on its command line
	 * @return the service, taking requests
	 */
	public static RunningService start(String... args) {
		List<String> all = new ArrayList<>(List.of(args));
		all.add("--server.port=0");
		all.add("--spring.main.banner-mode=off");
		SpringApplication application = new SpringApplication(IOThreadInventoryApplication.class);
		return new RunningService(application.run(all.toArray(String[]::new)));
	}

	/**
	 * Where it listens.
	 * @return the port
	 */
	public int port() {
		return this.port;
	}

	/**
	 * Finds one of its parts.
	 * @param <T> the type
	 * @param type the type
	 * @return the bean
	 */
	public <T> T part(Class<T> type) {
		return this.context.getBean(type);
	}

	/**
	 * Asks for something and waits for the answer.
	 * @param path the path, and query
	 * @param headers names and values in turn
	 * @return the answer, whatever its status
	 */
	public Answer get(String path, String... headers) {
		return await(request(path, headers));
	}

	/**
	 * Sends something and waits for the answer.
	 * @param method the method
	 * @param path the path, and query
	 * @param mediaType what the body is
	 * @param body the body
	 * @return the answer, whatever its status
	 */
	public Answer send(String method, String path, String mediaType, String body) {
		return await(HttpRequest.newBuilder(request(path), (name, value) -> true)
			.method(method, HttpRequest.BodyPublishers.ofString(body))
			.header("Content-Type", mediaType)
			.build());
	}

	private static Answer await(HttpRequest request) {
		try {
			return answer(CLIENT.send(request, HttpResponse.BodyHandlers.ofString()));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * Asks for something.
	 * @param path the path, and query
	 * @return the answer to come
	 */
	public CompletableFuture<Answer> ask(String path) {
		return CLIENT.sendAsync(request(path), HttpResponse.BodyHandlers.ofString()).thenApply(RunningService::answer);
	}

	private HttpRequest request(String path, String... headers) {
		HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + this.port + path))
			.timeout(DEADLINE);
		if (headers.length > 0) {
			request.headers(headers);
		}
		return request.build();
	}

	private static Answer answer(HttpResponse<String> response) {
		return new Answer(response.statusCode(), response.headers().map(), response.body());
	}

	/**
	 * Asks for a machine.
	 * @param name its name
	 * @return the {@code MachineInfo}, or a problem
	 */
	public JsonNode machine(String name) {
		return get("/api/v1/machines/" + name).json();
	}

	/**
	 * Tells the state of a machine.
	 * @param name its name
	 * @return the state, or an empty text when there is no such machine
	 */
	public String state(String name) {
		return machine(name).path("state").asString("");
	}

	/**
	 * Asks for the lines of the Prometheus page.
	 * @return the lines
	 */
	public List<String> metrics() {
		return get("/actuator/prometheus").body().lines().toList();
	}

	@Override
	public void close() {
		this.context.close();
	}

	/**
	 * An answer.
	 *
	 * @param status the HTTP status
	 * @param headers the headers, their names in lower case
	 * @param body the body
	 */
	public record Answer(int status, java.util.Map<String, List<String>> headers, String body) {

		/**
		 * Reads the body.
		 * @return the body as JSON
		 */
		public JsonNode json() {
			return JsonMapper.shared().readTree(this.body);
		}

		/**
		 * Finds a header.
		 * @param name the name in lower case
		 * @return its values, joined, or an empty text
		 */
		public String header(String name) {
			return String.join(", ", this.headers.getOrDefault(name, List.of()));
		}

	}

}
