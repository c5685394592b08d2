package dev.iothreads.inventory;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;

import dev.iothreads.history.History;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Pool;
import dev.iothreads.machine.Refusal;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * One machine of the inventory, and the coordination of its readings: however many
 * requests ask, one reading is under way, and at most one more waits behind it.
 */
final class MachineEntry implements AutoCloseable {

	/**
	 * How many requests may wait for a reading of this machine until it ends. Further
	 * ones wait for {@link #SHORT_WAIT}, so that a machine that hangs does not hold every
	 * thread of the server.
	 */
	static final int MAX_WAITING = 32;

	private static final Duration SHORT_WAIT = Duration.ofMillis(100);

	/** How long a request for many machines waits for the next reading to end. */
	static final Duration SLOW_READ = Duration.ofMillis(250);

	// A single slow reading may be the host's fault.
	private static final int SLOW_READS_IN_A_ROW = 2;

	// Longer than the longest maximum age.
	private static final Duration EXPIRED = Duration.ofDays(2);

	private static final String MISSING = "It has just come up and gets its pool now, or IOThreads of the pool were removed since. Add them, or they come back when it is started again.";

	private final String name;

	private final Machine machine;

	private final BiConsumer<MachineEntry, @Nullable Duration> listener;

	private final Semaphore permits = new Semaphore(MAX_WAITING);

	private final Semaphore sharedPermits;

	private final ChangeQueue changes;

	private final History history = new History();

	private final @Nullable Pool pool;

	private volatile @Nullable String poolReason;

	private volatile @Nullable Reading latest;

	// How often the machine was lost. A reading that began before may be of another one.
	private long losses;

	private @Nullable CompletableFuture<Snapshot> current;

	private @Nullable CompletableFuture<Snapshot> next;

	private @Nullable CompletableFuture<Snapshot> skipped;

	private int slowReads;

	private volatile int doubts;

	/**
	 * Creates it.
	 * @param name the machine's name
	 * @param machine the machine
	 * @param pool the IOThreads that it is to have, {@code null} for none in particular
	 * @param sharedPermits limits the requests that wait, over all machines
	 * @param listener called when the machine was read, with how long that took, and when
	 * its state has changed
	 */
	MachineEntry(String name, Machine machine, @Nullable Pool pool, Semaphore sharedPermits,
			BiConsumer<MachineEntry, @Nullable Duration> listener) {
		this.name = name;
		this.machine = machine;
		this.pool = pool;
		this.sharedPermits = sharedPermits;
		this.listener = listener;
		this.changes = new ChangeQueue(name, machine, this);
		machine.listen(this::machineChanged);
	}

	String name() {
		return this.name;
	}

	ChangeQueue changes() {
		return this.changes;
	}

	History history() {
		return this.history;
	}

	@Nullable Pool pool() {
		return this.pool;
	}

	@Nullable Refusal refusal() {
		return this.machine.refusal();
	}

	/**
	 * Sets why the machine does not have its pool as it is to be.
	 */
	void setPoolReason(@Nullable String reason) {
		this.poolReason = reason;
	}

	private @Nullable PoolState poolState(@Nullable Snapshot snapshot) {
		Pool wanted = this.pool;
		if (wanted == null || snapshot == null) {
			return null;
		}
		int missing = wanted.missing(snapshot).size();
		String reason = this.poolReason;
		return new PoolState(missing, (reason == null && missing > 0) ? MISSING : reason);
	}

	MachineView view() {
		MachineStatus status = this.machine.status();
		Reading reading = this.latest;
		Refusal refusal = this.machine.refusal();
		Snapshot snapshot = (status.isUp() && reading != null) ? reading.snapshot : null;
		return new MachineView(this.name, this.machine.monitor(),
				refusal != null && refusal.reason() == ChangeRefusedException.Reason.READ_ONLY, status, snapshot,
				this.history.balance(), poolState(snapshot));
	}

	/**
	 * Returns the latest reading, or reads the machine when that is too old.
	 * @param maxAge how long ago the reading may have begun
	 * @return the snapshot to come
	 */
	CompletableFuture<Snapshot> snapshot(Duration maxAge) {
		Reading reading = this.latest;
		if (reading != null && reading.age().compareTo(maxAge) < 0 && this.machine.status().isUp()) {
			return CompletableFuture.completedFuture(reading.snapshot);
		}
		synchronized (this) {
			return (this.current != null) ? this.current : begin();
		}
	}

	/**
	 * Returns how long ago the latest reading began, days when there is none.
	 */
	Duration age() {
		Reading reading = this.latest;
		return (reading != null) ? reading.age() : EXPIRED;
	}

	/**
	 * Reads the machine in a reading that begins after this call.
	 * @return the snapshot to come
	 */
	synchronized CompletableFuture<Snapshot> readAnew() {
		if (this.current == null) {
			return begin();
		}
		if (this.next == null) {
			this.next = new CompletableFuture<>();
		}
		return this.next;
	}

	/**
	 * Notes that a response about many machines leaves this one out.
	 * @param reading the reading that was not waited for any longer
	 */
	synchronized void skip(CompletableFuture<Snapshot> reading) {
		this.skipped = reading;
	}

