package dev.iothreads.machine;

import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

/**
 * A virtual machine that can be asked for its IOThreads. It looks after its own
 * connection. A call that gets no answer fails with the reason.
 */
public interface Machine extends AutoCloseable {

	/**
	 * Says where it is asked.
	 * @return the monitor's address, such as {@code unix:/run/qemu/vm1.sock}
	 */
	String monitor();

	/**
	 * Returns its present state. It never waits.
	 * @return the state, with the reason when it is not up
	 */
	MachineStatus status();

	/**
	 * Reads the machine anew. It never waits; the future's continuations run on the
	 * machine's own thread and must not wait either.
	 * @return the snapshot to come. It fails with {@link MachineUnavailableException}
	 * where the machine cannot be asked, {@link MachineTimeoutException} where it does
	 * not answer in time, and {@link MachineRefusedException} where it refuses
	 */
	CompletableFuture<Snapshot> read();

	/**
	 * Says whether the machine must not be changed, as far as is known at present. It
	 * never waits.
	 * @return why every change is refused, {@code null} when it may be changed
	 */
	default @Nullable Refusal refusal() {
		return null;
	}

	/**
	 * Holds the machine as it is connected to now, to change it. What is changed so goes
	 * over that very connection or, when that has ended, nowhere: a moment later there
	 * may be another machine behind the same monitor.
	 * @return the changes that can be made
	 * @throws MachineUnavailableException when it is not connected to
	 */
	Changes changes();

	/**
	 * Registers what to call when a reading may give something else now: a device was
	 * removed, the machine was reset, its state has changed. It is called on the
	 * machine's own thread and must not wait.
	 * @param listener what to call
	 */
	void listen(Runnable listener);

	/**
	 * Lets go of the machine, which goes on as it is.
	 */
	@Override
	void close();

}
