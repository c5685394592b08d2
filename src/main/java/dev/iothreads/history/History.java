package dev.iothreads.history;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import dev.iothreads.history.Series.Counter;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * The last {@link #KEPT 15 minutes} of one machine, in rings of a fixed size: CPU time
 * and operations of the IOThreads that there are now, and operations of the devices. It
 * takes a sample of a reading that was made anyway, and never asks for one.
 */
public final class History {

	/** For how long a sample is kept. */
	public static final Duration KEPT = Duration.ofMinutes(15);

	/** How far samples are apart, at least. */
	public static final Duration INTERVAL = Duration.ofSeconds(5);

	// A reading that comes a little early is taken: the next may be an interval later.
	private static final long DUE = INTERVAL.toNanos() * 9 / 10;

	private static final int CAPACITY = (int) (KEPT.toNanos() / DUE) + 1;

	private static final Duration BALANCED_OVER = Duration.ofMinutes(1);

	// A mean over less says more of the moment than of the load.
	private static final double LEAST_SECONDS = 30;

	private static final double PERCENT = 100;

	private final long[] times = new long[CAPACITY];

	private final Map<String, OfIOThread> iothreads = new LinkedHashMap<>();

	private final Map<String, Series> devices = new LinkedHashMap<>();

	private long samples;

	private long sampledAt;

	private long steadySince = Long.MAX_VALUE;

	// Figures before and after it changes are not compared. The whole would be some
	// hundred objects for each machine.
	private int layout;

	private Balance balance = Balance.UNKNOWN;

	// The ids of the IOThreads that it is of.
	private List<String> balanced = List.of();

	/**
	 * Takes a sample, if the last one is old enough.
	 * @param snapshot what was read of the machine
	 * @param nanos when, by {@link System#nanoTime()}
	 */
	public synchronized void add(Snapshot snapshot, long nanos) {
		List<String> ids = snapshot.iothreads().stream().map(IOThread::id).toList();
		if (!ids.equals(this.balanced)) {
			this.balanced = ids;
			this.balance = ids.isEmpty() ? Balance.NO_IOTHREAD : Balance.UNKNOWN;
		}
		if (this.samples > 0 && nanos - this.sampledAt < DUE) {
			return;
		}
		long time = snapshot.observedAt().getEpochSecond();
		if (this.samples > 0 && time <= time(this.samples - 1)) {
			clear(); // the host's clock was set back
		}
		int now = Objects.hash(snapshot.iothreads(), snapshot.devices(), snapshot.identity().runState());
		if (now != this.layout) {
			this.layout = now;
			this.steadySince = time;
		}
		int index = (int) (this.samples % CAPACITY);
		this.iothreads.keySet().retainAll(ids);
		this.devices.keySet().retainAll(snapshot.devices().stream().map(Device::qomPath).toList());
		putDevices(snapshot, index);
		putIOThreads(snapshot, index, nanos);
		this.times[index] = time;
		this.samples++;
		this.sampledAt = nanos;
		this.balance = Balance.of(loads(time - BALANCED_OVER.toSeconds()), this.balance);
	}

	private void putDevices(Snapshot snapshot, int index) {
		Activity activity = snapshot.activity();
		Instant observedAt = activity.ioObservedAt();
		for (Device device : snapshot.devices()) {
			var counts = (observedAt != null) ? activity.io().get(device.qomPath()) : null;
			Counter counter = (counts == null || observedAt == null) ? Counter.UNKNOWN
					: new Counter(device.qomPath(), counts.values().stream().mapToLong(IoCount::operations).sum(),
							observedAt.getEpochSecond() * 1_000_000_000 + observedAt.getNano());
			this.devices.computeIfAbsent(device.qomPath(), (path) -> new Series(CAPACITY)).put(index, counter);
		}
	}

	private void putIOThreads(Snapshot snapshot, int index, long nanos) {
		Activity activity = snapshot.activity();
		for (IOThread iothread : snapshot.iothreads()) {
			HostThread thread = activity.threads().get(iothread.id());
			Counter cpu = (thread != null) ? thread.cpuTime()
				.map((time) -> new Counter(thread, PERCENT * (time.userSeconds() + time.systemSeconds()), nanos))
				.orElse(Counter.UNKNOWN) : Counter.UNKNOWN;
			OfIOThread series = this.iothreads.computeIfAbsent(iothread.id(), (id) -> new OfIOThread());
			series.cpu.put(index, cpu);
			series.operations[index] = operations(iothread, snapshot, index);
		}
	}

	// QEMU counts by device. One that is spread counts on each of its IOThreads by the
	// virtqueues that it serves, or in equal parts where these are not known: as in the
	// recording rules for Prometheus.
	private float operations(IOThread iothread, Snapshot snapshot, int index) {
		if (snapshot.activity().ioObservedAt() == null) {
			return Float.NaN;
		}
		float sum = iothread.attached().isEmpty() ? 0 : Float.NaN;
		for (Attachment attached : iothread.attached()) {
			Device device = snapshot.devices()
				.stream()
				.filter((each) -> each.qomPath().equals(attached.qomPath()))
				.findFirst()
				.orElse(null);
			Series series = (device != null) ? this.devices.get(device.qomPath()) : null;
			if (device != null && series != null && !Float.isNaN(series.get(index))) {
				float share = series.get(index) * share(device, iothread.id());
				sum = Float.isNaN(sum) ? share : sum + share;
			}
		}
		return sum;
	}

	private static float share(Device device, String iothread) {
		int queues = device.virtqueues().values().stream().mapToInt(List::size).sum();
		return (queues > 0) ? (float) device.virtqueues().getOrDefault(iothread, List.of()).size() / queues
				: 1f / Math.max(1, device.iothreads().size());
	}

	/**
	 * Notes that the machine was lost. The next sample has no rates.
	 */
	public synchronized void interrupt() {
		this.iothreads.values().forEach((series) -> series.cpu.interrupt());
		this.devices.values().forEach(Series::interrupt);
		this.layout = 0;
		this.balance = Balance.UNKNOWN;
	}

	private void clear() {
		this.samples = 0;
		this.iothreads.clear();
		this.devices.clear();
		this.layout = 0;
	}

	/**
	 * Returns how the work of the last minute was spread.
	 */
	public synchronized Balance balance() {
		return this.balance;
	}

	/**
	 * Returns the samples after a time.
	 * @param since the time, in s since 1970
	 * @param now the time now
	 * @return the samples, oldest first, none older than {@link #KEPT}
	 */
	public synchronized Recent since(long since, Instant now) {
		List<Long> taken = new ArrayList<>();
		long from = first(Math.max(since, now.minus(KEPT).getEpochSecond()));
		for (long sample = from; sample < this.samples; sample++) {
			taken.add(time(sample));
		}
		Map<String, float[]> cpu = new LinkedHashMap<>();
		Map<String, float[]> operations = new LinkedHashMap<>();
		this.iothreads.forEach((id, series) -> {
			cpu.put(id, copy(from, series.cpu::get));
			operations.put(id, copy(from, (index) -> series.operations[index]));
		});
		return new Recent(taken, cpu, operations);
	}

	/**
	 * Returns the means since the machine is as it is now.
	 */
	public synchronized Means means() {
		long now = (this.samples > 0) ? time(this.samples - 1) : 0;
		long from = Math.max(this.steadySince, now - KEPT.toSeconds());
		Map<String, Double> ofDevices = new LinkedHashMap<>();
		this.devices.forEach((path, series) -> {
			Double mean = mean(from, series::get);
			if (mean != null) {
				ofDevices.put(path, mean);
			}
		});
		return new Means(Duration.ofSeconds(Math.max(0, now - from)), loads(from), ofDevices);
	}

	private List<Load> loads(long from) {
		return this.iothreads.entrySet()
			.stream()
			.map((entry) -> new Load(entry.getKey(), mean(from, entry.getValue().cpu::get),
					mean(from, (index) -> entry.getValue().operations[index])))
			.toList();
	}

	// Each value is the mean of the time since the sample before it.
	private @Nullable Double mean(long from, Values values) {
		double sum = 0;
		double seconds = 0;
		for (long sample = Math.max(1, first(from)); sample < this.samples; sample++) {
			float value = values.at((int) (sample % CAPACITY));
			if (!Float.isNaN(value) && sample > oldest()) {
				double took = time(sample) - time(sample - 1);
				sum += value * took;
				seconds += took;
			}
		}
		return (seconds >= LEAST_SECONDS) ? sum / seconds : null;
	}

	private float[] copy(long from, Values values) {
		float[] copy = new float[(int) (this.samples - from)];
		for (int i = 0; i < copy.length; i++) {
			copy[i] = values.at((int) ((from + i) % CAPACITY));
		}
		return copy;
	}

	private long first(long after) {
		long sample = this.samples;
		while (sample > oldest() && time(sample - 1) > after) {
			sample--;
		}
		return sample;
	}

	private long oldest() {
		return Math.max(0, this.samples - CAPACITY);
	}

	private long time(long sample) {
		return this.times[(int) (sample % CAPACITY)];
	}

	private interface Values {

		float at(int index);

	}

	private static final class OfIOThread {

		private final Series cpu = new Series(CAPACITY);

		private final float[] operations = unknown();

		private static float[] unknown() {
			float[] values = new float[CAPACITY];
			Arrays.fill(values, Float.NaN);
			return values;
		}

	}

	/**
	 * Samples, where {@link Float#NaN} stands for what was not known.
	 *
	 * @param times when they were taken, in s since 1970, growing
	 * @param cpuPercent the CPU time since the sample before, in % of one CPU, by the
	 * IOThread's id
	 * @param operations the operations since the sample before, per second, by the
	 * IOThread's id
	 */
	public record Recent(List<Long> times, Map<String, float[]> cpuPercent, Map<String, float[]> operations) {

	}

	/**
	 * Means over the time in which a machine did not change.
	 *
	 * @param observed how long that is, {@link #KEPT} at most
	 * @param iothreads each of its IOThreads
	 * @param operations what each device completed, per second, by its QOM path; those
	 * that are not known are absent
	 */
	public record Means(Duration observed, List<Load> iothreads, Map<String, Double> operations) {

	}

}
