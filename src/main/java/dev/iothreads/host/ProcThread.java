package dev.iothreads.host;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

	private static final Pattern CPUS = Pattern.compile("(?m)^Cpus_allowed_list:\\s*(\\S+)$");

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
	 * this host has no {@code /proc}
	 */
	static Optional<HostThread> find(long processId, long threadId) {
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

	@Override
	public Optional<String> cpusAllowed() {
		try {
			Path status = Path.of("/proc/" + this.processId + "/task/" + this.threadId + "/status");
			Matcher list = CPUS.matcher(Files.readString(status, StandardCharsets.ISO_8859_1));
			return list.find() ? Optional.of(list.group(1)) : Optional.empty();
		}
		catch (IOException ex) {
			return Optional.empty(); // it has ended
		}
	}

	private static String @Nullable [] stat(long processId, long threadId) {
		try (FileInputStream file = new FileInputStream("/proc/" + processId + "/task/" + threadId + "/stat")) {
			String line = new String(file.readNBytes(LONGEST), StandardCharsets.ISO_8859_1);
			String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ");
			return (fields.length > START) ? fields : null;
		}
		catch (IOException ex) {
			return null; // it has ended, or never was
		}
	}

}
