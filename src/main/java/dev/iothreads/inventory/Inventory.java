package dev.iothreads.inventory;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

import dev.iothreads.machine.Machine;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Pool;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the machines that its sources find, and reads each of them at intervals, so that
 * meters and listeners have readings even when no request comes.
 */
public final class Inventory implements AutoCloseable {

	private static final Logger logger = LoggerFactory.getLogger(Inventory.class);

	// How many requests may wait for a reading until it ends, over all machines: many
	// machines that hang together must not hold every thread of the server.
	static final int MAX_WAITING = 100;

	private static final int CLOSED_AT_ONCE = 64;

	// So much of an interval early a reading may begin: machines that one request has
	// read
	// are not all read at once from then on.
	private static final int EARLY = 10;

	// Readings by the timer are as regular as that.
	private static final int DRIFT = 50;

	private static final Duration LONGEST_CLOSE = Duration.ofSeconds(10);

	private final Semaphore permits = new Semaphore(MAX_WAITING);

	private final Map<String, Registered> machines = new ConcurrentSkipListMap<>();

	private final List<MachineSource> sources = new CopyOnWriteArrayList<>();

	private final List<InventoryListener> listeners = new CopyOnWriteArrayList<>();

	private final ScheduledExecutorService scheduler;

	private final Duration refreshInterval;

	private final Duration idleInterval;

	private volatile BooleanSupplier watched = () -> false;

	private final Function<String, Optional<Pool>> pools;

	private boolean closed;

	/**
	 * Creates an inventory without machines, of which none is to have a pool.
	 * @param scheduler starts the readings; it is never blocked
	 * @param refreshInterval how often a machine is read without being asked for, while
	 * clients watch
	 * @param idleInterval how often it is read while no client watches; it is not used
	 * when it is shorter
	 */
	public Inventory(ScheduledExecutorService scheduler, Duration refreshInterval, Duration idleInterval) {
		this(scheduler, refreshInterval, idleInterval, (machine) -> Optional.empty());
	}

	/**
	 * Creates an inventory without machines.
	 * @param scheduler starts the readings; it is never blocked
	 * @param refreshInterval how often a machine is read without being asked for, while
	 * clients watch
	 * @param idleInterval how often it is read while no client watches; it is not used
	 * when it is shorter
	 * @param pools the IOThreads that a machine is to have, by its name
	 */
	public Inventory(ScheduledExecutorService scheduler, Duration refreshInterval, Duration idleInterval,
			Function<String, Optional<Pool>> pools) {
		this.pools = pools;
		this.scheduler = scheduler;
		this.refreshInterval = refreshInterval;
		this.idleInterval = idleInterval;
	}

	/**
	 * Sets what decides how often the machines are read.
	 * @param watched whether clients wait for changes now; it must not block
	 */
	public void readOftenWhile(BooleanSupplier watched) {
		this.watched = watched;
	}

	/**
	 * Starts a source and keeps the machines that it finds, until it loses them.
	 * @param source the source, which is closed with the inventory
	 */
	public void start(MachineSource source) {
		this.sources.add(source);
		source.start(new MachineSource.Sink() {

			@Override
			public void found(String name, Supplier<? extends Machine> connect) {
				add(name, connect, source);
			}

			@Override
			public void lost(String name) {
				Registered registered = Inventory.this.machines.get(name);
				if (registered != null && registered.source() == source) {
					remove(name);
				}
			}

		});
	}

	/**
	 * Adds a machine that no source looks after.
	 * @param name its name
	 * @param machine the machine. From now on the inventory closes it
	 * @throws IllegalArgumentException when the machine cannot have that name
	 */
	public void add(String name, Machine machine) {
		add(name, () -> machine, this);
	}

	private void add(String name, Supplier<? extends Machine> connect, Object source) {
		Registered registered;
		synchronized (this.sources) {
			if (!MachineName.isValid(name)) {
				throw new IllegalArgumentException(
						"'%s' cannot be the name of a machine: %s.".formatted(name, MachineName.RULE));
			}
			if (this.machines.containsKey(name)) {
				throw new IllegalArgumentException(
						"There is a machine named '%s' already. Rename one of them.".formatted(name));
			}
			if (this.closed) {
				return;
			}
			registered = new Registered(new MachineEntry(name, connect.get(), this.pools.apply(name).orElse(null),
					this.permits, this::changed), source);
			this.machines.put(name, registered);
		}
		// A phase of its own for each machine: many of them are not read all at once.
		registered.readIn(random(this.refreshInterval), true);
		registered.entry().readAnew();
	}

	private static Duration random(Duration most) {
		return Duration.ofNanos(ThreadLocalRandom.current().nextLong(Math.max(1, most.toNanos())));
	}

