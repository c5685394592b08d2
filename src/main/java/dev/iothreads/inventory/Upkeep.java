package dev.iothreads.inventory;

import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.stream.Collectors;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Pool;
import dev.iothreads.machine.PoolChange;
import dev.iothreads.machine.Refusal;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the changes that no client asks for: gives each machine its pool when it comes
 * up, and closes images whose device has gone. A machine that must not be changed is left
 * alone.
 */
public final class Upkeep implements InventoryListener {

	private static final Logger logger = LoggerFactory.getLogger(Upkeep.class);

	private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(10);

	private static final int MOST_DOUBLINGS = 6;

	private static final Set<String> MIGRATING = Set.of("inmigrate", "postmigrate", "finish-migrate");

	private final Map<String, Watch> machines = new ConcurrentHashMap<>();

	private final Inventory inventory;

	private final boolean images;

	private final Executor executor;

	private final Consumer<PoolChange> audit;

	/**
	 * Creates it. It has to be registered as a listener of the inventory.
	 * @param inventory the machines
	 * @param images whether images may be attached
	 * @param executor makes the changes, which wait for machines
	 * @param audit gets each change of a pool
	 */
	public Upkeep(Inventory inventory, boolean images, Executor executor, Consumer<PoolChange> audit) {
		this.inventory = inventory;
		this.images = images;
		this.executor = executor;
		this.audit = audit;
	}

	@Override
	public void removed(String machine) {
		this.machines.remove(machine);
	}

	@Override
	public void changed(MachineView view) {
		Snapshot snapshot = view.snapshot();
		if (snapshot == null) {
			Watch known = this.machines.get(view.name());
			if (known != null) {
				known.lose();
			}
			return;
		}
		Watch watch = this.machines.computeIfAbsent(view.name(), (name) -> new Watch());
		watch.see(threads(snapshot), this.images, view.pool() != null);
		if (watch.begin(drives(snapshot), doubts(view.name()), this.images)) {
			try {
				this.executor.execute(() -> run(view.name(), watch));
			}
			catch (RejectedExecutionException ex) {
				// The service is stopping.
			}
		}
	}

	private static Set<Long> threads(Snapshot snapshot) {
		return snapshot.iothreads().stream().map(IOThread::threadId).collect(Collectors.toSet());
	}

	private int doubts(String machine) {
		try {
			return this.inventory.entry(machine).doubts();
		}
		catch (NotFoundException ex) {
			return 0;
		}
	}

	private static Set<String> drives(Snapshot snapshot) {
		return snapshot.devices()
			.stream()
			.flatMap(Device::drives)
			.filter((drive) -> drive.startsWith(Changes.IMAGE_NODE))
			.collect(Collectors.toSet());
	}

	private void run(String machine, Watch watch) {
		Outcome outcome = Outcome.FAILED;
		try {
			outcome = run(this.inventory.entry(machine), watch);
		}
		catch (NotFoundException ex) {
			logger.debug("{} has gone meanwhile", machine);
		}
		finally {
			watch.end(outcome);
		}
	}

	private Outcome run(MachineEntry entry, Watch watch) {
		Pool pool = watch.needsPool() ? entry.pool() : null;
		Refusal refusal = entry.refusal();
		if (refusal != null) {
			entry.setPoolReason(refusal.message());
			watch.onImagesClosed(watch.imagesAsked());
			return Outcome.DONE;
		}
		Snapshot now = entry.view().snapshot();
		String runState = (now != null) ? now.identity().runState() : null;
		if (runState != null && MIGRATING.contains(runState)) {
			entry.setPoolReason(
					"It is migrating, its run state is %s. It gets its pool when it runs.".formatted(runState));
			return Outcome.LATER;
		}
		try {
			if (watch.needsImages() || (pool != null && now != null && !isComplete(pool, now))) {
				entry.changes().change((before, changes) -> {
					int asked = watch.imagesAsked();
					if (watch.needsImages() && changes.removeUnusedImages()) {
						watch.onImagesClosed(asked);
					}
					if (pool != null) {
						// It is given again at the next start, so that no definition has
						// to have it.
						complete(entry.name(), pool, before, changes.liveOnly());
					}
				});
			}
			entry.setPoolReason(null);
			return Outcome.DONE;
		}
		catch (MachineUnavailableException ex) {
			return Outcome.LATER;
		}
		catch (MachineException ex) {
			logger.warn("{} was not given its pool, or keeps an image open that nothing uses: {}", entry.name(),
					ex.getMessage());
			entry.setPoolReason(ex.getMessage());
			return Outcome.FAILED;
		}
	}

