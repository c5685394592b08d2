package dev.iothreads.qemu;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress;

/**
 * A {@link QemuMachine} with a scheduler of its own, for a test that waits for it.
 */
final class Watched implements AutoCloseable {

	static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

	private final ScheduledThreadPoolExecutor scheduler;

	private final QemuMachine machine;

	private Watched(String name, MonitorAddress address, QemuOptions options) {
		this(name, address, SocketUse.HELD, options);
	}

	private Watched(String name, MonitorAddress address, SocketUse use, QemuOptions options) {
		this.scheduler = new ScheduledThreadPoolExecutor(1, Watched::daemon);
		this.scheduler.setRemoveOnCancelPolicy(true);
		this.machine = QemuMachine.connect(name, address, use, options, this.scheduler);
		this.machine.listen(this::notified);
	}

	/**
	 * Watches what no machine is slow enough to be too late for.
	 */
	static Watched at(Path socket) {
		return at(new MonitorAddress.UnixAddress(socket));
	}

	/**
	 * Watches, and looks for QEMU's threads as a finder does.
	 */
	static Watched at(Path socket, HostThreads.Finder finder) {
		return new Watched("vm1", new MonitorAddress.UnixAddress(socket),
				new QemuOptions(LONGEST_WAIT, LONGEST_WAIT, Watched::daemon, null, finder));
	}

	static Watched at(MonitorAddress address) {
		return at(address, LONGEST_WAIT, LONGEST_WAIT);
	}

	static Watched at(MonitorAddress address, Duration connectTimeout, Duration commandTimeout) {
		return new Watched("vm1", address,
				new QemuOptions(connectTimeout, commandTimeout, Watched::daemon, null, HostThreads.Finder.NONE));
	}

	static Watched at(MonitorAddress address, Duration connectTimeout, Duration commandTimeout,
			Duration unresponsiveLimit) {
		return new Watched("vm1", address, new QemuOptions(connectTimeout, commandTimeout, Watched::daemon, null,
				HostThreads.Finder.NONE, unresponsiveLimit, (device) -> false));
	}

	/**
	 * Watches by visits, where the connection is not held.
	 */
	static Watched at(Path socket, Hold hold) {
		return new Watched("100", new MonitorAddress.UnixAddress(socket), new SocketUse(hold, false, null),
				new QemuOptions(LONGEST_WAIT, LONGEST_WAIT, Watched::daemon, null, HostThreads.Finder.NONE));
	}

	/**
	 * Watches through a monitor that QEMU makes for it.
	 */
	static Watched at(Path socket, Path own) {
		return new Watched("vm1", new MonitorAddress.UnixAddress(socket), new SocketUse(Hold.OWN, false, own),
				new QemuOptions(LONGEST_WAIT, LONGEST_WAIT, Watched::daemon, null, HostThreads.Finder.NONE));
	}

	/**
	 * Watches what a socket in a directory may be.
	 */
	static Watched found(Path socket) {
		Duration soon = Duration.ofMillis(200);
		return new Watched("vm1", new MonitorAddress.UnixAddress(socket), new SocketUse(Hold.TRUE, true, null),
				new QemuOptions(soon, LONGEST_WAIT, Watched::daemon, null, HostThreads.Finder.NONE));
	}

	/**
	 * Watches, and asks the block devices at each reading.
	 */
	static Watched counting(MonitorAddress address) {
		return new Watched("vm1", address,
				new QemuOptions(LONGEST_WAIT, LONGEST_WAIT, Watched::daemon, Duration.ZERO, HostThreads.Finder.NONE));
	}

	static Watched at(MonitorAddress address, ThreadFactory threads) {
		return new Watched("vm1", address,
				new QemuOptions(LONGEST_WAIT, LONGEST_WAIT, threads, null, HostThreads.Finder.NONE));
	}

	static Thread daemon(Runnable work) {
		Thread thread = new Thread(work, "watched");
		thread.setDaemon(true);
		return thread;
	}

	QemuMachine machine() {
		return this.machine;
	}

	MachineStatus status() {
		return this.machine.status();
	}

	ScheduledThreadPoolExecutor scheduler() {
		return this.scheduler;
	}

	/**
	 * Waits until it is up, then reads it.
	 */
	Snapshot read() {
		await(MachineState.UP);
		return result(this.machine.read());
	}

	/**
	 * Waits for a reading to fail.
	 */
	<E extends MachineException> E failure(Class<E> expected) {
		return failure(this.machine.read(), expected);
	}

	static <E extends MachineException> E failure(CompletableFuture<Snapshot> reading, Class<E> expected) {
		try {
			throw new AssertionError("No failure but " + reading.get(LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS));
		}
		catch (ExecutionException ex) {
			if (expected.isInstance(ex.getCause())) {
				return expected.cast(ex.getCause());
			}
			throw new AssertionError("Failed otherwise than as " + expected.getSimpleName(), ex.getCause());
		}
		catch (InterruptedException | TimeoutException ex) {
			throw new AssertionError(ex);
		}
	}

	static Snapshot result(CompletableFuture<Snapshot> reading) {
		try {
			return reading.get(LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS);
		}
		catch (ExecutionException ex) {
			throw new AssertionError("The reading failed: " + ex.getCause(), ex.getCause());
		}
		catch (InterruptedException | TimeoutException ex) {
			throw new AssertionError(ex);
		}
	}

	MachineStatus await(MachineState state) {
		return await((status) -> status.state() == state);
	}

	/**
	 * Waits until it is, or was announced to be, in a state that is accepted.
	 */
	synchronized MachineStatus await(Predicate<MachineStatus> pleases) {
		long end = System.nanoTime() + LONGEST_WAIT.toNanos();
		MachineStatus status = this.machine.status();
		while (!pleases.test(status)) {
			long left = (end - System.nanoTime()) / 1_000_000;
			if (left <= 0) {
				throw new AssertionError("Still " + status);
			}
			try {
				wait(left);
			}
			catch (InterruptedException ex) {
				throw new AssertionError(ex);
			}
			status = this.machine.status();
		}
		return status;
	}

	private synchronized void notified() {
		notifyAll();
	}

	@Override
	public void close() {
		this.machine.close();
		this.scheduler.shutdownNow();
	}

}
