package dev.iothreads.host;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

import dev.iothreads.machine.HostThread;
import org.jspecify.annotations.Nullable;

/**
 * A thread in {@code /proc/<pid>/task/<tid>/stat} (docs: proc(5)). The time of its start
 * distinguishes it from a later thread with the same numbers.
 *
 * @param processId the process, by its number in the service's PID namespace
 * @param threadId the thread, likewise
 * @param startTime when it was started, in ticks since the host was
 */
record ProcThread(long processId, long threadId, long startTime) implements HostThread {

	// USER_HZ, the unit of all times in /proc: "getconf CLK_TCK" says 100 on every
	// architecture that runs a JDK and a QEMU with KVM (source:
	// include/uapi/asm-generic/param.h). The kernel's own tick may be another.
	private static final double TICKS_PER_SECOND = 100;

	private static final String CPUS = "\nCpus_allowed_list:\t";

	// The line has some 300 characters, 52 numbers and a name of 15.
	private static final int LONGEST_STAT = 2048;

	// 1500 characters, 9 for each 32 CPUs that a kernel is built for, and their list.
	private static final int LONGEST_STATUS = 8192;

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
	 * this host has no {@code /proc}
	 */
	static Optional<ProcThread> find(long processId, long threadId) {
		String[] stat = stat(processId, threadId);
		return (stat != null) ? Optional.of(new ProcThread(processId, threadId, Long.parseLong(stat[START])))
				: Optional.empty();
	}

	@Override
	public Optional<CpuTime> cpuTime() {
		String[] stat = stat(this.processId, this.threadId);
		if (stat == null || Long.parseLong(stat[START]) != this.startTime) {
			return Optional.empty();
		}
		return Optional.of(new CpuTime(Long.parseLong(stat[USER]) / TICKS_PER_SECOND,
				Long.parseLong(stat[SYSTEM]) / TICKS_PER_SECOND));
	}

	/**
	 * Reads which of the host's CPUs the thread may run on.
	 * @return the kernel's list, such as {@code 0-3,8}, or nothing when the thread has
	 * ended
	 */
	Optional<String> cpusAllowed() {
		String status = read(this.processId, this.threadId, "status", LONGEST_STATUS);
		int name = (status != null) ? status.indexOf(CPUS) : -1;
		int end = (status != null) ? status.indexOf('\n', name + 1) : -1;
		return (status != null && name >= 0 && end > name) ? Optional.of(status.substring(name + CPUS.length(), end))
				: Optional.empty();
	}

	private static String @Nullable [] stat(long processId, long threadId) {
		String line = read(processId, threadId, "stat", LONGEST_STAT);
		if (line == null) {
			return null;
		}
		String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ");
		return (fields.length > START) ? fields : null;
	}

	// The kernel gives such a file in one piece.
	private static @Nullable String read(long processId, long threadId, String name, int longest) {
		try (FileInputStream file = new FileInputStream("/proc/" + processId + "/task/" + threadId + "/" + name)) {
			byte[] bytes = new byte[longest];
			return new String(bytes, 0, Math.max(0, file.read(bytes)), StandardCharsets.ISO_8859_1);
		}
		catch (IOException ex) {
			return null; // it has ended, or never was
		}
	}

}
