package dev.iothreads.machine;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

/**
 * A thread as the kernel of this host shows it to this process
 * ({@code /proc/<pid>/task/<tid>/stat}, docs: proc(5)). With the moment of its start it
 * is this thread and no other, even when its numbers are given out again.
 *
 * @param processId the process, by its number in the service's PID namespace
 * @param threadId the thread, likewise
 * @param startTime when it was started, in ticks since the host was
 */
public record HostThread(long processId, long threadId, long startTime) {

	// USER_HZ, the unit of all times in /proc: "getconf CLK_TCK" says 100 on every
	// architecture that runs a JDK and a QEMU with KVM (source:
	// include/uapi/asm-generic/param.h). The kernel's own tick may be another.
	private static final double TICKS_PER_SECOND = 100;

	// The line has some 300 characters, 52 numbers and a name of 15.
	private static final int LONGEST = 2048;

	// Counted from the state, which comes right after the name: the name may hold spaces
	// and brackets. In proc(5) it is the third.
	private static final int USER = 14 - 3;

	private static final int SYSTEM = 15 - 3;

	private static final int START = 22 - 3;

	/**
	 * Looks for a thread.
	 * @param processId the process it belongs to
	 * @param threadId its number
	 * @return the thread, or nothing when that process has none of that number now, or
	 * there is no such thing as {@code /proc}
	 */
	public static Optional<HostThread> find(long processId, long threadId) {
		String[] stat = stat(processId, threadId);
		return (stat != null) ? Optional.of(new HostThread(processId, threadId, Long.parseLong(stat[START])))
				: Optional.empty();
	}

	/**
	 * Reads how much CPU time the thread has used since its start.
	 * @return the time, or nothing when the thread has ended
	 */
	public Optional<CpuTime> cpuTime() {
		String[] stat = stat(this.processId, this.threadId);
		if (stat == null || Long.parseLong(stat[START]) != this.startTime) {
			return Optional.empty();
		}
		return Optional.of(new CpuTime(Long.parseLong(stat[USER]) / TICKS_PER_SECOND,
				Long.parseLong(stat[SYSTEM]) / TICKS_PER_SECOND));
	}

	private static String @Nullable [] stat(long processId, long threadId) {
		try (FileInputStream file = new FileInputStream("/proc/%d/task/%d/stat".formatted(processId, threadId))) {
			String line = new String(file.readNBytes(LONGEST), StandardCharsets.ISO_8859_1);
			String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ");
			return (fields.length > START) ? fields : null;
		}
		catch (IOException ex) {
			return null; // it has ended, or never was
		}
	}

	/**
	 * CPU time that a thread has used, to a hundredth of a second.
	 *
	 * @param userSeconds in its own code, in s
	 * @param systemSeconds in the kernel's, in s
	 */
	public record CpuTime(double userSeconds, double systemSeconds) {

	}

}
