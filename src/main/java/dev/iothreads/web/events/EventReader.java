package dev.iothreads.web.events;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import org.springframework.http.MediaType;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter;

/**
 * One who reads the stream of changes, in a thread of its own: it waits for what it has
 * not seen, and for its client to take it. What the client has not taken yet is in the
 * history only: a reader costs no more for being slow, and when the history has passed it
 * by it is told to read the lists again.
 */
final class EventReader implements Runnable {

	static final String RESYNC = "resync";

	private static final String ADVICE = "What happened before this is no longer known. Read the lists again; "
			+ "what comes from here on is complete.";

	private static final int ENOUGH = 16 * 1024;

	// The container's own limit is for answers that come to an end.
	private final ResponseBodyEmitter answer = new ResponseBodyEmitter(0L);

	private final EventHistory history;

	private final Predicate<String> machines;

	private final Duration heartbeat;

	private final Consumer<EventReader> left;

	private final boolean resumes;

	/** The id of the last event that it has, or does not want. */
	private long position;

	/** The id that it would resume from. */
	private long told;

	private long wroteAt;

	private volatile boolean ended;

	/**
	 * Creates a reader. Nothing is written before it runs.
	 * @param history what is read
	 * @param machines which machines it wants to hear of
	 * @param after the id of the last event that it knows, {@code null} to begin with the
	 * next one
	 * @param heartbeat after how long a silence to give a sign of life
	 * @param left is told when it has left, once
	 */
	EventReader(EventHistory history, Predicate<String> machines, @Nullable Long after, Duration heartbeat,
			Consumer<EventReader> left) {
		this.history = history;
		this.machines = machines;
		this.heartbeat = heartbeat;
		this.left = left;
		this.resumes = after != null;
		this.position = (after != null) ? after : history.last();
		this.told = this.position;
		// Whoever has gone is noticed when something is written to it, or before.
		this.answer.onCompletion(this::end);
		this.answer.onError((failure) -> end());
	}

	/**
	 * Returns what the reader writes to.
	 * @return the body of the answer
	 */
	ResponseBodyEmitter answer() {
		return this.answer;
	}

	@Override
	public void run() {
		try {
			if (!this.resumes) {
				// So that it can resume although it has not seen any event yet.
				write("id: %d\n\n", this.position);
			}
			this.wroteAt = System.nanoTime();
			while (!this.ended) {
				proceed();
			}
			this.answer.complete();
		}
		catch (IOException | IllegalStateException ex) {
			// It has gone. The container has noticed, and ends the answer itself.
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
		}
		finally {
			this.left.accept(this);
		}
	}

	private void proceed() throws IOException, InterruptedException {
		EventHistory.Slice slice = this.history.read(this.position, this.machines, ENOUGH);
		if (slice == null) {
			this.position = this.history.last();
			this.told = this.position;
			write("id: %d\nevent: " + RESYNC + "\ndata: {\"detail\":\"" + ADVICE + "\"}\n\n", this.position);
			return;
		}
		this.position = slice.last();
		long silence = System.nanoTime() - this.wroteAt;
		if (slice.text().length > 0) {
			this.told = this.position;
			write(slice.text());
		}
		else if (silence >= this.heartbeat.toNanos()) {
			boolean passed = this.told < this.position;
			this.told = this.position;
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

	/**
	 * Ends the answer, as soon as what is being written is written.
	 */
	void end() {
		this.ended = true;
		this.history.wake();
	}

}
