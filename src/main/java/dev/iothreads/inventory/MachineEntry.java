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
import dev.iothreads.machine.Refusal;
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

	/**
	 * So long an answer about many machines is kept waiting by one of them.
	 */
	static final Duration STRAGGLER = Duration.ofMillis(250);

	// Once may be the host's fault.
	private static final int HABIT = 2;

	/** So many changes may wait for their turn, behind the one that is made. */
	static final int WAITING_CHANGES = 32;

	/** So many may wait for guests to let go of devices. */
	static final int WAITING_FOR_GUESTS = 16;

	// Longer than anybody's HTTP client waits.
	private static final Duration LONGEST_QUEUE = Duration.ofMinutes(2);

	// Older than anybody takes.
	private static final Duration OUTDATED = Duration.ofDays(2);

	private final String name;

	private final Machine machine;

	private final BiConsumer<MachineEntry, @Nullable Duration> changed;

	private final ReentrantLock changes = new ReentrantLock(true);

	private final Semaphore turns = new Semaphore(1 + WAITING_CHANGES);

	private final Semaphore patience = new Semaphore(PATIENT_WAITERS);

	private final Semaphore sharedPatience;

	private final Semaphore guestWaiters = new Semaphore(WAITING_FOR_GUESTS);

	private final SharedAnswer<Attachable> attachable = new SharedAnswer<>();

	private volatile @Nullable Reading latest;

	// Counts how often it was lost: what was read before is of another machine, perhaps.
	private long losses;

	private @Nullable CompletableFuture<Snapshot> current;

	private @Nullable CompletableFuture<Snapshot> next;

	private @Nullable CompletableFuture<Snapshot> givenUp;

	// How many readings in a row were given up and took as long indeed.
	private int late;

	MachineEntry(String name, Machine machine, Semaphore sharedPatience,
			BiConsumer<MachineEntry, @Nullable Duration> changed) {
		this.name = name;
		this.sharedPatience = sharedPatience;
		this.machine = machine;
		this.changed = changed;
		machine.listen(this::machineChanged);
	}

	String name() {
		return this.name;
	}

	MachineView view() {
		MachineStatus status = this.machine.status();
		Reading reading = this.latest;
		return new MachineView(this.name, this.machine.monitor(), isReadOnly(), status,
				(status.isUp() && reading != null) ? reading.snapshot : null);
	}

	private boolean isReadOnly() {
		Refusal refusal = this.machine.refusal();
		return refusal != null && refusal.reason() == ChangeRefusedException.Reason.READ_ONLY;
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
	 * Takes notice that an answer about many machines goes out without this one.
	 * @param reading what was waited for
	 */
	synchronized void giveUp(CompletableFuture<Snapshot> reading) {
		this.givenUp = reading;
	}

	/**
	 * Tells whether an answer about many machines need not wait for a reading, because
	 * another one has done so for nothing.
	 * @param reading what is to come
	 * @return whether it was given up, or those before it were, one after another
	 */
	boolean isStraggling(CompletableFuture<Snapshot> reading) {
		if (reading.isDone()) {
			return false;
		}
		synchronized (this) {
			return this.givenUp == reading || this.late >= HABIT;
		}
	}

	/**
	 * Waits for a reading.
	 * @param <T> what is read
	 * @param reading what is to come
	 * @return what was read
	 * @throws MachineException when it fails, or too many wait for it already
	 */
	<T> T await(CompletableFuture<T> reading) {
		if (reading.isDone() || !this.patience.tryAcquire()) {
			return await(reading, SHORT_WAIT);
		}
		try {
			return awaitWithTheOthers(reading);
		}
		finally {
			this.patience.release();
		}
	}

	private <T> T awaitWithTheOthers(CompletableFuture<T> reading) {
		if (!this.sharedPatience.tryAcquire()) {
			return await(reading, SHORT_WAIT);
		}
		try {
			return await(reading, null);
		}
		finally {
			this.sharedPatience.release();
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
		requireChangeable();
		if (!this.turns.tryAcquire()) {
			throw tooMany("%d changes of %s wait for their turn already. Try again in a moment.", WAITING_CHANGES);
		}
		try {
			awaitTurn();
			try {
				return changeNow(change);
			}
			finally {
				this.changes.unlock();
			}
		}
		finally {
			this.turns.release();
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
			if (!this.changes.tryLock(LONGEST_QUEUE.toMillis(), TimeUnit.MILLISECONDS)) {
				throw tooMany("For %d s it was not this change's turn: others of %s were made. Try again in a moment.",
						LONGEST_QUEUE.toSeconds());
			}
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw stopping();
		}
	}

	private ChangeRefusedException tooMany(String reason, long number) {
		return new ChangeRefusedException(ChangeRefusedException.Reason.TOO_MANY, reason.formatted(number, this.name));
	}

	private Snapshot changeNow(BiConsumer<Snapshot, Changes> change) {
		// Held before it is read: what is changed is what was read.
		Changes changes = this.machine.changes();
		Snapshot before = readBefore();
		requireChangeable();
		try {
			carryOut(change, before, changes);
		}
		finally {
			this.attachable.outdate();
		}
		return readBack();
	}

	/**
	 * Looks for what a device could be attached with. However many ask, the machine is
	 * asked once at a time.
	 * @param maxAge how long ago the machine may have been asked
	 * @return the block nodes and buses that are free
	 * @throws MachineException when the machine cannot be asked, or too many wait for its
	 * answer already
	 */
	Attachable attachable(Duration maxAge) {
		MachineStatus status = this.machine.status();
		if (!status.isUp()) {
			throw new MachineUnavailableException(status);
		}
		return this.attachable.get(maxAge, () -> this.machine.changes().attachable(), this::await);
	}

	/**
	 * Waits for the guest to do something, unless too many wait for it already: one that
	 * never does must not hold every thread of the server.
	 * @param done completes when the guest has done it
	 * @param patience how long to wait
	 * @throws TimeoutException when it was not done while it was waited for
	 * @throws ExecutionException when it failed
	 * @throws InterruptedException when this thread is interrupted
	 */
	void awaitGuest(CompletableFuture<?> done, Duration patience)
			throws TimeoutException, ExecutionException, InterruptedException {
		if (done.isDone() || !this.guestWaiters.tryAcquire()) {
			done.get(0, TimeUnit.MILLISECONDS);
			return;
		}
		try {
			done.get(patience.toMillis(), TimeUnit.MILLISECONDS);
		}
		finally {
			this.guestWaiters.release();
		}
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

	private <T> T await(CompletableFuture<T> reading, @Nullable Duration limit) {
		try {
			return (limit != null) ? reading.get(limit.toMillis(), TimeUnit.MILLISECONDS) : reading.get();
		}
		catch (ExecutionException ex) {
			throw failure(ex.getCause());
		}
		catch (TimeoutException ex) {
			throw unavailable("%s is slow to answer and %s. Try again in a moment.".formatted(this.name,
					(this.patience.availablePermits() == 0) ? PATIENT_WAITERS + " requests wait for it already"
							: "too many requests wait for such machines already"));
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw stopping();
		}
	}

	private static MachineUnavailableException stopping() {
		return unavailable("The service is stopping. Try again when it is back.");
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
		long lossesBefore = this.losses;
		CompletableFuture<Snapshot> result = new CompletableFuture<>();
		this.current = result;
		read().whenComplete((snapshot, failure) -> finish(result, begun, lossesBefore, snapshot, failure));
		return result;
	}

	// What fails on the way to a reading is a reading that failed: nobody may be left to
	// wait for one that never began.
	private CompletableFuture<Snapshot> read() {
		try {
			return this.machine.read();
		}
		catch (RuntimeException | Error ex) {
			return CompletableFuture.failedFuture(ex);
		}
	}

	private void finish(CompletableFuture<Snapshot> result, long begun, long lossesBefore, @Nullable Snapshot snapshot,
			@Nullable Throwable failure) {
		Duration took = Duration.ofNanos(System.nanoTime() - begun);
		Snapshot read = null;
		try {
			read = keep(snapshot, begun, lossesBefore);
			beginNext(result, took);
			this.changed.accept(this, (read != null) ? took : null);
		}
		finally {
			if (read != null) {
				result.complete(read);
			}
			else {
				result.completeExceptionally((snapshot != null) ? lost()
						: (failure instanceof CompletionException wrapped && wrapped.getCause() != null)
								? wrapped.getCause()
								: (failure != null) ? failure : new IllegalStateException("no snapshot"));
			}
		}
	}

	private synchronized @Nullable Snapshot keep(@Nullable Snapshot snapshot, long begun, long lossesBefore) {
		Snapshot read = (this.losses == lossesBefore) ? snapshot : null;
		this.latest = (read != null) ? new Reading(read, begun) : null;
		return read;
	}

	private MachineUnavailableException lost() {
		MachineStatus status = this.machine.status();
		return status.isUp() ? unavailable("%s was lost while it was read. Try again.".formatted(this.name))
				: new MachineUnavailableException(status);
	}

	private synchronized void beginNext(CompletableFuture<Snapshot> done, Duration took) {
		if (took.compareTo(STRAGGLER) < 0) {
			this.late = 0;
		}
		else if (this.givenUp == done) {
			this.late++;
		}
		this.givenUp = null;
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
		this.attachable.outdate();
		if (this.machine.status().isUp()) {
			readAnew();
		}
		else {
			forget();
			this.changed.accept(this, null);
		}
	}

	private synchronized void forget() {
		this.losses++;
		this.latest = null;
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
