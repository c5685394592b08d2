package dev.iothreads.machine;

import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.jspecify.annotations.Nullable;

/**
 * The threads that this host's kernel shows of the IOThreads of one QEMU process.
 */
@FunctionalInterface
public interface HostThreads {

	/**
	 * Looks at the threads that are known already, so that the next {@link #look} need
	 * not: there is time for it while QEMU is asked.
	 */
	default void lookAhead() {
	}

	/**
	 * Looks for the threads of IOThreads.
	 * @param iothreads the IOThreads that there are now
	 * @return those of their threads that are visible
	 */
	Visible look(Collection<IOThread> iothreads);

	/**
	 * Lists all threads of that process.
	 * @param iothreads the thread ids of the IOThreads that there are now
	 * @return the threads, none when the process is not visible
	 */
	default List<Task> tasks(Collection<Long> iothreads) {
		return List.of();
	}

	/**
	 * A thread of QEMU.
	 *
	 * @param threadId its number, as QEMU sees it
	 * @param name its name, cut to {@link #LONGEST_NAME} characters
	 * @param polls whether it waits for descriptors as an IOThread does; {@code true}
	 * when that cannot be said
	 * @param first whether it is the process's first
	 */
	record Task(long threadId, String name, boolean polls, boolean first) {

		/** The kernel keeps no more of a thread's name. */
		public static final int LONGEST_NAME = 15;

	}

	/**
	 * What is visible.
	 *
	 * @param threads the threads by the IOThread's id
	 * @param cpusAllowed the host's CPUs that each may run on, as the kernel lists them,
	 * such as {@code 0-3,8}
	 * @param hiddenBecause why some are absent, and what to do; {@code null} when none is
	 */
	record Visible(Map<String, HostThread> threads, Map<String, String> cpusAllowed, @Nullable String hiddenBecause) {

	}

	/**
	 * Finds the process of a QEMU.
	 */
	@FunctionalInterface
	interface Finder {

		/** Finds no process, and gives no reason. */
		Finder NONE = (socket) -> (iothreads) -> new Visible(Map.of(), Map.of(), null);

		/**
		 * Returns the threads of the QEMU behind a monitor, as long as it is the same
		 * process. It returns at once: the process is searched for when its threads are.
		 * @param socket the monitor's Unix socket, {@code null} when it is none
		 */
		HostThreads of(@Nullable Path socket);

		/**
		 * Returns the threads of the QEMU of a libvirt domain. They are found by the
		 * names that libvirt has QEMU give them, so the IOThreads need no thread id.
		 * @param domain the domain's UUID
		 * @return its threads, as long as it is the same process
		 */
		default HostThreads ofDomain(UUID domain) {
			return of(null);
		}

	}

}
