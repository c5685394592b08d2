package dev.iothreads.machine;

import java.util.concurrent.CompletableFuture;

/**
 * A machine for tests to derive from, which say what it does. Whatever a test does not
 * say fails.
 */
public class StubMachine implements Machine, Changes {

	@Override
	public String monitor() {
		return "stub";
	}

	@Override
	public MachineStatus status() {
		return MachineStatus.UP;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		throw unexpected();
	}

	@Override
	public Changes changes() {
		return this;
	}

	@Override
	public void addIOThread(String id, IOThreadSettings settings) {
		throw unexpected();
	}

	@Override
	public void tuneIOThread(String id, IOThreadSettings settings) {
		throw unexpected();
	}

	@Override
	public void removeIOThread(String id) {
		throw unexpected();
	}

	@Override
	public void attach(NewDevice device) {
		throw unexpected();
	}

	@Override
	public Attachable attachable() {
		throw unexpected();
	}

	@Override
	public CompletableFuture<Void> detach(String device, boolean force) {
		throw unexpected();
	}

	@Override
	public void listen(Runnable listener) {
		// no listener has to be notified
	}

	@Override
	public void close() {
		// nothing to let go of
	}

	private static UnsupportedOperationException unexpected() {
		return new UnsupportedOperationException("the test did not say what to do");
	}

}
