package dev.iothreads.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

/**
 * A QEMU process without a guest: a q35 machine that never starts, with the monitors that
 * the test asks for. It ends with {@link #close()}, and at the latest with the JVM.
 * <p>
 * Besides those monitors it has one that is the test's alone, see {@link #monitor()}.
 */
public final class Qemu implements AutoCloseable {

	/**
	 * The guest's memory is never touched, so its size costs nothing. Left out is what no
	 * test looks at, some 3 of 38 MB; PCIe and ACPI stay.
	 */
	private static final List<String> MACHINE = List.of("-nodefaults", "-nographic", "-S", "-machine",
			"q35,usb=off,smbus=off,sata=off", "-accel", "tcg,tb-size=1", "-m", "64");

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	/**
	 * Linux takes 107 bytes for a Unix socket's path, and other systems fewer.
	 */
	private static final int LONGEST_SOCKET_PATH = 99;

	private static final Set<Qemu> OPEN = ConcurrentHashMap.newKeySet();

	static {
		Runtime.getRuntime().addShutdownHook(new Thread(() -> OPEN.forEach(Qemu::close), "close-every-qemu"));
	}

	private final QemuBinary binary;

	private final List<String> command;

	private final Path home;

	private final Path ownSocket;

	private final Path console;

	private final Map<String, Path> sockets;

	private volatile @Nullable Process process;

	private boolean closed;

	private Qemu(QemuBinary binary, List<String> machine, List<String> args, List<String> monitors,
			@Nullable Path directory) {
		this.binary = binary;
		this.home = temporaryDirectory();
		this.ownSocket = this.home.resolve("own.sock");
		this.console = this.home.resolve("console.sock");
		this.sockets = new LinkedHashMap<>();
		for (String monitor : monitors) {
			this.sockets.put(monitor, ((directory != null) ? directory : this.home).resolve(monitor + ".sock"));
		}
		this.command = new ArrayList<>();
		this.command.add(binary.path().toString());
		this.command.addAll(machine);
		if (machine != MACHINE) {
			this.command.addAll(List.of("-chardev", "socket,id=console,path=" + this.console + ",server=on,wait=off",
					"-serial", "chardev:console"));
		}
		this.command.addAll(args);
		this.sockets.forEach(this::addMonitor);
		// QEMU opens them in this order: when the last one greets, all are there.
		addMonitor("own", this.ownSocket);
	}

	/**
	 * Begins the description of a QEMU to start.
	 * @param binary what to start
	 * @return a builder
	 */
	public static Builder of(QemuBinary binary) {
		return new Builder(binary);
	}

	/**
	 * What was started.
	 * @return the binary
	 */
	public QemuBinary binary() {
		return this.binary;
	}

	/**
	 * The socket of the first monitor that the test asked for.
	 * @return the path of a Unix socket
	 */
	public Path socket() {
		return this.sockets.values().iterator().next();
	}

	/**
	 * The socket of a monitor that the test asked for.
	 * @param monitor its name
	 * @return the path of a Unix socket
	 */
	public Path socket(String monitor) {
		Path socket = this.sockets.get(monitor);
		if (socket == null) {
			throw new IllegalArgumentException("No monitor " + monitor + " among " + this.sockets.keySet());
		}
		return socket;
	}

	/**
	 * Connects to the monitor that is the test's alone. It serves one client at a time:
	 * close what this returns before asking again.
	 * @return a connected monitor
	 */
	public Monitor monitor() {
		return Monitor.connect(this.ownSocket);
	}

	/**
	 * The socket of the serial console, which a machine of the test's own has.
	 * @return the path of a Unix socket
	 */
	public Path console() {
		return this.console;
	}

	/**
	 * The id of the process, another one after {@link #restart()}.
	 * @return the process id
	 */
	public long pid() {
		return process().pid();
	}

	/**
	 * Whether the process is there, stopped or not.
	 * @return {@code false} once it has ended
	 */
	public boolean isAlive() {
		return process().isAlive();
	}

	/**
	 * Stops the process (SIGSTOP): its sockets still take connections, and no thread
	 * answers. Returns when every thread has stopped.
	 */
	public void stop() {
		signal("STOP");
		awaitStopped(true);
	}

	/**
	 * Lets the process continue (SIGCONT). Returns when it does.
	 */
	public void cont() {
		signal("CONT");
		awaitStopped(false);
	}

	/**
	 * Kills the process (SIGKILL) and returns when it has ended. Its socket files stay,
	 * as after a crash.
	 */
	public void kill() {
		Process process = process();
		process.destroyForcibly();
		awaitEnd(process);
	}

	/**
	 * Asks the process to end (SIGTERM) and returns when it has. It removes its socket
	 * files.
	 */
	public void terminate() {
		Process process = process();
		process.destroy();
		awaitEnd(process);
	}

	/**
	 * Starts the same QEMU anew with the same sockets, killing the process if it is still
	 * there. What was added through a monitor is gone.
	 */
	public void restart() {
		kill();
		launch();
	}

	@Override
	public void close() {
		synchronized (this) {
			this.closed = true;
		}
		if (this.process != null) {
			kill();
		}
		delete(Stream.concat(this.sockets.values().stream(),
				Stream.of(this.ownSocket, this.console, errors(), this.home)));
		OPEN.remove(this);
	}

	private void addMonitor(String name, Path socket) {
		int length = socket.toString().length();
		if (length > LONGEST_SOCKET_PATH) {
			throw new IllegalArgumentException(
					socket + " has " + length + " characters, and a Unix socket's path has room for "
							+ LONGEST_SOCKET_PATH + ": put it in a directory with a shorter name");
		}
		this.command.addAll(List.of("-chardev", "socket,id=" + name + ",path=" + socket + ",server=on,wait=off", "-mon",
				"chardev=" + name + ",mode=control"));
	}

