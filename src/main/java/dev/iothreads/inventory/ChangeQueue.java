package dev.iothreads.inventory;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Refusal;
import dev.iothreads.machine.Snapshot;

/**
 * The changes of one machine, made one after another.
 */
final class ChangeQueue {

	/** How many changes may wait behind the one that is under way. */
	static final int MAX_WAITING = 32;

	/** How many requests may wait for the guest to release a device. */
	static final int MAX_WAITING_FOR_GUEST = 16;

	private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);

	private final String name;

	private final Machine machine;

	private final MachineEntry readings;

	private final ReentrantLock lock = new ReentrantLock(true);

	private final Semaphore places = new Semaphore(1 + MAX_WAITING);

	private final Semaphore guestPlaces = new Semaphore(MAX_WAITING_FOR_GUEST);

	private final SingleFlight<Attachable> attachable = new SingleFlight<>();

	ChangeQueue(String name, Machine machine, MachineEntry readings) {
		this.name = name;
		this.machine = machine;
		this.readings = readings;
		machine.listen(this.attachable::invalidate);
	}

	/**
	 * Changes the machine when its turn has come: reads it, makes the change, and reads
	 * it again.
	 * @param change makes the change, given the machine as it is read before; it may
	 * throw
	 * @return the machine after the change
	 * @throws ChangeRefusedException when the machine must not be changed, or too many
	 * changes wait
	 * @throws MachineException when it cannot be read, and what the change throws
	 */
	Snapshot change(BiConsumer<Snapshot, Changes> change) {
		requireChangeable();
		if (!this.places.tryAcquire()) {
			throw tooMany("%d changes of %s wait for their turn already. Try again in a moment.", MAX_WAITING);
		}
		try {
			awaitTurn();
			try {
				return changeNow(change);
			}
			finally {
				this.lock.unlock();
			}
		}
		finally {
			this.places.release();
		}
	}

	private void requireChangeable() {
		Refusal refusal = this.machine.refusal();
		if (refusal != null) {
			throw new ChangeRefusedException(refusal);
		}
	}

	private void awaitTurn() {
		try {
			if (!this.lock.tryLock(LONGEST_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
				throw tooMany("This change waited %d s for other changes of %s. Try again in a moment.",
						LONGEST_WAIT.toSeconds());
			}
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw MachineEntry.stopping();
		}
	}

	private ChangeRefusedException tooMany(String reason, long number) {
		return new ChangeRefusedException(ChangeRefusedException.Reason.TOO_MANY, reason.formatted(number, this.name));
	}

	private Snapshot changeNow(BiConsumer<Snapshot, Changes> change) {
		// Taken before the reading: they are bound to the connection that is read.
		Changes changes = this.machine.changes();
		Snapshot before = readBefore();
		requireChangeable();
		try {
			change.accept(before, changes);
		}
		catch (MachineTimeoutException | MachineUnavailableException | MachineRefusedException ex) {
			// The change may have been made all the same.
			this.readings.doubt();
			throw ex;
		}
		finally {
			this.attachable.invalidate();
		}
		return readBack();
	}

	private Snapshot readBefore() {
		try {
			return this.readings.await(this.readings.readAnew());
		}
		catch (MachineTimeoutException ex) {
			throw new MachineTimeoutException("Nothing was changed. " + ex.getMessage());
		}
	}

	/**
	 * Reads the machine after it was changed.
	 * @return the machine as it is now
	 * @throws MachineTimeoutException when it cannot be read
	 */
	Snapshot readBack() {
		try {
			return this.readings.await(this.readings.readAnew());
		}
		catch (MachineException ex) {
			throw new MachineTimeoutException(
					"The change of %s was made, but it cannot be read back: %s".formatted(this.name, ex.getMessage()));
		}
	}

	/**
	 * Looks for what a device could be attached with. Requests that ask at the same time
	 * share one look.
	 * @param maxAge how long ago the machine may have been asked
	 * @return the block nodes and buses that are free
	 * @throws MachineException when the machine cannot be asked, or too many requests
	 * wait for its reply
	 */
	Attachable attachable(Duration maxAge) {
		MachineStatus status = this.machine.status();
		if (!status.isUp()) {
			throw new MachineUnavailableException(status);
		}
		return this.attachable.get(maxAge, () -> this.machine.changes().attachable(), this.readings::await);
	}

	/**
	 * Waits for the guest, unless {@value #MAX_WAITING_FOR_GUEST} requests do so already:
	 * a guest that never acts must not hold every thread of the server.
	 * @param done completes when the guest has acted
	 * @param limit how long to wait
	 * @throws TimeoutException when it has not completed by then
	 * @throws ExecutionException when it failed
	 * @throws InterruptedException when this thread is interrupted
	 */
	void awaitGuest(CompletableFuture<?> done, Duration limit)
			throws TimeoutException, ExecutionException, InterruptedException {
		if (done.isDone() || !this.guestPlaces.tryAcquire()) {
			done.get(0, TimeUnit.MILLISECONDS);
			return;
		}
		try {
			done.get(limit.toMillis(), TimeUnit.MILLISECONDS);
		}
		finally {
			this.guestPlaces.release();
		}
	}

}
