package dev.iothreads.inventory;

import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import org.jspecify.annotations.Nullable;

/**
 * A machine that answers when the test says so.
 */
final class FakeMachine extends StubMachine {

	private final List<CompletableFuture<Snapshot>> readings = new CopyOnWriteArrayList<>();

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private volatile MachineStatus status = MachineStatus.UP;

	private volatile boolean closed;

	private volatile @Nullable Throwable broken;

	private final AtomicInteger questions = new AtomicInteger();

	private volatile CountDownLatch answers = new CountDownLatch(0);

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		if (this.broken instanceof Error error) {
			throw error;
		}
		if (this.broken instanceof RuntimeException failure) {
			throw failure;
		}
		CompletableFuture<Snapshot> reading = new CompletableFuture<>();
		this.readings.add(reading);
		return reading;
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	@Override
	public void close() {
		this.closed = true;
	}

	@Override
	public Attachable attachable() {
		this.questions.incrementAndGet();
		try {
			this.answers.await();
		}
		catch (InterruptedException ex) {
			throw new IllegalStateException(ex);
		}
		return new Attachable(Instant.now(), List.of(), List.of());
	}

	/**
	 * How often it was asked for places.
	 */
	int questions() {
		return this.questions.get();
	}

	/**
	 * Answers no question for places until the test says so.
	 */
	CountDownLatch holdQuestions() {
		this.answers = new CountDownLatch(1);
		return this.answers;
	}

	/**
	 * Throws this from now on instead of reading, {@code null} to read again.
	 */
	void breakReadings(@Nullable Throwable failure) {
		this.broken = failure;
	}

	boolean isClosed() {
		return this.closed;
	}

	/**
	 * How many readings have begun.
	 */
	int begun() {
		return this.readings.size();
	}

	/**
	 * Answers a reading, counted from 0.
	 */
	Snapshot answer(int reading, IOThread... iothreads) {
		Snapshot snapshot = new Snapshot(Instant.now(), "fake-" + reading, null, List.of(iothreads), List.of());
		this.readings.get(reading).complete(snapshot);
		return snapshot;
	}

	void fail(int reading, RuntimeException failure) {
		this.readings.get(reading).completeExceptionally(failure);
	}

	void become(MachineState state) {
		this.status = (state == MachineState.UP) ? MachineStatus.UP : new MachineStatus(state, "It is " + state);
		tell();
	}

	void tell() {
		this.listeners.forEach(Runnable::run);
	}

}
