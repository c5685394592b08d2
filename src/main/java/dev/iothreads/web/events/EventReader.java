package dev.iothreads.web.events;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import org.springframework.http.MediaType;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter;

/**
 * Sends the stream of changes to one client, in a thread of its own. Events that the
 * client has not taken yet are in the history only, so that a slow client costs no
 * memory. When the history no longer has them, {@code resync} asks the client to read the
 * lists again.
 */
final class EventReader implements Runnable {

	static final String RESYNC = "resync";

	private static final String ADVICE = "What happened before this is no longer known. Read the lists again; "
			+ "what comes from here on is complete.";

	private static final int ENOUGH = 16 * 1024;

	// Without a timeout: the stream does not end by itself.
	private final ResponseBodyEmitter answer = new ResponseBodyEmitter(0L);

	private final EventHistory history;

	private final Predicate<String> machines;

	private final BooleanSupplier allowed;

	private final Duration heartbeat;

	private final Consumer<EventReader> onEnd;

	private final boolean resumes;

	/** The id of the last event that was sent or skipped. */
	private long position;

	/** The latest id that the client has seen. */
	private long seen;

	private long wroteAt;

	private volatile boolean ended;

	/**
	 * Creates a reader.
	 * @param history the events
	 * @param machines whether the client wants events of a machine
	 * @param after the id of the last event that the client has, {@code null} to begin
	 * with the next one
	 * @param allowed whether the client may read still; it is asked before each write,
	 * and after each {@code heartbeat} at the latest
	 * @param heartbeat after how long without an event to send a comment
	 * @param onEnd called once when the reader has ended
	 */
	EventReader(EventHistory history, Predicate<String> machines, @Nullable Long after, BooleanSupplier allowed,
			Duration heartbeat, Consumer<EventReader> onEnd) {
		this.history = history;
		this.machines = machines;
		this.allowed = allowed;
		this.heartbeat = heartbeat;
		this.onEnd = onEnd;
		this.resumes = after != null;
		this.position = (after != null) ? after : history.last();
		this.seen = this.position;
		this.answer.onCompletion(this::end);
		this.answer.onError((failure) -> end());
	}

	ResponseBodyEmitter answer() {
		return this.answer;
	}

	@Override
	public void run() {
		try {
			if (!this.resumes) {
				// So that the client can resume before it has seen any event.
				write("id: %d\n\n", this.position);
			}
			this.wroteAt = System.nanoTime();
			while (!this.ended && this.allowed.getAsBoolean()) {
				proceed();
			}
			this.answer.complete();
		}
		catch (IOException | IllegalStateException ex) {
			// The client has closed the stream, and the container ends the answer.
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
		}
		finally {
			this.onEnd.accept(this);
		}
	}

	private void proceed() throws IOException, InterruptedException {
		EventHistory.Slice slice = this.history.read(this.position, this.machines, ENOUGH);
		if (slice == null) {
			this.position = this.history.last();
			this.seen = this.position;
			write("id: %d\nevent: " + RESYNC + "\ndata: {\"detail\":\"" + ADVICE + "\"}\n\n", this.position);
			return;
		}
		this.position = slice.last();
		long silence = System.nanoTime() - this.wroteAt;
		if (slice.text().length > 0) {
			this.seen = this.position;
			write(slice.text());
		}
		else if (silence >= this.heartbeat.toNanos()) {
			boolean passed = this.seen < this.position;
			this.seen = this.position;
			write(passed ? ":\nid: %d\n\n" : ":\n\n", this.position);
		}
		else {
			this.history.await(this.position, this.heartbeat.toNanos() - silence, () -> this.ended);
		}
	}

	private void write(String format, Object... arguments) throws IOException {
		write(format.formatted(arguments).getBytes(StandardCharsets.UTF_8));
	}

	private void write(byte[] text) throws IOException {
		this.answer.send(text, MediaType.APPLICATION_OCTET_STREAM);
		this.wroteAt = System.nanoTime();
	}

	// Ends the answer after the write that is under way.
	void end() {
		this.ended = true;
		this.history.wake();
	}

}
