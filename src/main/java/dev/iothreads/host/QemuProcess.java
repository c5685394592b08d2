package dev.iothreads.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.iothreads.machine.HostThreads;

/**
 * The process of a QEMU, as the kernel of this host shows it (docs: proc(5),
 * pid_namespaces(7)).
 * <p>
 * A process is taken for that QEMU only when it has threads of all the numbers that QEMU
 * gives for its IOThreads, and holds the socket of the monitor that QEMU answers on. The
 * table of Unix sockets of its network namespace says where each of its sockets was
 * bound. That must be the file that the service is connected to, as the process sees it.
 * In the service's own PID namespace, where no two threads have the same number, these
 * are accepted as well: a path of the service's own root, for a QEMU that changed its
 * root since ({@code -chroot}); a relative path that the file's own path ends with, for
 * one that changed its directory since ({@code -daemonize}); and the command line of a
 * process whose descriptors may not be looked at.
 *
 * @param processId the process, by its number in the service's PID namespace
 * @param nested whether QEMU is in another PID namespace beneath the service's, so that
 * it gives other numbers for its threads
 */
record QemuProcess(long processId, boolean nested) {

	static final Path PROC = Path.of("/proc");

	private static final String SOCKET = "socket:[";

	private static final Pattern SPACES = Pattern.compile("\\s+");

	private static final Pattern NUMBERS = Pattern
		.compile("(?m)^Tgid:\\s*(?<process>\\d+)$(?s:.*?)^Uid:\\s*(?<user>\\d+)(?s:.*?)^Gid:\\s*(?<group>\\d+)"
				+ "(?s:.*?)^NSpid:\\s*(?<numbers>[\\d\\t]+)$");

	// Before the path: address, references, protocol, flags, type, state, inode.
	private static final int COLUMNS = 8;

	private static final int INODE = 6;

	private static final int PATH = 7;

	/**
	 * Looks for the process of a QEMU.
	 * @param socket the Unix socket that it answers on
	 * @param threadIds the numbers that it gives for its IOThreads, one at least
	 * @param nested gives the processes in PID namespaces beneath the service's own
	 * @return the process, or nothing when no process, or more than one, can be taken for
	 * it
	 */
	static Optional<QemuProcess> find(Path socket, Collection<Long> threadIds, Supplier<List<Path>> nested) {
		return inOwnNamespace(socket, threadIds).or(() -> inNamespaceBeneath(socket, threadIds, nested.get()));
	}

	/**
	 * Finds a thread of the process.
	 * @param threadId the number that QEMU gives for it
	 * @return the thread, or nothing when there is none of that number
	 */
	Optional<ProcThread> thread(long threadId) {
		if (!this.nested) {
			return ProcThread.find(this.processId, threadId);
		}
		try {
			Long number = threads(directory(this.processId)).get(threadId);
			return (number != null) ? ProcThread.find(this.processId, number) : Optional.empty();
		}
		catch (IOException ex) {
			return Optional.empty(); // the process has ended
		}
	}

	/**
	 * Lists the threads of the process.
	 * @return the threads, by the numbers that QEMU gives for them
	 */
	List<HostThreads.Task> tasks() {
		List<HostThreads.Task> tasks = new ArrayList<>();
		try {
			Path process = directory(this.processId);
			for (Map.Entry<Long, Long> thread : threads(process).entrySet()) {
				Path task = process.resolve("task").resolve(thread.getValue().toString());
				if (Files.exists(task)) {
					tasks.add(new HostThreads.Task(thread.getKey(), read(task.resolve("comm")).strip(), isPolling(task),
							thread.getValue() == this.processId));
				}
			}
		}
		catch (IOException ex) {
			return List.of(); // one of them has just ended, or all have
		}
		return tasks;
	}

	// docs: proc(5). "0" is what it says of a thread that runs, or may not be looked at.
	private static boolean isPolling(Path task) throws IOException {
		String function = read(task.resolve("wchan"));
		return function.equals("0") || function.contains("poll") || function.startsWith("io_cqring_wait");
	}

	/**
	 * Looks for the processes that have threads of these numbers, whether they hold a
	 * monitor's socket or not.
	 * @param nested the processes in PID namespaces beneath the service's own
	 * @return the processes, that in the service's own namespace first
	 */
	static List<Status> withThreads(Collection<Long> threadIds, List<Path> nested) {
		List<Status> found = new ArrayList<>();
		ownWithThreads(threadIds).ifPresent(found::add);
		for (Path process : nested) {
			try {
				Status status = Status.of(process);
				if (status.nested() && threads(process).keySet().containsAll(threadIds)) {
					found.add(status);
				}
			}
			catch (IOException ex) {
				// It has just ended.
			}
		}
		return found;
	}

	private static Optional<Status> ownWithThreads(Collection<Long> threadIds) {
		try {
			// Every thread has a directory in /proc, although only processes are listed.
			Status status = Status.of(directory(threadIds.iterator().next()));
			Path tasks = directory(status.processId()).resolve("task");
			boolean hasAll = threadIds.stream().allMatch((id) -> Files.exists(tasks.resolve(id.toString())));
			return (hasAll && !status.nested()) ? Optional.of(status) : Optional.empty();
		}
		catch (IOException ex) {
			return Optional.empty(); // there is none, or it has just ended
		}
	}

