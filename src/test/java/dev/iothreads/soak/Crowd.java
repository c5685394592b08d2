package dev.iothreads.soak;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Clients that ask the service, and check each answer.
 */
final class Crowd {

	private static final JsonMapper JSON = JsonMapper.shared();

	private static final Duration LONGEST = Duration.ofSeconds(60);

	private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

	private final URI base;

	private final int machines;

	private final Tally tally;

	private final Queue<String> wrong = new ConcurrentLinkedQueue<>();

	private final List<Thread> threads = new ArrayList<>();

	private volatile boolean over;

	Crowd(int port, int machines, Tally tally) {
		this.base = URI.create("http://127.0.0.1:" + port);
		this.machines = machines;
		this.tally = tally;
	}

	void start(String name, int number, long seed, Work work) {
		for (int i = 0; i < number; i++) {
			Random random = new Random(seed + i);
			Thread thread = new Thread(() -> {
				while (!this.over) {
					try {
						work.once(random);
					}
					catch (IOException ex) {
						this.wrong.add(name + ": " + ex);
					}
					catch (InterruptedException ex) {
						return;
					}
				}
			}, "soak-" + name + "-" + i);
			thread.setDaemon(true);
			this.threads.add(thread);
			thread.start();
		}
	}

	void stop() throws InterruptedException {
		this.over = true;
		for (Thread thread : this.threads) {
			thread.join(Duration.ofSeconds(5).toMillis());
			thread.interrupt();
			thread.join(LONGEST.toMillis());
		}
	}

	Queue<String> wrong() {
		return this.wrong;
	}

	void read(Random random) throws IOException, InterruptedException {
		String machine = "/api/v1/machines/" + Herd.name(random.nextInt(this.machines));
		String path = switch (random.nextInt(8)) {
			case 0 -> "/api/v1/machines";
			case 1 -> "/api/v1/iothreads";
			case 2 -> machine;
			case 3 -> machine + "/iothreads";
			case 4 -> machine + "/iothreads/io0";
			case 5 -> machine + "/devices";
			case 6 -> machine + "/iothreads/io0/devices";
			default -> "/actuator/prometheus";
		};
		HttpResponse<String> answer = ask("GET", path, null);
		this.tally.add("GET " + answer.statusCode());
		if (!List.of(200, 404, 503, 504).contains(answer.statusCode())) {
			this.wrong.add("GET " + path + ": " + answer.body());
		}
		else if (answer.statusCode() == 200 && path.endsWith("/iothreads")) {
			for (JsonNode iothread : JSON.readTree(answer.body())) {
				if (iothread.path("attached-cnt").asInt() != iothread.path("attached-devices").size()) {
					this.wrong.add("Miscounted: " + iothread);
				}
			}
		}
		Thread.sleep(random.nextInt(100));
	}

	void write(Random random) throws IOException, InterruptedException {
		String machine = "/api/v1/machines/" + Herd.name(random.nextInt(this.machines));
		String pool = "pool" + random.nextInt(4);
		String disk = "disk" + (1 + random.nextInt(Herd.DISKS - 1));
		HttpResponse<String> answer = switch (random.nextInt(6)) {
			case 0 -> ask("POST", machine + "/iothreads", "{\"id\": \"%s\"}".formatted(pool));
			case 1 -> ask("DELETE", machine + "/iothreads/" + pool, null);
			case 2 ->
				ask("PATCH", machine + "/iothreads/io0", "{\"poll-max-ns\": %d}".formatted(random.nextInt(100_000)));
			case 3, 4 -> ask("POST", machine + "/devices", "{\"id\": \"blk-%s\", \"drive\": \"%1$s\"}".formatted(disk));
			default -> ask("DELETE", machine + "/devices/blk-" + disk, null);
		};
		this.tally.add("change " + answer.statusCode());
		if (answer.statusCode() == 500 || answer.statusCode() == 502) {
			this.wrong.add("%s %s: %s".formatted(answer.request().method(), answer.request().uri(), answer.body()));
		}
		Thread.sleep(random.nextInt(300));
	}

	void watch(Random random) throws IOException, InterruptedException {
		HttpResponse<InputStream> answer = this.client.send(
				HttpRequest.newBuilder(this.base.resolve("/api/v1/events")).build(),
				HttpResponse.BodyHandlers.ofInputStream());
		long end = System.nanoTime() + Duration.ofMillis(random.nextInt(20_000)).toNanos();
		StringBuilder line = new StringBuilder();
		try (InputStream events = answer.body()) {
			while (!this.over && System.nanoTime() < end) {
				int next = events.read();
				if (next < 0) {
					this.wrong.add("A stream has ended");
					return;
				}
				if (next == '\n') {
					if (line.toString().startsWith("event:")) {
						this.tally.add("event");
					}
					line.setLength(0);
				}
				else {
					line.append((char) next);
				}
			}
		}
	}

	HttpResponse<String> ask(String method, String path, @Nullable String body)
			throws IOException, InterruptedException {
		HttpRequest.Builder request = HttpRequest.newBuilder(this.base.resolve(path))
			.timeout(LONGEST)
			.method(method, (body != null) ? HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8)
					: HttpRequest.BodyPublishers.noBody());
		if (body != null) {
			request.header("Content-Type", "application/json");
		}
		return this.client.send(request.build(), HttpResponse.BodyHandlers.ofString());
	}

	/**
	 * What a client does again and again.
	 */
	interface Work {

		void once(Random random) throws IOException, InterruptedException;

	}

}
