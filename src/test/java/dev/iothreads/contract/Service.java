package dev.iothreads.contract;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

import dev.iothreads.IOThreadInventoryApplication;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Machine;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.MonitorAddress;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The whole application, listening. One does for all suites: each brings machines of its
 * own.
 */
final class Service {

	/** How long a test waits for what must happen. */
	static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

	/** A directory; images may be attached from its {@code images}. */
	static final Path IMAGES = temporary();

	private static final AtomicInteger machines = new AtomicInteger();

	private final ConfigurableApplicationContext context;

	private final HttpClient client = HttpClient.newHttpClient();

	private final URI base;

	private final JsonNode document;

	private final Map<String, JsonNode> operations = new ConcurrentHashMap<>();

	private Service() {
		// Nothing is answered from memory, and a guest is not waited for unless a test
		// asks.
		this.context = new SpringApplicationBuilder(IOThreadInventoryApplication.class).run("--server.port=0",
				"--iothreads.max-age=0s", "--iothreads.timeouts.detach=100ms",
				"--iothreads.attach.images=" + IMAGES.resolve("images"));
		this.base = URI.create(
				"http://127.0.0.1:" + this.context.getEnvironment().getProperty("local.server.port", Integer.class));
		this.document = get("/v3/api-docs");
	}

	private static Path temporary() {
		try {
			Path directory = Files.createTempDirectory("images").toRealPath();
			directory.toFile().deleteOnExit();
			return directory;
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private JsonNode get(String path) {
		try {
			return JsonMapper.shared()
				.readTree(this.client
					.send(HttpRequest.newBuilder(this.base.resolve(path)).build(), HttpResponse.BodyHandlers.ofString())
					.body());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	static Service shared() {
		return Shared.SERVICE;
	}

	/**
	 * Asserts that the OpenAPI document, as the service publishes it, knows of an answer:
	 * of its status and, where it is a problem, of problems with that status.
	 */
	private Answer documented(Answer answer) {
		String method = answer.response().request().method();
		String path = answer.response().request().uri().getRawPath();
		JsonNode responses = this.operations.computeIfAbsent(method + " " + path, (key) -> operation(method, path));
		// Whatever is wrong with an address, there is no operation to say so.
		if (!responses.isMissingNode()) {
			String status = Integer.toString(answer.status());
			// What any operation may answer is described once.
			JsonNode documented = responses.path(status).isMissingNode()
					? this.document.path("components").path("responses").path(status) : responses.path(status);
			assertThat(documented.isMissingNode()).as("%s is not documented", answer).isFalse();
			String type = answer.header("Content-Type");
			Collection<String> content = documented.path("content").propertyNames();
			if (type == null) {
				assertThat(content).as("%s has no content", answer).isEmpty();
			}
			else {
				assertThat(content).as("the content of %s", answer).contains(type.split(";")[0]);
			}
		}
		return answer;
	}

	private JsonNode operation(String method, String path) {
		String[] segments = path.split("/");
		return this.document.path("paths").propertyStream().filter((documented) -> {
			String[] template = documented.getKey().split("/");
			return template.length == segments.length && IntStream.range(0, segments.length)
				.allMatch((i) -> template[i].startsWith("{") || template[i].equals(segments[i]));
		}).findFirst().orElseThrow().getValue().path(method.toLowerCase(Locale.ROOT)).path("responses");
	}

	/**
	 * Makes a name that no machine has had.
	 */
	static String newName(String prefix) {
		return prefix + "-" + machines.incrementAndGet();
	}

	void add(String name, Machine machine) {
		inventory().add(name, machine);
	}

	/**
	 * Makes a registry, and binds to it all that the service measures.
	 */
	MeterRegistry meters() {
		MeterRegistry registry = new SimpleMeterRegistry();
		this.context.getBeansOfType(MeterBinder.class).values().forEach((binder) -> binder.bindTo(registry));
		return registry;
	}

	void remove(String name) {
		inventory().remove(name);
	}

	/**
	 * Connects to a QEMU as the configuration would.
	 */
	QemuMachine connect(String name, MonitorAddress address) {
		return connect(name, address, this.context.getBean(QemuOptions.class).commandTimeout());
	}

	/**
	 * Connects to a QEMU that has so long to answer.
	 */
	QemuMachine connect(String name, MonitorAddress address, Duration commandTimeout) {
		QemuOptions options = this.context.getBean(QemuOptions.class);
		return QemuMachine.connect(name, address, new QemuOptions(options.connectTimeout(), commandTimeout,
				options.threadFactory(), null, options.hostThreads()),
				this.context.getBean(ScheduledExecutorService.class));
	}

	private Inventory inventory() {
		return this.context.getBean(Inventory.class);
	}

	/**
	 * Asks, and waits for the answer.
	 * @param method the HTTP method
	 * @param path the path, encoded
	 * @param body the body, or {@code null} for none
	 * @param headers names and values in turn
	 * @return the answer
	 */
	Answer send(String method, String path, @Nullable String body, String... headers) {
		try {
			return documented(Answer
				.of(this.client.send(request(method, path, body, headers), HttpResponse.BodyHandlers.ofString())));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * Asks, and does not wait.
	 */
	CompletableFuture<Answer> begin(String method, String path, @Nullable String body, String... headers) {
		return this.client.sendAsync(request(method, path, body, headers), HttpResponse.BodyHandlers.ofString())
			.thenApply(Answer::of)
			.thenApply(this::documented);
	}

	private HttpRequest request(String method, String path, @Nullable String body, String... headers) {
		HttpRequest.Builder request = HttpRequest.newBuilder(this.base.resolve(path))
			.timeout(LONGEST_WAIT)
			.method(method,
					(body != null) ? HttpRequest.BodyPublishers.ofString(body) : HttpRequest.BodyPublishers.noBody());
		if (body != null) {
			request.header("Content-Type", "application/json");
		}
		for (int i = 0; i < headers.length; i += 2) {
			request.setHeader(headers[i], headers[i + 1]);
		}
		return request.build();
	}

	/**
	 * Begins with the first suite that asks; ends with the JVM.
	 */
	private static final class Shared {

		private static final Service SERVICE = new Service();

	}

}
