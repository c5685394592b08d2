package dev.iothreads.page;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import dev.iothreads.metrics.FixedThread;
import org.jspecify.annotations.Nullable;

/**
 * A machine that is as the test says, and as busy. All its IOThreads share one thread,
 * unless the test says what an operation costs.
 */
final class ShownMachine extends StubMachine {

	private static final int BLOCK = 4096;

	private static final HostThread THREAD = new FixedThread(7, 3);

	private final Instant begin = Instant.now().minus(Duration.ofHours(1));

	private final Map<String, Integer> rates = new HashMap<>();

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private final List<IOThread> iothreads = new ArrayList<>();

	private final List<Device> devices = new ArrayList<>();

	private final Map<String, HostThread> busy = new HashMap<>();

	private boolean shows;

	private @Nullable String managedBy;

	private volatile MachineStatus status = MachineStatus.UP;

	/**
	 * Makes a machine with IOThreads that have nothing to do.
	 */
	ShownMachine(int iothreads) {
		for (int i = 0; i < iothreads; i++) {
			this.iothreads.add(new IOThread("iothread" + i, 5000 + i,
					new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 32768L, IOThreadProperty.POLL_GROW, 2L,
							IOThreadProperty.POLL_SHRINK, 2L, IOThreadProperty.POLL_WEIGHT, 3L,
							IOThreadProperty.AIO_MAX_BATCH, 0L, IOThreadProperty.THREAD_POOL_MIN, 0L,
							IOThreadProperty.THREAD_POOL_MAX, 64L)),
					List.of()));
		}
	}

	/**
	 * Lets clients see how busy it is, too.
	 */
	ShownMachine showingActivity() {
		this.shows = true;
		return this;
	}

	/**
	 * Gives each IOThread a thread of its own, which works for its devices.
	 * @param secondsPerOperation the CPU time of an operation
	 */
	ShownMachine using(double secondsPerOperation) {
		this.iothreads
			.forEach((iothread) -> this.busy.put(iothread.id(), new BusyThread(iothread, secondsPerOperation)));
		return this;
	}

	ShownMachine managedBy(String other) {
		this.managedBy = other;
		return this;
	}

	/**
	 * Plugs a disk.
	 * @param id its id
	 * @param operations how many it has in a second
	 * @param on the IOThreads it runs on
	 */
	synchronized ShownMachine disk(String id, int operations, String... on) {
		this.rates.put(path(id), operations);
		return device(id, DeviceState.ATTACHED, null, on);
	}

	synchronized ShownMachine device(String id, DeviceState state, @Nullable String reason, String... on) {
		this.devices.removeIf((device) -> device.id().equals(id));
		this.devices.add(new Device(id, "virtio-blk-pci", path(id), List.of(on), state, reason, "disk-" + id));
		return this;
	}

	/**
	 * Tells all who listen that something has changed.
	 */
	void tell() {
		this.listeners.forEach(Runnable::run);
	}

	void become(MachineState state, String reason) {
		this.status = new MachineStatus(state, reason);
		tell();
	}

	private static String path(String id) {
		return "/machine/peripheral/" + id + "/virtio-backend";
	}

	@Override
	public String monitor() {
		return "unix:/run/qemu/vm.sock";
	}

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	@Override
	public synchronized CompletableFuture<Snapshot> read() {
		if (!this.status.isUp()) {
			return CompletableFuture.failedFuture(new MachineUnavailableException(this.status));
		}
		Instant now = Instant.now();
		Snapshot snapshot = Snapshot.join(now, "11.1.3", this.managedBy, this.iothreads, this.devices);
		return CompletableFuture.completedFuture(this.shows ? snapshot.with(activity(now)) : snapshot);
	}

	/**
	 * Its guest never lets go of anything.
	 */
	@Override
	public CompletableFuture<Void> detach(String device, boolean force) {
		device(device, DeviceState.DETACHING, "Its unplug has been asked for, and the guest has yet to let go.",
				this.devices.stream()
					.filter((known) -> known.id().equals(device))
					.flatMap((known) -> known.iothreads().stream())
					.toArray(String[]::new));
		return new CompletableFuture<>();
	}

	private Activity activity(Instant now) {
		double seconds = Duration.between(this.begin, now).toMillis() / 1000.0;
		Map<String, HostThread> threads = new HashMap<>();
		this.iothreads.forEach((iothread) -> threads.put(iothread.id(), this.busy.getOrDefault(iothread.id(), THREAD)));
		Map<String, Map<IoOperation, IoCount>> io = new HashMap<>();
		this.rates.forEach((path, rate) -> {
			long operations = Math.round(rate * seconds);
			io.put(path, Map.of(IoOperation.READ, new IoCount(operations, operations * BLOCK, operations * 100_000)));
		});
		return new Activity(threads, null, io, Instant.now());
	}

	private final class BusyThread implements HostThread {

		private final IOThread iothread;

		private final double secondsPerOperation;

		BusyThread(IOThread iothread, double secondsPerOperation) {
			this.iothread = iothread;
			this.secondsPerOperation = secondsPerOperation;
		}

		@Override
		public long processId() {
			return 1;
		}

		@Override
		public long threadId() {
			return this.iothread.threadId();
		}

		@Override
		public Optional<CpuTime> cpuTime() {
			int rate = ShownMachine.this.devices.stream()
				.filter((device) -> device.iothreads().contains(this.iothread.id()))
				.mapToInt((device) -> ShownMachine.this.rates.getOrDefault(device.qomPath(), 0))
				.sum();
			double seconds = Duration.between(ShownMachine.this.begin, Instant.now()).toMillis() / 1000.0;
			return Optional.of(new CpuTime(Math.min(1, rate * this.secondsPerOperation) * seconds, 0));
		}

	}

}
