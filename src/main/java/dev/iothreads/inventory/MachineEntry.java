package dev.iothreads.inventory;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * One machine of the registry, and the last that was read of it. However many ask, one
 * reading is under way, and at most one more waits behind it.
 */
final class MachineEntry implements AutoCloseable {

	/**
	 * So many may wait for a reading as long as it takes; the others are sent away after
	 * {@link #SHORT_WAIT}. A machine that hangs must not hold every thread of the server.
	 */
	static final int PATIENT_WAITERS = 32;

	private static final Duration SHORT_WAIT = Duration.ofMillis(100);

	/** So many changes may wait for their turn. */
	static final int WAITING_CHANGES = 32;

	// Older than anybody takes.
	private static final Duration OUTDATED = Duration.ofDays(2);

	private final String name;

	private final Machine machine;

	private final boolean readOnly;

	private final BiConsumer<MachineEntry, @Nullable Duration> changed;

	private final ReentrantLock changes = new ReentrantLock(true);

	private final Semaphore patience = new Semaphore(PATIENT_WAITERS);

	private volatile @Nullable Reading latest;

	private @Nullable CompletableFuture<Snapshot> current;

	private @Nullable CompletableFuture<Snapshot> next;

	MachineEntry(String name, Machine machine, boolean readOnly, BiConsumer<MachineEntry, @Nullable Duration> changed) {
		this.name = name;
		this.machine = machine;
		this.readOnly = readOnly;
		this.changed = changed;
		machine.listen(this::machineChanged);
	}

	String name() {
		return this.name;
	}

	MachineView view() {
		MachineStatus status = this.machine.status();
		Reading reading = this.latest;
		return new MachineView(this.name, this.machine.monitor(), this.readOnly, status,
				(status.isUp() && reading != null) ? reading.snapshot : null);
	}

	/**
	 * Returns what is known of the machine, reading it anew when that is too old.
	 * @param maxAge how long ago its reading may have begun
	 * @return the snapshot to come
	 */
	CompletableFuture<Snapshot> snapshot(Duration maxAge) {
		Reading reading = this.latest;
		if (reading != null && reading.isYoungerThan(maxAge) && this.machine.status().isUp()) {
			return CompletableFuture.completedFuture(reading.snapshot);
		}
		synchronized (this) {
			return (this.current != null) ? this.current : begin();
		}
	}

	/**
	 * Reads the machine in a reading that begins after this call, for those who know that
	 * it has changed by now.
	 * @return the snapshot to come
	 */
	CompletableFuture<Snapshot> readAnew() {
		synchronized (this) {
			if (this.current == null) {
				return begin();
			}
			if (this.next == null) {
				this.next = new CompletableFuture<>();
			}
			return this.next;
		}
	}

	/**
	 * Waits for a reading.
	 * @param reading the snapshot to come
	 * @return the snapshot
	 * @throws MachineException when it fails, or too many wait for it already
	 */
	Snapshot await(CompletableFuture<Snapshot> reading) {
		if (reading.isDone() || !this.patience.tryAcquire()) {
			return await(reading, SHORT_WAIT);
		}
		try {
			return await(reading, null);
		}
		finally {
			this.patience.release();
		}
	}