	private void launch() {
		Process started = begin();
		long end = System.nanoTime() + DEADLINE.toNanos();
		while (!greets()) {
			if (hasEndedWithin(started, Duration.ofMillis(10))) {
				throw new IllegalStateException(this.binary + " ended with code " + started.exitValue() + ": "
						+ complaints() + " (" + String.join(" ", this.command) + ")");
			}
			if (System.nanoTime() > end) {
				throw new IllegalStateException(this.binary + " has opened no monitor within " + DEADLINE);
			}
		}
	}

	/**
	 * Leaves nothing behind if the JVM ends meanwhile: either closing comes later and
	 * finds the process, or there is none.
	 */
	private synchronized Process begin() {
		if (this.closed) {
			throw new IllegalStateException(this.binary + " was closed");
		}
		OPEN.add(this);
		Process begun = run(new ProcessBuilder(this.command).redirectOutput(ProcessBuilder.Redirect.DISCARD)
			.redirectError(errors().toFile()));
		this.process = begun;
		return begun;
	}

	private boolean greets() {
		try (Monitor monitor = monitor()) {
			return monitor.greeting().has("QMP");
		}
		catch (UncheckedIOException ex) {
			// Not there yet, or a file that the process before has left, or about to end.
			return false;
		}
	}

	private Process process() {
		Process current = this.process;
		if (current == null) {
			throw new IllegalStateException(this.binary + " was not started");
		}
		return current;
	}

	/**
	 * Returns what it has written to its standard error.
	 * @return the text, without white space around it
	 */
	public String complaints() {
		return read(errors()).strip();
	}

	private Path errors() {
		return this.home.resolve("stderr");
	}

	private void signal(String signal) {
		// The shell's own kill: not every machine has a program of that name.
		Process kill = run(new ProcessBuilder("sh", "-c", "kill -" + signal + " " + pid()).inheritIO());
		awaitEnd(kill);
		if (kill.exitValue() != 0) {
			throw new IllegalStateException("Cannot send SIG" + signal + " to " + this.binary);
		}
	}

	private void awaitStopped(boolean stopped) {
		long end = System.nanoTime() + DEADLINE.toNanos();
		while (isStopped() != stopped) {
			if (hasEndedWithin(process(), Duration.ofMillis(1)) || System.nanoTime() > end) {
				throw new IllegalStateException(this.binary + " takes no signal");
			}
		}
	}

	private boolean isStopped() {
		try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(pid()), "task"))) {
			return threads.map((thread) -> read(thread.resolve("stat")))
				.allMatch((stat) -> stat.startsWith(") T", stat.lastIndexOf(')')));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static void awaitEnd(Process process) {
		if (!hasEndedWithin(process, DEADLINE)) {
			throw new IllegalStateException("Process " + process.pid() + " does not end");
		}
	}

	private static boolean hasEndedWithin(Process process, Duration time) {
		try {
			return process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new IllegalStateException("Interrupted while awaiting process " + process.pid(), ex);
		}
	}

	private static Process run(ProcessBuilder builder) {
		try {
			Process started = builder.start();
			started.getOutputStream().close();
			return started;
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static String read(Path file) {
		try {
			return Files.readString(file);
		}
		catch (NoSuchFileException ex) {
			return "";
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static Path temporaryDirectory() {
		try {
			Path usual = Path.of(System.getProperty("java.io.tmpdir"));
			return Files.createTempDirectory((usual.toString().length() <= 40) ? usual : Path.of("/tmp"), "qemu");
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static void delete(Stream<Path> paths) {
		paths.forEach((path) -> {
			try {
				Files.deleteIfExists(path);
			}
			catch (IOException ex) {
				throw new UncheckedIOException(ex);
			}
		});
	}

	/**
	 * Describes a QEMU to start.
	 */
	public static final class Builder {

		private final QemuBinary binary;

		private List<String> machine = MACHINE;

		private final List<String> args = new ArrayList<>();

		private final List<String> monitors = new ArrayList<>();

		private @Nullable Path directory;

		private Builder(QemuBinary binary) {
			this.binary = binary;
		}

		/**
		 * Replaces the machine that never starts. The new one has a serial console.
		 * @param args what makes the machine, one by one
		 * @return this builder
		 */
		public Builder machine(String... args) {
			this.machine = List.of(args);
			return this;
		}

		/**
		 * Adds arguments of QEMU's command line.
		 * @param args the arguments, one by one
		 * @return this builder
		 */
		public Builder args(String... args) {
			this.args.addAll(List.of(args));
			return this;
		}

		/**
		 * Adds a monitor. Without any there is one, {@code qmp}.
		 * @param name the name of its socket's file (without {@code .sock}) and the id of
		 * its chardev: {@code charmonitor} looks like libvirt's
		 * @return this builder
		 */
		public Builder monitor(String name) {
			this.monitors.add(name);
			return this;
		}

		/**
		 * Puts the monitors' sockets in a directory instead of a temporary one.
		 * @param directory an existing directory with a short path
		 * @return this builder
		 */
		public Builder in(Path directory) {
			this.directory = directory;
			return this;
		}

		/**
		 * Starts the process and returns when its monitors take clients.
		 * @return the running QEMU
		 * @throws IllegalStateException if it ends at once, with what it wrote
		 */
		public Qemu start() {
			Qemu qemu = new Qemu(this.binary, this.machine, List.copyOf(this.args),
					this.monitors.isEmpty() ? List.of("qmp") : List.copyOf(this.monitors), this.directory);
			try {
				qemu.launch();
				return qemu;
			}
			catch (RuntimeException | AssertionError ex) {
				qemu.close();
				throw ex;
			}
		}

	}

}
