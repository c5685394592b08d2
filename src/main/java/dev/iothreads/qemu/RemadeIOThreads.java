package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.HostThreads.Task;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Finds IOThreads that were deleted and made anew beneath a mapped device before the
 * service connected. The mapping names the new one, and QEMU 10.0 to 11.1 abort when the
 * device is unplugged. The old thread lives as long as the device holds it. It is known
 * by its name where QEMU names its threads. Otherwise, an IOThread that is younger than
 * the first vCPU was made while the machine ran, so a device that is there since the
 * start cannot be on it.
 */
final class RemadeIOThreads {

	private static final String NAME = "IO ";

	// One of the threads that poll serves the monitors.
	private static final int OTHERS_THAT_POLL = 1;

	private final QmpMonitor monitor;

	private final HostThreads hostThreads;

	private final Set<String> doubtful = ConcurrentHashMap.newKeySet();

	private volatile boolean isDone;

	RemadeIOThreads(QmpMonitor monitor, HostThreads hostThreads) {
		this.monitor = monitor;
		this.hostThreads = hostThreads;
	}

	/**
	 * Corrects the IOThread of each device whose IOThread was removed and made again. It
	 * asks QEMU only in the first reading, and only where there is a mapped device.
	 * @return the same result; it fails with what the monitor failed with
	 */
	CompletableFuture<ReadResult> check(ReadResult result) {
		List<String> mapped = this.isDone ? List.of()
				: result.devices()
					.entrySet()
					.stream()
					.filter((device) -> device.getValue().mapped())
					.map(Map.Entry::getKey)
					.toList();
		if (mapped.isEmpty()) {
			return CompletableFuture.completedFuture(result);
		}
		List<QmpCommand> commands = new ArrayList<>(List.of(Command.QUERY_CPUS_FAST.plain()));
		mapped.forEach((path) -> commands.add(Qom.get(path, "hotplugged")));
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			Threads threads = Threads.of(replies.get(0).orElseNull(), result.threadIds().values(),
					this.hostThreads.tasks(result.threadIds().values()));
			for (int i = 0; i < mapped.size(); i++) {
				JsonNode hotplugged = replies.get(i + 1).orElseNull();
				boolean isCold = hotplugged != null && hotplugged.isBoolean() && !hotplugged.asBoolean();
				check(mapped.get(i), isCold, threads, result);
			}
			return result;
		});
	}

	private void check(String path, boolean isCold, Threads threads, ReadResult result) {
		List<ThreadKey> links = new ArrayList<>();
		KnownDevice device = result.devices().get(path);
		if (device == null) {
			return;
		}
		for (ThreadKey link : device.links()) {
			Long formerThread = link.isAlive(result.threadIds()) ? threads.beneath(link, isCold)
					: Long.valueOf(link.threadId());
			if (formerThread == null) {
				this.doubtful.add(path);
			}
			links.add((formerThread != null) ? new ThreadKey(link.id(), formerThread) : link);
		}
		result.devices().put(path, device.withLinks(links));
	}

	/**
	 * Ends the search: what comes from now on is seen when it comes.
	 */
	void end() {
		this.isDone = true;
	}

	void forget(String path) {
		this.doubtful.remove(path);
	}

	/**
	 * Returns whether it is unknown if a device runs on the IOThreads that it names.
	 */
	boolean isDoubtful(String path) {
		return this.doubtful.contains(path);
	}

	/**
	 * The threads of a QEMU.
	 *
	 * @param firstCpu the thread of its first vCPU, {@code null} when it gave none
	 * @param cpus those of all vCPUs
	 * @param iothreads those of all IOThreads that are listed
	 * @param tasks all, none when the process is not visible
	 */
	private record Threads(@Nullable Long firstCpu, Set<Long> cpus, Collection<Long> iothreads, List<Task> tasks) {

		static Threads of(@Nullable JsonNode answer, Collection<Long> iothreads, List<Task> tasks) {
			Long first = null;
			Set<Long> cpus = ConcurrentHashMap.newKeySet();
			for (JsonNode cpu : (answer != null) ? answer : List.<JsonNode>of()) {
				long threadId = cpu.path("thread-id").asLong(0);
				if (cpu.path("cpu-index").asLong(-1) == 0) {
					first = threadId;
				}
				cpus.add(threadId);
			}
			return new Threads(first, cpus, iothreads, tasks);
		}

		/**
		 * Finds the thread that a device runs on whose mapping names an IOThread.
		 * @return the listed IOThread's own, another one, {@link ThreadKey#GONE} when it
		 * is another one of an unknown number, or {@code null} when nothing tells
		 */
		@Nullable Long beneath(ThreadKey iothread, boolean isCold) {
			String name = NAME + iothread.id();
			boolean named = name.length() <= Task.LONGEST_NAME && this.tasks.stream()
				.anyMatch((task) -> task.threadId() == iothread.threadId() && task.name().equals(name));
			if (named) {
				return this.tasks.stream()
					.filter((task) -> task.name().equals(name) && !this.iothreads.contains(task.threadId()))
					.map(Task::threadId)
					.findFirst()
					.orElse(iothread.threadId());
			}
			if (this.firstCpu != null && iothread.threadId() < this.firstCpu) {
				return iothread.threadId();
			}
			if (this.firstCpu != null && isCold) {
				return ThreadKey.GONE;
			}
			return (!this.tasks.isEmpty() && unknownPollers() <= OTHERS_THAT_POLL) ? iothread.threadId() : null;
		}

		private long unknownPollers() {
			return this.tasks.stream()
				.filter((task) -> task.polls() && !task.first() && !this.cpus.contains(task.threadId())
						&& !this.iothreads.contains(task.threadId()))
				.count();
		}

	}

}