	/**
	 * Changes the machine, one change at a time. What is given to the change was read
	 * after its turn had come, and what is returned was read after it was done.
	 * @param change does it; it may throw
	 * @return the machine after the change
	 * @throws ChangeRefusedException when the machine must not be changed, or too many
	 * changes wait
	 * @throws MachineException when it cannot be read, and what the change throws
	 */
	Snapshot change(BiConsumer<Snapshot, Changes> change) {
		if (this.readOnly) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.READ_ONLY,
					"%s is read-only here. Set iothreads.machines.%1$s.read-only to false to change it."
						.formatted(this.name));
		}
		if (this.changes.getQueueLength() >= WAITING_CHANGES) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.TOO_MANY,
					"%d changes of %s wait for their turn already. Try again in a moment.".formatted(WAITING_CHANGES,
							this.name));
		}
		this.changes.lock();
		try {
			// Held before it is read: what is changed is what was read.
			Changes changes = this.machine.changes();
			Snapshot before = readBefore();
			if (before.managedBy() != null) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.MANAGED_BY_LIBVIRT,
						"%s is managed by %s, which stops a machine whose IOThreads others have changed. Change it there: virsh iothreadadd, iothreadset, iothreaddel, attach-device, detach-device."
							.formatted(this.name, before.managedBy()));
			}
			carryOut(change, before, changes);
			return readBack();
		}
		finally {
			this.changes.unlock();
		}
	}

	/**
	 * Looks for what a device could be attached with.
	 * @return the block nodes and buses that are free
	 * @throws MachineException when the machine cannot be asked
	 */
	Attachable attachable() {
		return this.machine.changes().attachable();
	}

	private Snapshot readBefore() {
		try {
			return await(readAnew());
		}
		catch (MachineTimeoutException ex) {
			throw new MachineTimeoutException("Nothing was changed. " + ex.getMessage());
		}
	}

	private void carryOut(BiConsumer<Snapshot, Changes> change, Snapshot before, Changes changes) {
		try {
			change.accept(before, changes);
		}
		catch (MachineTimeoutException | MachineRefusedException ex) {
			// Nobody knows how it is now: it is no longer as it was read.
			outdate();
			throw ex;
		}
	}

	private void outdate() {
		Reading reading = this.latest;
		if (reading != null) {
			this.latest = new Reading(reading.snapshot, reading.begun - OUTDATED.toNanos());
		}
	}

	/**
	 * Reads the machine after it was changed.
	 * @return the machine as it is now
	 * @throws MachineTimeoutException when it cannot be read
	 */
	Snapshot readBack() {
		try {
			return await(readAnew());
		}
		catch (MachineException ex) {
			throw new MachineTimeoutException(
					"The change of %s was made, but it cannot be read back: %s".formatted(this.name, ex.getMessage()));
		}
	}

	private Snapshot await(CompletableFuture<Snapshot> reading, @Nullable Duration limit) {
		try {
			return (limit != null) ? reading.get(limit.toMillis(), TimeUnit.MILLISECONDS) : reading.get();
		}
		catch (ExecutionException ex) {
			throw failure(ex.getCause());
		}
		catch (TimeoutException ex) {
			throw unavailable("%s is slow to answer and %d requests wait for it already. Try again in a moment."
				.formatted(this.name, PATIENT_WAITERS));
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw unavailable("The service is stopping. Try again when it is back.");
		}
	}

	private static MachineUnavailableException unavailable(String reason) {
		return new MachineUnavailableException(new MachineStatus(MachineState.DOWN, reason));
	}

	private static RuntimeException failure(@Nullable Throwable cause) {
		return (cause instanceof RuntimeException runtime) ? runtime : new IllegalStateException(cause);
	}

	// Called with the lock held. The reading may be done before this returns.
	private CompletableFuture<Snapshot> begin() {
		long begun = System.nanoTime();
		CompletableFuture<Snapshot> result = new CompletableFuture<>();
		this.current = result;
		this.machine.read().whenComplete((snapshot, failure) -> finish(result, begun, snapshot, failure));
		return result;
	}

	private void finish(CompletableFuture<Snapshot> result, long begun, @Nullable Snapshot snapshot,
			@Nullable Throwable failure) {
		Duration took = Duration.ofNanos(System.nanoTime() - begun);
		this.latest = (snapshot != null) ? new Reading(snapshot, begun) : null;
		beginNext();
		try {
			this.changed.accept(this, (snapshot != null) ? took : null);
		}
		finally {
			if (snapshot != null) {
				result.complete(snapshot);
			}
			else {
				result.completeExceptionally(
						(failure instanceof CompletionException wrapped && wrapped.getCause() != null)
								? wrapped.getCause()
								: (failure != null) ? failure : new IllegalStateException("no snapshot"));
			}
		}
	}

	private synchronized void beginNext() {
		CompletableFuture<Snapshot> waiting = this.next;
		this.current = null;
		this.next = null;
		if (waiting != null) {
			begin().whenComplete((snapshot, failure) -> {
				if (failure != null) {
					waiting.completeExceptionally(failure);
				}
				else {
					waiting.complete(snapshot);
				}
			});
		}
	}

	private void machineChanged() {
		if (this.machine.status().isUp()) {
			readAnew();
		}
		else {
			this.latest = null;
			this.changed.accept(this, null);
		}
	}

	@Override
	public void close() {
		this.machine.close();
	}

	/**
	 * A snapshot, and by the clock that never jumps when its reading began.
	 */
	private record Reading(Snapshot snapshot, long begun) {

		boolean isYoungerThan(Duration age) {
			return System.nanoTime() - this.begun < age.toNanos();
		}

	}

}