	private static Optional<QemuProcess> inOwnNamespace(Path socket, Collection<Long> threadIds) {
		return ownWithThreads(threadIds).map(Status::processId)
			.filter((number) -> isHolder(directory(number), socket))
			.map((number) -> new QemuProcess(number, false));
	}

	private static boolean isHolder(Path process, Path socket) {
		try {
			return bound(process).stream()
				.anyMatch((path) -> isSeenAs(process, path, socket) || wasBoundAs(path, socket));
		}
		catch (AccessDeniedException ex) {
			return names(process, socket);
		}
		catch (IOException ex) {
			return false; // it has just ended
		}
	}

	private static Optional<QemuProcess> inNamespaceBeneath(Path socket, Collection<Long> threadIds,
			List<Path> processes) {
		List<QemuProcess> found = new ArrayList<>();
		for (Status status : withThreads(threadIds, processes)) {
			Path process = directory(status.processId());
			try {
				if (status.nested() && bound(process).stream().anyMatch((path) -> isSeenAs(process, path, socket))) {
					found.add(new QemuProcess(status.processId(), true));
				}
			}
			catch (IOException ex) {
				// It has just ended, or may not be looked at.
			}
		}
		return (found.size() == 1) ? Optional.of(found.get(0)) : Optional.empty();
	}

	/**
	 * The paths that the sockets of a process were bound to.
	 * @throws AccessDeniedException if its descriptors may not be looked at
	 */
	static Set<String> bound(Path process) throws IOException {
		Set<String> inodes = new HashSet<>();
		for (Path descriptor : list(process.resolve("fd"), "*")) {
			try {
				String target = Files.readSymbolicLink(descriptor).toString();
				if (target.startsWith(SOCKET)) {
					inodes.add(target.substring(SOCKET.length(), target.length() - 1));
				}
			}
			catch (NoSuchFileException ex) {
				// It was closed since it was listed.
			}
		}
		Set<String> paths = new HashSet<>();
		for (String line : read(process.resolve("net/unix")).split("\n")) {
			String[] columns = SPACES.split(line, COLUMNS);
			if (columns.length == COLUMNS && inodes.contains(columns[INODE])) {
				paths.add(columns[PATH]);
			}
		}
		return paths;
	}

	private static boolean isSeenAs(Path process, String path, Path socket) {
		try {
			// The process may have another root, and what it says is relative to that.
			Path seen = path.startsWith("/") ? process.resolve("root").resolve(path.substring(1))
					: process.resolve("cwd").resolve(path);
			return Files.isSameFile(seen, socket);
		}
		catch (IOException | RuntimeException ex) {
			return false;
		}
	}

	private static boolean wasBoundAs(String path, Path socket) {
		try {
			Path file = socket.toRealPath();
			return path.startsWith("/") ? Files.isSameFile(Path.of(path), file)
					: file.endsWith(path.replaceFirst("^(\\.{0,2}/+)+", ""));
		}
		catch (IOException | RuntimeException ex) {
			return false;
		}
	}

	/**
	 * Tells whether the command line of a process names a socket, as in
	 * {@code unix:/run/vm1.sock,server=on} or {@code path=/run/vm1.sock}.
	 */
	private static boolean names(Path process, Path socket) {
		String path = socket.toString().replace(",", ",,");
		Pattern option = Pattern.compile("[=:\"]" + Pattern.quote(path) + "(?=$|[,\"\0])");
		try {
			return option.matcher(read(process.resolve("cmdline"))).find();
		}
		catch (IOException ex) {
			return false; // it has just ended
		}
	}

	/**
	 * The threads of a process by the number that they have in the innermost namespace.
	 */
	private static Map<Long, Long> threads(Path process) throws IOException {
		Map<Long, Long> threads = new HashMap<>();
		for (Path thread : list(process.resolve("task"), "*")) {
			try {
				threads.put(Status.of(thread).innermost(), Long.valueOf(thread.getFileName().toString()));
			}
			catch (IOException ex) {
				// It has just ended.
			}
		}
		return threads;
	}

	static Path directory(long number) {
		return PROC.resolve(Long.toString(number));
	}

	static List<Path> list(Path directory, String glob) throws IOException {
		List<Path> files = new ArrayList<>();
		try (DirectoryStream<Path> listed = Files.newDirectoryStream(directory, glob)) {
			listed.forEach(files::add);
		}
		catch (DirectoryIteratorException ex) {
			throw ex.getCause();
		}
		return files;
	}

	// The bytes of a path need not be good UTF-8.
	private static String read(Path file) throws IOException {
		return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
	}

	/**
	 * What {@code /proc/<pid>/status} says of a process or a thread.
	 *
	 * @param processId the process
	 * @param user the user that it runs as, by number
	 * @param group its group
	 * @param numbers its own numbers, one in each namespace, from that of {@code /proc}
	 * to the innermost
	 */
	record Status(long processId, long user, long group, List<Long> numbers) {

		static Status of(Path directory) throws IOException {
			Matcher matcher = NUMBERS.matcher(read(directory.resolve("status")));
			if (!matcher.find()) {
				throw new IOException("There are no numbers in " + directory);
			}
			return new Status(Long.parseLong(matcher.group("process")), Long.parseLong(matcher.group("user")),
					Long.parseLong(matcher.group("group")),
					SPACES.splitAsStream(matcher.group("numbers")).map(Long::valueOf).toList());
		}

		boolean nested() {
			return this.numbers.size() > 1;
		}

		long innermost() {
			return this.numbers.get(this.numbers.size() - 1);
		}

	}

}
