package dev.iothreads.history;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Identity;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * A machine whose figures are given: each IOThread's share of a CPU, and the operations
 * of each device. Its clock goes as the test says.
 */
public final class Recorded {

	private final History history = new History();

	private final Map<String, IOThread> iothreads = new LinkedHashMap<>();

	private final Map<String, Device> devices = new LinkedHashMap<>();

	private final Map<String, Double> percent = new TreeMap<>();

	private final Map<String, Double> rates = new TreeMap<>();

	private final Map<String, Double> used = new TreeMap<>();

	private final Map<String, Double> done = new TreeMap<>();

	private Instant now = Instant.now().minus(Duration.ofMinutes(20));

	private boolean counted = true;

	private String runState = "running";

	private @Nullable String managedBy;

	public Recorded iothread(String id, double cpuPercent) {
		return iothread(id, cpuPercent, 32_768, null);
	}

	/**
	 * Adds an IOThread, or changes what it uses.
	 * @param cpuPercent what it uses of a CPU, in %; negative where that is not known
	 */
	public Recorded iothread(String id, double cpuPercent, long pollMaxNs, @Nullable String cpus) {
		this.iothreads.put(id, new IOThread(id, 100 + this.iothreads.size(),
				new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, pollMaxNs)), List.of(), cpus, null));
		this.percent.put(id, cpuPercent);
		return this;
	}

	public Recorded without(String iothread) {
		this.iothreads.remove(iothread);
		return this;
	}

	/**
	 * Adds a disk, or changes what it does.
	 * @param rate what it completes, per second
	 */
	public Recorded disk(String id, double rate, String... on) {
		return device(new Device(id, "virtio-blk-pci", path(id), List.of(on), DeviceState.ATTACHED, null, id + "-node"),
				rate);
	}

	public Recorded device(Device device, double rate) {
		this.devices.put(device.id(), device);
		this.rates.put(device.qomPath(), rate);
		return this;
	}

	public Recorded withoutStatistics() {
		this.counted = false;
		return this;
	}

	public Recorded managedBy(String manager) {
		this.managedBy = manager;
		return this;
	}

	public Recorded in(String state) {
		this.runState = state;
		return this;
	}

	public static String path(String device) {
		return "/machine/peripheral/" + device + "/virtio-backend";
	}

	/** Lets time pass, with a reading each second. */
	public Recorded run(Duration time) {
		for (long second = 0; second < time.toSeconds(); second++) {
			step(Duration.ofSeconds(1));
		}
		return this;
	}

	/** Lets time pass without a reading, and reads. */
	public Recorded step(Duration time) {
		this.now = this.now.plus(time);
		double seconds = time.toMillis() / 1000.0;
		this.percent.forEach((id, each) -> this.used.merge(id, seconds * each / 100, Double::sum));
		this.rates.forEach((path, each) -> this.done.merge(path, seconds * each, Double::sum));
		this.history.add(snapshot(), this.now.getEpochSecond() * 1_000_000_000 + this.now.getNano());
		return this;
	}

	public void setBack(Duration time) {
		this.now = this.now.minus(time);
	}

	public History history() {
		return this.history;
	}

	History.Recent recent(long since) {
		return this.history.since(since, this.now);
	}

	public Instant now() {
		return this.now;
	}

	/** What a reading says now. */
	public Snapshot snapshot() {
		Map<String, HostThread> threads = new TreeMap<>();
		this.iothreads.keySet().forEach((id) -> {
			if (this.percent.get(id) >= 0) {
				threads.put(id, new Thread(this.iothreads.get(id).threadId(), this.used.getOrDefault(id, 0.0)));
			}
		});
		Map<String, Map<IoOperation, IoCount>> io = new TreeMap<>();
		this.devices.values()
			.stream()
			.filter((device) -> !device.iothreads().isEmpty())
			.forEach((device) -> io.put(device.qomPath(), Map.of(IoOperation.READ,
					new IoCount(this.done.getOrDefault(device.qomPath(), 0.0).longValue(), 0, 0))));
		Snapshot joined = Snapshot.join(this.now, "10.0.0", this.managedBy, new ArrayList<>(this.iothreads.values()),
				new ArrayList<>(this.devices.values()));
		Map<String, String> cpus = new TreeMap<>();
		this.iothreads.forEach((id, iothread) -> {
			if (iothread.cpusAllowed() != null) {
				cpus.put(id, iothread.cpusAllowed());
			}
		});
		return joined.withCpus(cpus)
			.with(new Activity(threads, null, this.counted ? io : Map.of(), this.counted ? this.now : null))
			.with(new Identity(this.runState, null, null, null));
	}

	private record Thread(long threadId, double seconds) implements HostThread {

		@Override
		public long processId() {
			return 1;
		}

		@Override
		public Optional<CpuTime> cpuTime() {
			return Optional.of(new CpuTime(this.seconds, 0));
		}

		@Override
		public boolean equals(@Nullable Object other) {
			return other instanceof Thread thread && thread.threadId == this.threadId;
		}

		@Override
		public int hashCode() {
			return Long.hashCode(this.threadId);
		}

	}

}
