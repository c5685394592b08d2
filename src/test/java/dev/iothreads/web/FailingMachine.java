package dev.iothreads.web;

import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;

/**
 * A machine of which no reading succeeds.
 */
public class FailingMachine extends StubMachine {

	private final MachineStatus status;

	private final RuntimeException failure;

	public FailingMachine(RuntimeException failure) {
		this(MachineStatus.UP, failure);
	}

	private FailingMachine(MachineStatus status, RuntimeException failure) {
		this.status = status;
		this.failure = failure;
	}

	public static FailingMachine unavailable(MachineState state, String reason) {
		MachineStatus status = new MachineStatus(state, reason);
		return new FailingMachine(status, new MachineUnavailableException(status));
	}

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		return CompletableFuture.failedFuture(this.failure);
	}

}
