package dev.iothreads.machine;

import java.util.concurrent.CompletableFuture;

/**
 * A machine that may be read and must not be changed.
 */
public final class ReadOnlyMachine implements Machine {

	private final Machine machine;

	private final Refusal refusal;

	/**
	 * Creates it. From now on it is this one that closes the machine.
	 * @param machine the machine
	 * @param message a sentence that says how to make it one that may be changed
	 */
	public ReadOnlyMachine(Machine machine, String message) {
		this.machine = machine;
		this.refusal = new Refusal(ChangeRefusedException.Reason.READ_ONLY, message);
	}

	@Override
	public Refusal refusal() {
		return this.refusal;
	}

	@Override
	public String monitor() {
		return this.machine.monitor();
	}

	@Override
	public MachineStatus status() {
		return this.machine.status();
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		return this.machine.read();
	}

	@Override
	public Changes changes() {
		return this.machine.changes();
	}

	@Override
	public void listen(Runnable listener) {
		this.machine.listen(listener);
	}

	@Override
	public void close() {
		this.machine.close();
	}

}