	/**
	 * Returns whether a request for many machines should not wait for a reading.
	 * @param reading the reading
	 * @return whether it was skipped before, or the readings before it were
	 */
	boolean isSlow(CompletableFuture<Snapshot> reading) {
		if (reading.isDone()) {
			return false;
		}
		synchronized (this) {
			return this.skipped == reading || this.slowReads >= SLOW_READS_IN_A_ROW;
		}
	}

	/**
	 * Waits for a reading.
	 * @param <T> what is read
	 * @param reading the reading
	 * @return what was read
	 * @throws MachineException when it fails, or too many requests wait for it
	 */
	<T> T await(CompletableFuture<T> reading) {
		if (reading.isDone() || !this.permits.tryAcquire()) {
			return await(reading, SHORT_WAIT);
		}
		try {
			return awaitWithSharedPermit(reading);
		}
		finally {
			this.permits.release();
		}
	}

	private <T> T awaitWithSharedPermit(CompletableFuture<T> reading) {
		if (!this.sharedPermits.tryAcquire()) {
			return await(reading, SHORT_WAIT);
		}
		try {
			return await(reading, null);
		}
		finally {
			this.sharedPermits.release();
		}
	}

	private <T> T await(CompletableFuture<T> reading, @Nullable Duration limit) {
		try {
			return (limit != null) ? reading.get(limit.toMillis(), TimeUnit.MILLISECONDS) : reading.get();
		}
		catch (ExecutionException ex) {
			throw (ex.getCause() instanceof RuntimeException cause) ? cause : new IllegalStateException(ex.getCause());
		}
		catch (TimeoutException ex) {
			throw unavailable("%s is slow to answer and %s. Try again in a moment.".formatted(this.name,
					(this.permits.availablePermits() == 0) ? MAX_WAITING + " requests wait for it already"
							: "too many requests wait for such machines already"));
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw stopping();
		}
	}

	static MachineUnavailableException stopping() {
		return unavailable("The service is stopping. Try again when it is back.");
	}

	private static MachineUnavailableException unavailable(String reason) {
		return new MachineUnavailableException(new MachineStatus(MachineState.DOWN, reason));
	}

	/**
	 * Notes that a change may have been made, in part or as a whole, though it failed:
	 * the latest reading is too old for every request, but not unknown.
	 */
	synchronized void doubt() {
		this.doubts++;
		Reading reading = this.latest;
		if (reading != null) {
			this.latest = new Reading(reading.snapshot, reading.begun - EXPIRED.toNanos());
		}
	}

	/**
	 * Returns how often a change was doubtful.
	 */
	int doubts() {
		return this.doubts;
	}

	// Called with the lock held. The reading may end before this returns.
	private CompletableFuture<Snapshot> begin() {
		long begun = System.nanoTime();
		long lossesBefore = this.losses;
		CompletableFuture<Snapshot> result = new CompletableFuture<>();
		this.current = result;
		read().whenComplete((snapshot, failure) -> finish(result, begun, lossesBefore, snapshot, failure));
		return result;
	}

	// A reading that cannot begin has failed: requests must not wait for it without end.
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
			this.listener.accept(this, (read != null) ? took : null);
		}
		finally {
			if (read != null) {
				result.complete(read);
			}
			else {
				result.completeExceptionally((snapshot != null) ? lost() : cause(failure));
			}
		}
	}

	private synchronized @Nullable Snapshot keep(@Nullable Snapshot snapshot, long begun, long lossesBefore) {
		Snapshot read = (this.losses == lossesBefore) ? snapshot : null;
		if (read != null && this.pool != null) {
			read = read.with(this.pool);
		}
		Reading before = this.latest;
		if (read != null && before != null) {
			read = read.sharing(before.snapshot);
		}
		this.latest = (read != null) ? new Reading(read, begun) : null;
		if (read != null) {
			this.history.add(read, System.nanoTime());
		}
		return read;
	}

	private MachineUnavailableException lost() {
		MachineStatus status = this.machine.status();
		return status.isUp() ? unavailable("%s was lost while it was read. Try again.".formatted(this.name))
				: new MachineUnavailableException(status);
	}

	private static Throwable cause(@Nullable Throwable failure) {
		if (failure instanceof CompletionException && failure.getCause() != null) {
			return failure.getCause();
		}
		return (failure != null) ? failure : new IllegalStateException("no snapshot");
	}

	private synchronized void beginNext(CompletableFuture<Snapshot> ended, Duration took) {
		if (took.compareTo(SLOW_READ) < 0) {
			this.slowReads = 0;
		}
		else if (this.skipped == ended) {
			this.slowReads++;
		}
		this.skipped = null;
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
			forget();
			this.listener.accept(this, null);
		}
	}

	private synchronized void forget() {
		this.losses++;
		this.history.interrupt();
		this.poolReason = null;
		this.latest = null;
	}

	@Override
	public void close() {
		this.machine.close();
	}

	/**
	 * A snapshot, and when its reading began by {@link System#nanoTime()}.
	 */
	private record Reading(Snapshot snapshot, long begun) {

		Duration age() {
			return Duration.ofNanos(System.nanoTime() - this.begun);
		}

	}

}
