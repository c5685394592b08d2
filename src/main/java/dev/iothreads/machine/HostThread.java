package dev.iothreads.machine;

import java.util.Optional;

/**
 * A thread of this host, by its numbers in the service's PID namespace. It is this thread
 * and no other, even when the kernel gives its numbers to another one later.
 */
public interface HostThread {

	long processId();

	long threadId();

	/**
	 * Reads how much CPU time the thread has used since its start.
	 * @return the time, or nothing when the thread has ended
	 */
	Optional<CpuTime> cpuTime();

	/**
	 * CPU time that a thread has used, to a hundredth of a second.
	 *
	 * @param userSeconds in its own code, in s
	 * @param systemSeconds in the kernel's, in s
	 */
	record CpuTime(double userSeconds, double systemSeconds) {

	}

}