	private static boolean isComplete(Pool pool, Snapshot now) {
		return pool.ids()
			.stream()
			.allMatch((id) -> now.iothread(id)
				.filter((iothread) -> pool.differing(iothread).values().isEmpty())
				.isPresent());
	}

	// What is in the way of one IOThread may not be in the way of the next.
	private void complete(String machine, Pool pool, Snapshot before, Changes changes) {
		MachineException refused = null;
		for (String id : pool.ids()) {
			IOThread present = before.iothread(id).orElse(null);
			IOThreadSettings settings = (present != null) ? pool.differing(present) : pool.settings();
			if (present == null || !settings.values().isEmpty()) {
				try {
					change(machine, id, present == null, settings, changes);
				}
				catch (ChangeRefusedException | MachineRefusedException | InvalidRequestException ex) {
					refused = ex;
				}
			}
		}
		if (refused != null) {
			throw refused;
		}
	}

	private void change(String machine, String id, boolean isNew, IOThreadSettings settings, Changes changes) {
		long begun = System.nanoTime();
		MachineException failure = null;
		try {
			if (isNew) {
				changes.addIOThread(id, settings);
			}
			else {
				changes.tuneIOThread(id, settings);
			}
		}
		catch (MachineException ex) {
			failure = ex;
			throw ex;
		}
		finally {
			this.audit.accept(new PoolChange(machine, id, isNew, settings, failure,
					Duration.ofNanos(System.nanoTime() - begun).toMillis()));
		}
	}

	private enum Outcome {

		DONE, LATER, FAILED

	}

	/**
	 * One machine. Its pauses go on while it is down.
	 */
	private static final class Watch {

		private boolean images;

		private int imagesAsked;

		private boolean pool;

		private boolean running;

		private int failures;

		private long earliest = System.nanoTime();

		private @Nullable Set<String> drives;

		private int doubts;

		private boolean up;

		private Set<Long> threads = Set.of();

		synchronized void lose() {
			this.up = false;
		}

		/**
		 * Notes the threads of its IOThreads. Where none is left of those before, it is
		 * another QEMU, which has to be given its pool.
		 */
		synchronized void see(Set<Long> now, boolean keepsImages, boolean hasPool) {
			if (!this.up) {
				this.images = keepsImages;
				this.pool |= hasPool && Collections.disjoint(this.threads, now);
			}
			this.up = true;
			this.threads = now;
		}

		/**
		 * Begins where something is to be done. An image may be open that nothing uses
		 * when a drive has gone, and when a change failed that may have been made: QEMU
		 * carries out what it has not answered in time before what is asked later.
		 */
		synchronized boolean begin(Set<String> now, int doubtsNow, boolean keepsImages) {
			boolean gone = this.drives != null && !now.containsAll(this.drives);
			if (keepsImages && (gone || doubtsNow != this.doubts)) {
				this.images = true;
				this.imagesAsked++;
			}
			this.drives = now;
			this.doubts = doubtsNow;
			if (this.running || !(this.images || this.pool) || System.nanoTime() - this.earliest < 0) {
				return false;
			}
			this.running = true;
			return true;
		}

		synchronized boolean needsImages() {
			return this.images;
		}

		synchronized boolean needsPool() {
			return this.pool;
		}

		/**
		 * Returns how often an image had to be looked for.
		 */
		synchronized int imagesAsked() {
			return this.imagesAsked;
		}

		/**
		 * Notes that no image was open any more that nothing used, unless one has to be
		 * looked for since.
		 */
		synchronized void onImagesClosed(int asked) {
			this.images &= asked != this.imagesAsked;
		}

		synchronized void end(Outcome outcome) {
			this.running = false;
			if (outcome == Outcome.DONE) {
				this.pool = false;
				this.failures = 0;
				// An image that is held must not keep a new QEMU waiting for its pool.
				this.earliest = System.nanoTime() + (this.images ? SHORTEST_PAUSE.toNanos() : 0);
			}
			else if (outcome == Outcome.FAILED) {
				this.earliest = System.nanoTime()
						+ SHORTEST_PAUSE.toNanos() * (1L << Math.min(this.failures++, MOST_DOUBLINGS));
			}
			// Otherwise the next reading says whether it runs.
		}

	}

}
