package dev.iothreads.web.events;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

import dev.iothreads.inventory.Change;
import dev.iothreads.inventory.ChangeFeed;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.web.api.DeviceInfo;
import dev.iothreads.web.api.IOThreadInfo;
import dev.iothreads.web.api.MachineInfo;
import dev.iothreads.web.problem.TooManyReadersException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.task.SimpleAsyncTaskExecutorBuilder;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter;

/**
 * The stream of changes and the clients that read it, each in a thread of its own and at
 * its own speed.
 */
@Component
public class EventStream {

	public static final int MOST_READERS = 100;

	static final int HISTORY = 10_000;

	static final int HISTORY_BYTES = 4 * 1024 * 1024;

	/** By then the closed connection of a reader is found, too. */
	static final Duration HEARTBEAT = Duration.ofSeconds(15);

	private final EventHistory history;

	private final Semaphore places = new Semaphore(MOST_READERS);

	private final ObjectWriter json;

	private final Executor threads;

	private final Set<EventReader> readers = ConcurrentHashMap.newKeySet();

	private volatile boolean closed;

	EventStream(Inventory inventory, JsonMapper json, SimpleAsyncTaskExecutorBuilder threads) {
		// Ids grow across restarts, so that an id of another process is known as unknown.
		this.history = new EventHistory(HISTORY, HISTORY_BYTES,
				TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis()));
		this.json = json.writer().without(SerializationFeature.INDENT_OUTPUT);
		this.threads = threads.threadNamePrefix("events-").build();
		inventory.listen(new ChangeFeed(this::publish));
		inventory.readOftenWhile(() -> !this.readers.isEmpty());
	}

	/**
	 * Starts a reader, without waiting.
	 * @param after the id of the last event that the client has, {@code null} to begin
	 * with the next one
	 * @param machines whether the client wants events of a machine
	 * @param allowed whether the client may read still; the stream ends within
	 * {@link #HEARTBEAT} of when it may not
	 * @return the body of the answer
	 * @throws TooManyReadersException when {@link #MOST_READERS} clients read already
	 */
	ResponseBodyEmitter open(@Nullable Long after, Predicate<String> machines, BooleanSupplier allowed) {
		if (!this.places.tryAcquire()) {
			throw new TooManyReadersException(MOST_READERS);
		}
		EventReader reader = new EventReader(this.history, machines, after, allowed, HEARTBEAT, this::remove);
		this.readers.add(reader);
		try {
			this.threads.execute(reader);
		}
		catch (RuntimeException ex) {
			remove(reader);
			throw ex;
		}
		if (this.closed) {
			reader.end();
		}
		return reader.answer();
	}

	public int readers() {
		return this.readers.size();
	}

	private void publish(Change change) {
		this.history.add(change.machine(), change.kind().wireName(), this.json.writeValueAsString(data(change)));
	}

	private static Object data(Change change) {
		if (change instanceof Change.OfMachine machine) {
			return MachineInfo.of(machine.view());
		}
		if (change instanceof Change.OfIOThread iothread) {
			return IOThreadInfo.of(iothread.machine(), iothread.iothread());
		}
		Change.OfDevice device = (Change.OfDevice) change;
		return DeviceInfo.of(device.machine(), device.device());
	}

	private void remove(EventReader reader) {
		if (this.readers.remove(reader)) {
			this.places.release();
		}
	}

	// A graceful shutdown waits for requests, and these do not end by themselves.
	@EventListener(ContextClosedEvent.class)
	void close() {
		this.closed = true;
		endAll();
	}

	void endAll() {
		this.readers.forEach(EventReader::end);
	}

}
