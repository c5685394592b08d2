package dev.iothreads.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.IOThread;
import org.jspecify.annotations.Nullable;

/**
 * The threads of the QEMU of one libvirt domain. libvirt starts it with {@code -uuid} and
 * {@code debug-threads=on}, so that the kernel knows each IOThread's thread by the name
 * {@code IO iothread1}.
 */
final class DomainThreads implements HostThreads {

	// The kernel keeps so many characters of a name (docs: proc(5), comm).
	private static final int LONGEST_NAME = 15;

	private static final String HIDDEN = "No process that the service can see is this domain's QEMU, or its threads have "
			+ "no names. Run the service on the domain's host, in the host's PID namespace (hostPID), with a /proc that "
			+ "shows the processes of other users, too.";

	private final String uuid;

	private @Nullable Long process;

	private final Pause pause = new Pause();

	DomainThreads(UUID domain) {
		this.uuid = domain.toString();
	}

	@Override
	public synchronized Visible look(Collection<IOThread> iothreads) {
		Long found = this.process;
		if (found == null && this.pause.isOver()) {
			found = find();
			this.process = found;
		}
		Map<String, List<ProcThread>> named = (found != null) ? named(found) : Map.of();
		Map<String, HostThread> threads = new HashMap<>();
		Map<String, String> cpusAllowed = new HashMap<>();
		for (IOThread iothread : iothreads) {
			String name = name(iothread.id());
			List<ProcThread> candidates = named.getOrDefault(name, List.of());
			if (candidates.size() == 1
					&& iothreads.stream().filter((other) -> name(other.id()).equals(name)).count() == 1) {
				threads.put(iothread.id(), candidates.get(0));
				candidates.get(0).cpusAllowed().ifPresent((cpus) -> cpusAllowed.put(iothread.id(), cpus));
			}
		}
		return new Visible(threads, cpusAllowed, (threads.size() < iothreads.size()) ? HIDDEN : null);
	}

	// Two that say so: it is not known which is the QEMU.
	private @Nullable Long find() {
		List<Long> found = new ArrayList<>();
		try {
			for (Path candidate : QemuProcess.list(QemuProcess.PROC, "[0-9]*")) {
				if (isOfDomain(candidate)) {
					found.add(Long.valueOf(candidate.getFileName().toString()));
				}
			}
		}
		catch (IOException ex) {
			return null; // this host has no /proc
		}
		return (found.size() == 1) ? found.get(0) : null;
	}

	private boolean isOfDomain(Path candidate) {
		try {
			return read(candidate.resolve("cmdline")).contains("\0-uuid\0" + this.uuid + "\0")
					&& !QemuProcess.Status.of(candidate).nested();
		}
		catch (IOException ex) {
			return false; // it has just ended, or may not be looked at
		}
	}

	private static Map<String, List<ProcThread>> named(long process) {
		Map<String, List<ProcThread>> named = new HashMap<>();
		try {
			for (Path task : QemuProcess.list(QemuProcess.PROC.resolve(process + "/task"), "[0-9]*")) {
				long number = Long.parseLong(task.getFileName().toString());
				String name = read(task.resolve("comm")).strip();
				ProcThread.find(process, number)
					.ifPresent((thread) -> named.computeIfAbsent(name, (same) -> new ArrayList<>()).add(thread));
			}
		}
		catch (IOException ex) {
			return Map.of(); // it has ended
		}
		return named;
	}

	private static String name(String iothread) {
		String name = "IO " + iothread;
		return name.substring(0, Math.min(name.length(), LONGEST_NAME));
	}

	private static String read(Path file) throws IOException {
		return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
	}

}
