package dev.iothreads.qemu;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.IOThread;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where the kernel of this host shows the IOThreads of one QEMU process. The process is
 * looked for once; each thread is looked at in every reading, so that a number that was
 * given out again is noticed.
 */
final class HostThreads {

	// What keeps a process from being seen does not go away by itself, and looking
	// through all of them takes a while.
	private static final Duration PAUSE = Duration.ofSeconds(30);

	private final MonitorAddress address;

	private final Map<String, Known> known = new HashMap<>();

	private final long created = System.nanoTime();

	private @Nullable HostProcess process;

	private @Nullable Long tried;

	HostThreads(MonitorAddress address) {
		this.address = address;
	}

	/**
	 * Looks for the threads of IOThreads.
	 * @param iothreads the IOThreads that there are now
	 * @return those of their threads that are to be seen
	 */
	synchronized Seen look(Collection<IOThread> iothreads) {
		this.known.keySet().retainAll(iothreads.stream().map(IOThread::id).collect(Collectors.toSet()));
		for (IOThread iothread : iothreads) {
			Known before = this.known.get(iothread.id());
			if (before == null || before.number() != iothread.threadId() || before.thread().cpuTime().isEmpty()) {
				this.known.remove(iothread.id());
				find(iothread, iothreads)
					.ifPresent((thread) -> this.known.put(iothread.id(), new Known(iothread.threadId(), thread)));
			}
		}
		Map<String, HostThread> threads = new HashMap<>();
		this.known.forEach((id, found) -> threads.put(id, found.thread()));
		return new Seen(threads, (threads.size() < iothreads.size()) ? reason() : null);
	}

	private Optional<HostThread> find(IOThread iothread, Collection<IOThread> iothreads) {
		HostProcess found = this.process;
		if (found == null && this.address instanceof UnixAddress unix && isTimeToTry()) {
			found = HostProcess
				.find(unix.path(),
						iothreads.stream().map(IOThread::threadId).collect(Collectors.toCollection(TreeSet::new)),
						this.created)
				.orElse(null);
			this.process = found;
		}
		return (found != null) ? found.thread(iothread.threadId()) : Optional.empty();
	}

	private boolean isTimeToTry() {
		long now = System.nanoTime();
		Long last = this.tried;
		if (last != null && now - last < PAUSE.toNanos()) {
			return false;
		}
		this.tried = now;
		return true;
	}

	private String reason() {
		if (this.address instanceof UnixAddress) {
			return "No process that the service may look into holds this monitor's socket and has these threads. Run the "
					+ "service on QEMU's host, in the host's PID namespace (hostPID), as root or as QEMU's user.";
		}
		return "Only the Unix socket of a monitor tells for certain which process is QEMU. Give it a -qmp unix:/… on this "
				+ "host.";
	}

	private record Known(long number, HostThread thread) {

	}

	/**
	 * What is to be seen.
	 *
	 * @param threads the threads by the IOThread's id
	 * @param hiddenBecause why some are absent, {@code null} when none is
	 */
	record Seen(Map<String, HostThread> threads, @Nullable String hiddenBecause) {

	}

}
