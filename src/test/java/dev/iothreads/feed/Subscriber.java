package dev.iothreads.feed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A client of the stream, as the HTML standard describes it: lines make blocks, and a
 * block with data is an event.
 */
final class Subscriber implements AutoCloseable {

	static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

	private static final Event END = new Event("", "end", JsonMapper.shared().createObjectNode());

	private final HttpResponse<InputStream> response;

	private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

	private final BlockingQueue<String> comments = new LinkedBlockingQueue<>();

	private volatile String lastEventId = "";

	private Subscriber(HttpResponse<InputStream> response) {
		this.response = response;
		Thread reader = new Thread(this::read, "subscriber");
		reader.setDaemon(true);
		reader.start();
	}

	/**
	 * Opens the stream, and returns when it has begun.
	 * @param port the service's port
	 * @param query what follows the path, such as {@code ?machine=vm1}
	 * @param lastEventId where to resume, {@code null} to begin now
	 * @return the subscriber
	 */
	static Subscriber open(int port, String query, @Nullable String lastEventId) {
		HttpResponse<InputStream> response = ask(port, query, lastEventId);
		if (response.statusCode() != 200) {
			throw new AssertionError("The stream was not opened: " + response);
		}
		Subscriber subscriber = new Subscriber(response);
		if (lastEventId == null) {
			subscriber.awaitId();
		}
		return subscriber;
	}

	/**
	 * Reads a stream that has been opened.
	 * @param response the answer
	 * @return the subscriber
	 */
	static Subscriber reading(HttpResponse<InputStream> response) {
		return new Subscriber(response);
	}

	static HttpResponse<InputStream> ask(int port, String query, @Nullable String lastEventId) {
		HttpRequest.Builder request = HttpRequest
			.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/v1/events" + query))
			.header("Accept", "text/event-stream");
		if (lastEventId != null) {
			request.header("Last-Event-ID", lastEventId);
		}
		try {
			return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * Waits for the next event.
	 * @return the event
	 */
	Event next() {
		Event event = take(this.events);
		if (event == END) {
			throw new AssertionError("The stream has ended");
		}
		return event;
	}

	/**
	 * Waits for a comment.
	 * @return what follows the colon
	 */
	String nextComment() {
		return take(this.comments);
	}

	/**
	 * Waits until the server ends the stream.
	 */
	void awaitEnd() {
		while (take(this.events) != END) {
			// what came before
		}
	}

	/**
	 * What a browser would send when it resumes.
	 * @return the last id that was seen
	 */
	String lastEventId() {
		return this.lastEventId;
	}

	HttpResponse<InputStream> response() {
		return this.response;
	}

	private synchronized void awaitId() {
		long end = System.nanoTime() + DEADLINE.toNanos();
		try {
			while (this.lastEventId.isEmpty() && System.nanoTime() < end) {
				wait(1000);
			}
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private static <T> T take(BlockingQueue<T> queue) {
		try {
			T taken = queue.poll(DEADLINE.toSeconds(), TimeUnit.SECONDS);
			if (taken == null) {
				throw new AssertionError("Nothing came within " + DEADLINE);
			}
			return taken;
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private void read() {
		try (BufferedReader lines = new BufferedReader(
				new InputStreamReader(this.response.body(), StandardCharsets.UTF_8))) {
			List<String> block = new ArrayList<>();
			for (String line = lines.readLine(); line != null; line = lines.readLine()) {
				if (line.isEmpty()) {
					dispatch(block);
					block.clear();
				}
				else {
					block.add(line);
				}
			}
		}
		catch (IOException ex) {
			// one of both has closed it
		}
		this.events.add(END);
	}

	private void dispatch(List<String> block) {
		String id = "";
		String type = "message";
		StringBuilder data = new StringBuilder();
		for (String line : block) {
			if (line.startsWith(":")) {
				this.comments.add(line.substring(1));
			}
			else if (line.startsWith("id: ")) {
				id = line.substring("id: ".length());
			}
			else if (line.startsWith("event: ")) {
				type = line.substring("event: ".length());
			}
			else if (line.startsWith("data: ")) {
				data.append(line.substring("data: ".length()));
			}
			else {
				throw new AssertionError("This is no line of an event: " + line);
			}
		}
		if (!data.isEmpty()) {
			this.events.add(new Event(id, type, JsonMapper.shared().readTree(data.toString())));
		}
		if (!id.isEmpty()) {
			synchronized (this) {
				this.lastEventId = id;
				notifyAll();
			}
		}
	}

	@Override
	public void close() {
		try {
			this.response.body().close();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * An event.
	 *
	 * @param id its id
	 * @param type its type
	 * @param data what it says
	 */
	record Event(String id, String type, JsonNode data) {

		long number() {
			return Long.parseLong(this.id);
		}

		String words() {
			return this.type + " " + this.data.path(this.data.has("id") ? "id" : "name").asString("");
		}

	}

}
