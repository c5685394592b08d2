package dev.iothreads.web;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.Snapshot;

/**
 * A machine whose reading ends when the test completes it.
 */
final class BusyMachine extends ShownMachine {

	private final CompletableFuture<Snapshot> reading;

	BusyMachine(CompletableFuture<Snapshot> reading) {
		super(List.of(), List.of());
		this.reading = reading;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		return this.reading;
	}

}
