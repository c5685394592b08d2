package dev.iothreads.machine;

import java.time.Instant;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * How busy a machine is, as far as that is certain.
 *
 * @param threads where the kernel of this host shows the thread of an IOThread, by the
 * IOThread's id; those that it does not show, or not for certain, are absent
 * @param cpuUnavailable why a thread is absent, and what to do, a sentence; {@code null}
 * when none is
 * @param io what the devices on IOThreads have done, and each disk of a controller of
 * these besides, by QOM path; empty where it is not known
 * @param ioObservedAt when that was asked for: nothing in it is older; {@code null} where
 * it is not known
 * @param orphanedThreads the threads that devices hold though their IOThreads were
 * deleted
 * @param settingsObservedAt when the oldest setting of an IOThread was read, where that
 * is before the snapshot was; {@code null} where all were read with it
 */
public record Activity(Map<String, HostThread> threads, @Nullable String cpuUnavailable,
		Map<String, Map<IoOperation, IoCount>> io, @Nullable Instant ioObservedAt, int orphanedThreads,
		@Nullable Instant settingsObservedAt) {

	/** Nothing is known. */
	public static final Activity UNKNOWN = new Activity(Map.of(), null, Map.of(), null);

	/**
	 * Creates it for a machine without orphaned threads.
	 * @param threads the threads of IOThreads by their ids
	 * @param cpuUnavailable why a thread is absent
	 * @param io what the devices have done, by their QOM paths
	 * @param ioObservedAt when that was asked for
	 */
	public Activity(Map<String, HostThread> threads, @Nullable String cpuUnavailable,
			Map<String, Map<IoOperation, IoCount>> io, @Nullable Instant ioObservedAt) {
		this(threads, cpuUnavailable, io, ioObservedAt, 0, null);
	}

	public Activity {
		threads = Map.copyOf(threads);
		io = Map.copyOf(io);
	}

}
