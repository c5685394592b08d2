package dev.iothreads.embedded;

import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;

/**
 * The load of a guest that is not there: what disks do follows the curve of a day that
 * takes ten minutes, and each operation costs its IOThread the same CPU time.
 */
final class Simulation {

	private static final double DAY_SECONDS = 600;

	private static final double SWING = 0.5;

	private static final double CPU_SECONDS = 135e-6;

	private static final double LATENCY_SECONDS = 250e-6;

	private static final int BLOCK = 4096;

	private static final double READS = 0.7;

	// In operations per second, in the mean of a day: iothread0 of the demo has far more
	// than the others.
	private static final Map<String, Double> RATES = Map.of("blk0", 3200.0, "blk1", 900.0, "blk3", 300.0);

	private static final double OTHER_RATE = 40;

	private final Map<String, Double> done = new HashMap<>();

	private final Map<String, Double> used = new HashMap<>();

	private final long begin = System.nanoTime();

	private double now;

	/**
	 * Lets the guest work until now.
	 * @param devices the devices that it has had since the call before
	 */
	synchronized void advance(Collection<Device> devices) {
		double before = this.now;
		this.now = (System.nanoTime() - this.begin) / 1e9;
		double days = work(this.now) - work(before);
		for (Device device : devices) {
			if (device.drive() == null || device.state() == DeviceState.MAIN_LOOP) {
				continue;
			}
			double operations = RATES.getOrDefault(device.id(), OTHER_RATE) * days;
			this.done.merge(device.qomPath(), operations, Double::sum);
			device.iothreads()
				.forEach((iothread) -> this.used.merge(iothread, CPU_SECONDS * operations / device.iothreads().size(),
						Double::sum));
		}
	}

	// The integral of 1 + SWING * sin(2 pi t / DAY_SECONDS).
	private static double work(double seconds) {
		double turn = 2 * Math.PI / DAY_SECONDS;
		return seconds + SWING / turn * (1 - Math.cos(turn * seconds));
	}

	/**
	 * Forgets a device: another one may get its id.
	 */
	synchronized void forget(Device device) {
		this.done.remove(device.qomPath());
	}

	synchronized Activity activity(List<IOThread> iothreads, Collection<Device> devices) {
		Map<String, HostThread> threads = new TreeMap<>();
		iothreads.forEach((iothread) -> threads.put(iothread.id(),
				new SimulatedThread(this, iothread.id(), iothread.threadId())));
		Map<String, Map<IoOperation, IoCount>> io = new TreeMap<>();
		for (Device device : devices) {
			Double operations = this.done.get(device.qomPath());
			if (operations != null) {
				long reads = (long) (operations * READS);
				io.put(device.qomPath(),
						Map.of(IoOperation.READ, count(reads), IoOperation.WRITE, count((long) (operations - reads))));
			}
		}
		int orphaned = (int) devices.stream().filter((device) -> device.state() == DeviceState.ORPHANED).count();
		return new Activity(threads, null, io, Instant.now(), orphaned, null);
	}

	private static IoCount count(long operations) {
		return new IoCount(operations, operations * BLOCK, (long) (operations * LATENCY_SECONDS * 1e9));
	}

	private synchronized double used(String iothread) {
		return this.used.getOrDefault(iothread, 0.0);
	}

	/**
	 * The thread of an IOThread that is none. Its CPU time is that of the last reading.
	 */
	private record SimulatedThread(Simulation simulation, String iothread, long threadId) implements HostThread {

		@Override
		public long processId() {
			return ProcessHandle.current().pid();
		}

		@Override
		public Optional<CpuTime> cpuTime() {
			return Optional.of(new CpuTime(this.simulation.used(this.iothread), 0));
		}

	}

}