	private Duration interval() {
		boolean often = this.watched.getAsBoolean() || this.idleInterval.compareTo(this.refreshInterval) < 0;
		return often ? this.refreshInterval : this.idleInterval;
	}

	/**
	 * Removes a machine and closes it.
	 * @param name its name
	 */
	public void remove(String name) {
		Registered registered = this.machines.get(name);
		if (registered != null) {
			synchronized (registered) {
				if (this.machines.remove(name, registered)) {
					notifyListeners((listener) -> listener.removed(name));
				}
			}
			registered.close();
		}
	}

	/**
	 * Returns every machine as it is known now. It never waits.
	 * @return the machines, sorted by name
	 */
	public List<MachineView> views() {
		return this.machines.values().stream().map((registered) -> registered.entry().view()).toList();
	}

	/**
	 * Registers a listener, and calls it for each machine that is there.
	 * @param listener the listener
	 */
	public void listen(InventoryListener listener) {
		this.listeners.add(listener);
		entries().forEach((entry) -> changed(entry, null));
	}

	MachineEntry entry(String name) {
		Registered registered = this.machines.get(name);
		if (registered == null) {
			throw new NotFoundException(NotFoundException.Kind.MACHINE,
					"There is no machine named '%s'.".formatted(name));
		}
		return registered.entry();
	}

	List<MachineEntry> entries() {
		return this.machines.values().stream().map(Registered::entry).toList();
	}

	// The calls about one machine do not overlap, and none follows its removal: a new
	// machine may have its name by then.
	private void changed(MachineEntry entry, @Nullable Duration readIn) {
		Registered registered = this.machines.get(entry.name());
		if (registered != null && registered.entry() == entry) {
			synchronized (registered) {
				if (this.machines.get(entry.name()) == registered) {
					if (readIn != null) {
						notifyListeners((listener) -> listener.read(entry.name(), readIn));
					}
					MachineView view = entry.view();
					notifyListeners((listener) -> listener.changed(view));
				}
			}
		}
	}

	private void notifyListeners(Consumer<InventoryListener> call) {
		for (InventoryListener listener : this.listeners) {
			try {
				call.accept(listener);
			}
			catch (RuntimeException ex) {
				logger.error("A listener failed", ex);
			}
		}
	}

	/**
	 * Closes every machine, side by side, and then the sources, through which some are
	 * reached. It waits for the machines for 10 s at most: one whose QEMU is stopped may
	 * take some seconds.
	 */
	@Override
	public void close() {
		synchronized (this.sources) {
			this.closed = true;
		}
		ExecutorService closing = Executors.newFixedThreadPool(CLOSED_AT_ONCE);
		this.machines.keySet().forEach((name) -> closing.execute(() -> remove(name)));
		closing.shutdown();
		try {
			if (!closing.awaitTermination(LONGEST_CLOSE.toNanos(), TimeUnit.NANOSECONDS)) {
				logger.warn("Not every machine was closed within {} s", LONGEST_CLOSE.toSeconds());
			}
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
		}
		this.sources.forEach(MachineSource::close);
	}

	/**
	 * A machine with the timer of its readings. One that a request has read is read again
	 * an interval after that.
	 */
	private final class Registered implements AutoCloseable {

		private final MachineEntry entry;

		private final Object source;

		private volatile @Nullable ScheduledFuture<?> timer;

		private volatile boolean closed;

		Registered(MachineEntry entry, Object source) {
			this.entry = entry;
			this.source = source;
		}

		MachineEntry entry() {
			return this.entry;
		}

		Object source() {
			return this.source;
		}

		void readIn(Duration delay, boolean always) {
			ScheduledFuture<?> next = Inventory.this.scheduler.schedule(() -> refresh(always), delay.toNanos(),
					TimeUnit.NANOSECONDS);
			this.timer = next;
			if (this.closed) {
				next.cancel(false);
			}
		}

		// An exception would end the readings of this machine, without a message.
		private void refresh(boolean always) {
			Duration most = Inventory.this.refreshInterval;
			Duration left = most.minus(random(most.dividedBy(DRIFT)));
			try {
				Duration early = most.dividedBy(EARLY);
				Duration wait = always ? Duration.ZERO : interval().minus(early).minus(this.entry.age());
				if (wait.compareTo(Duration.ZERO) <= 0) {
					this.entry.snapshot(Duration.ZERO);
				}
				else if (wait.compareTo(left) < 0) {
					left = wait.plus(random(early));
				}
			}
			catch (RuntimeException | Error ex) {
				logger.error("The reading of {} failed, and is tried again", this.entry.name(), ex);
			}
			finally {
				readIn(left, false);
			}
		}

		@Override
		public void close() {
			this.closed = true;
			ScheduledFuture<?> next = this.timer;
			if (next != null) {
				next.cancel(false);
			}
			this.entry.close();
		}

	}

}
