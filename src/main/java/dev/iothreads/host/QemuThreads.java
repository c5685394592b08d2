package dev.iothreads.host;

import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.IOThread;
import org.jspecify.annotations.Nullable;

/**
 * The threads of one QEMU process. The process is searched for once; each thread is
 * checked in every reading, because the kernel may have given its number to another one.
 */
final class QemuThreads implements HostThreads {

	// What keeps a process from being seen does not go away by itself, and a search
	// through all processes takes long.
	private static final String ENDED = "A thread has ended since QEMU named it. Read again.";

	private static final String NO_SOCKET = "Only the Unix socket of a monitor tells for certain which process is QEMU. "
			+ "Give it a -qmp unix:/… on this host.";

	private final @Nullable Path socket;

	private final ProcFinder finder;

	private final Map<String, Known> known = new HashMap<>();

	private final ReentrantLock lock = new ReentrantLock();

	private volatile boolean lookedAhead;

	private final long created = System.nanoTime();

	private @Nullable QemuProcess process;

	private String obstacle = ENDED;

	private final Pause pause = new Pause();

	QemuThreads(@Nullable Path socket, ProcFinder finder) {
		this.socket = socket;
		this.finder = finder;
	}

	// The thread that begins a reading does not wait for a search through all processes.
	@Override
	public void lookAhead() {
		this.lookedAhead = false;
		if (this.lock.tryLock()) {
			try {
				check();
				this.lookedAhead = true;
			}
			finally {
				this.lock.unlock();
			}
		}
	}

	private void check() {
		List.copyOf(this.known.entrySet()).forEach((entry) -> {
			Known before = entry.getValue();
			keep(entry.getKey(), before.number(), before.thread().cpuTime().map((time) -> before.thread()));
		});
	}

	@Override
	public Visible look(Collection<IOThread> iothreads) {
		this.lock.lock();
		try {
			return lookLocked(iothreads);
		}
		finally {
			this.lock.unlock();
		}
	}

	private Visible lookLocked(Collection<IOThread> iothreads) {
		if (!this.lookedAhead) {
			check();
		}
		this.lookedAhead = false;
		this.known.keySet().retainAll(iothreads.stream().map(IOThread::id).collect(Collectors.toSet()));
		for (IOThread iothread : iothreads) {
			Known before = this.known.get(iothread.id());
			if (before == null || before.number() != iothread.threadId()) {
				QemuProcess found = process(iothreads.stream().map(IOThread::threadId).toList());
				keep(iothread.id(), iothread.threadId(),
						(found != null) ? found.thread(iothread.threadId()) : Optional.empty());
			}
		}
		Map<String, HostThread> threads = new HashMap<>();
		Map<String, String> cpusAllowed = new HashMap<>();
		this.known.forEach((id, found) -> {
			threads.put(id, found.thread());
			found.cpusAllowed().ifPresent((cpus) -> cpusAllowed.put(id, cpus));
		});
		boolean complete = threads.size() == iothreads.size();
		return new Visible(threads, cpusAllowed, complete ? null : (this.socket != null) ? this.obstacle : NO_SOCKET);
	}

	private void keep(String iothread, long number, Optional<ProcThread> found) {
		found.ifPresentOrElse((thread) -> this.known.put(iothread, new Known(number, thread, thread.cpusAllowed())),
				() -> this.known.remove(iothread));
	}

	@Override
	public List<Task> tasks(Collection<Long> iothreads) {
		this.lock.lock();
		try {
			QemuProcess found = process(iothreads);
			return (found != null) ? found.tasks() : List.of();
		}
		finally {
			this.lock.unlock();
		}
	}

	private @Nullable QemuProcess process(Collection<Long> iothreads) {
		if (this.process == null && this.socket != null && !iothreads.isEmpty() && this.pause.isOver()) {
			this.process = QemuProcess.find(this.socket, iothreads, () -> this.finder.nested(this.created))
				.orElse(null);
			this.obstacle = (this.process != null) ? ENDED
					: Obstacle.of(this.socket, iothreads, this.finder.nested(this.created));
		}
		return this.process;
	}

	private record Known(long number, ProcThread thread, Optional<String> cpusAllowed) {

	}

}
