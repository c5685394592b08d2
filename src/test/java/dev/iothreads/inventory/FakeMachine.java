package dev.iothreads.inventory;

import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;

/**
 * A machine that answers when the test says so.
 */
final class FakeMachine extends StubMachine {

	private final List<CompletableFuture<Snapshot>> readings = new CopyOnWriteArrayList<>();

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private volatile MachineStatus status = MachineStatus.UP;

	private volatile boolean closed;

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
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
	Snapshot answer(int reading) {
		Snapshot snapshot = new Snapshot(Instant.now(), "fake-" + reading, null, List.of(), List.of());
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
