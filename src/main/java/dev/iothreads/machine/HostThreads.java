package dev.iothreads.machine;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;

import org.jspecify.annotations.Nullable;

/**
 * The threads that this host's kernel shows of the IOThreads of one QEMU process.
 */
@FunctionalInterface
public interface HostThreads {

	/**
	 * Looks for the threads of IOThreads.
	 * @param iothreads the IOThreads that there are now
	 * @return those of their threads that are visible
	 */
	Visible look(Collection<IOThread> iothreads);

	/**
	 * What is visible.
	 *
	 * @param threads the threads by the IOThread's id
	 * @param hiddenBecause why some are absent, and what to do; {@code null} when none is
	 */
	record Visible(Map<String, HostThread> threads, @Nullable String hiddenBecause) {

	}

	/**
	 * Finds the process of a QEMU.
	 */
	@FunctionalInterface
	interface Finder {

		/** Finds no process, and gives no reason. */
		Finder NONE = (socket) -> (iothreads) -> new Visible(Map.of(), null);

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
