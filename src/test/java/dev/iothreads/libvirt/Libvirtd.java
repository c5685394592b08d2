package dev.iothreads.libvirt;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

import dev.iothreads.testing.Needs;
import org.jspecify.annotations.Nullable;

/**
 * A libvirt daemon of the test's own, with its own configuration, sockets and domains, so
 * that the machine's is left alone. It ends with {@link #close()}, and at the latest with
 * the JVM, and takes its domains with it. {@code LIBVIRT_ROOT} in the environment names
 * the directory of another Debian whose libvirt to use.
 */
public final class Libvirtd implements AutoCloseable {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	// What libvirt learns of each QEMU takes seconds, and is kept between tests.
	private static final Path CACHE = Path.of("target", "libvirt-cache").toAbsolutePath();

	// The directory of another Debian, whose libvirt is used instead of the system's.
	private static final @Nullable String ROOT = System.getenv("LIBVIRT_ROOT");

	private final Path home;

	private final Process supervisor;

	private final BufferedReader answers;

	private long pid;

	private Libvirtd(Path home, Process supervisor) {
		this.home = home;
		this.supervisor = supervisor;
		this.answers = supervisor.inputReader(StandardCharsets.UTF_8);
	}

	/**
	 * Starts a daemon.
	 * @return the daemon, taking calls
	 */
	public static Libvirtd start() {
		return start("");
	}

	/**
	 * Starts a daemon with further settings.
	 * @param configuration lines of {@code libvirtd.conf}
	 * @return the daemon, taking calls
	 */
	public static Libvirtd start(String configuration) {
		return start(configuration, null);
	}

	/**
	 * Starts a daemon that runs another QEMU than the system's.
	 * @param emulator the QEMU, with its modules beside it
	 * @return the daemon, taking calls
	 */
	public static Libvirtd startFor(Path emulator) {
		return start("", emulator.getParent());
	}

	private static Libvirtd start(String configuration, @Nullable Path qemuHome) {
		Needs.program("libvirtd", "libvirt-daemon-system");
		Needs.program("virsh", "libvirt-clients");
		Needs.program("qemu-system-x86_64", "qemu-system-x86");
		try {
			Path home = Files.createTempDirectory(Path.of("/tmp"), "libvirt");
			List<String> command = new ArrayList<>(List.of("unshare", "--mount", "--propagation", "private"));
			if (!"root".equals(System.getProperty("user.name"))) {
				command.add("--map-root-user");
			}
			String cache = (qemuHome != null) ? CACHE + "-" + qemuHome.getFileName() : CACHE.toString();
			command.addAll(List.of(script(), home.toString(), cache));
			if (ROOT != null) {
				command.set(command.size() - 1, cache + "-" + Path.of(ROOT).getFileName());
				command.add(ROOT);
			}
			ProcessBuilder builder = new ProcessBuilder(command).redirectError(home.resolve("supervisor.log").toFile());
			builder.environment().put("LIBVIRTD_CONF", configuration);
			if (qemuHome != null) {
				builder.environment().put("QEMU_HOME", qemuHome.toString());
			}
			Libvirtd daemon = new Libvirtd(home, builder.start());
			try {
				daemon.awaitStarted();
			}
			catch (RuntimeException | AssertionError ex) {
				daemon.close();
				throw ex;
			}
			return daemon;
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static String script() {
		try {
			URL script = Objects.requireNonNull(Libvirtd.class.getResource("/libvirt/supervise"));
			Path path = Path.of(script.toURI());
			if (!path.toFile().setExecutable(true)) {
				throw new IllegalStateException(path + " cannot be made executable");
			}
			return path.toString();
		}
		catch (URISyntaxException ex) {
			throw new IllegalStateException(ex);
		}
	}

	private void awaitStarted() {
		String answer = answer();
		if (!answer.startsWith("started ")) {
			throw new IllegalStateException(
					"libvirtd was not started: " + answer + read(this.home.resolve("supervisor.log")));
		}
		this.pid = Long.parseLong(answer.substring("started ".length()));
		until(() -> "libvirtd answers: " + log(), () -> run(virshCommand("-q", "uri")).code() == 0);
	}

	private String answer() {
		try {
			return String.valueOf(this.answers.readLine());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private void command(String line) {
		try {
			this.supervisor.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
			this.supervisor.getOutputStream().flush();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * The daemon's process.
	 * @return its id, another one after a restart
	 */
	public long pid() {
		return this.pid;
	}

	/**
	 * The socket on which changes are taken.
	 * @return its path
	 */
	public Path socket() {
		return this.home.resolve("run/libvirt/libvirt-sock");
	}

	/**
	 * The socket on which only questions are taken.
	 * @return its path
	 */
	public Path readOnlySocket() {
		return this.home.resolve("run/libvirt/libvirt-sock-ro");
	}

	/**
	 * A directory for what the test's domains need.
	 * @return its path
	 */
	public Path home() {
		return this.home;
	}

	/**
	 * What the daemon has logged.
	 * @return warnings and errors
	 */
	public String log() {
		return read(this.home.resolve("libvirtd.log"));
	}

	/**
	 * Ends the daemon, as a package's upgrade does. Its domains go on.
	 */
	public void stop() {
		command("stop");
		answer();
	}

	/**
	 * Starts the daemon again.
	 */
	public void startAgain() {
		command("start");
		awaitStarted();
	}

	/**
	 * Runs {@code virsh} on this daemon.
	 * @param args its arguments
	 * @return what it printed
	 * @throws AssertionError if it failed, with what it said
	 */
	public String virsh(String... args) {
		Ended ended = run(virshCommand(args));
		if (ended.code() != 0) {
			throw new AssertionError("virsh " + String.join(" ", args) + ": " + ended.output());
		}
		return ended.output().strip();
	}

	/**
	 * Runs {@code virsh} on this daemon, to see it fail.
	 * @param args its arguments
	 * @return what it said
	 */
	public String virshRefused(String... args) {
		Ended ended = run(virshCommand(args));
		if (ended.code() == 0) {
			throw new AssertionError("virsh " + String.join(" ", args) + " did not fail: " + ended.output());
		}
		return ended.output().strip();
	}

	private List<String> virshCommand(String... args) {
		List<String> command = new ArrayList<>(List.of("virsh", "-q", "-c", "qemu+unix:///system?socket=" + socket()));
		command.addAll(List.of(args));
		return command;
	}

	/**
	 * Defines and starts a domain whose guest never runs.
	 * @param domain the domain
	 */
	public void run(DomainXml domain) {
		define(domain);
		virsh("start", "--paused", domain.name());
	}

	/**
	 * Defines a domain.
	 * @param domain the domain
	 */
	public void define(DomainXml domain) {
		virsh("define", write(domain).toString());
	}

	/**
	 * Writes a domain's XML to a file.
	 * @param domain the domain
	 * @return the file
	 */
	public Path write(DomainXml domain) {
		return file(domain.name() + ".xml", domain.toString());
	}

	/**
	 * Writes a file.
	 * @param name its name
	 * @param text what is in it
	 * @return the file
	 */
	public Path file(String name, String text) {
		try {
			return Files.writeString(this.home.resolve(name), text);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Makes an image of 1 MiB.
	 * @param name its file name
	 * @return the file
	 */
	public Path image(String name) {
		try {
			Path image = this.home.resolve(name);
			Files.write(image, new byte[1024 * 1024]);
			return image;
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Makes an empty image of 1 MiB in QEMU's own format (docs: interop/qcow2.txt, of
	 * QEMU): a header, a table and a block of references, a table of clusters.
	 * @param name its file name
	 * @return the file
	 */
	public Path qcow2(String name) {
		int cluster = 1 << 16;
		ByteBuffer bytes = ByteBuffer.allocate(4 * cluster);
		bytes.putInt(0x514649fb).putInt(2).putLong(0).putInt(0).putInt(16).putLong(1024 * 1024);
		bytes.putInt(0).putInt(1).putLong(3L * cluster).putLong(cluster).putInt(1).putInt(0).putLong(0);
		bytes.putLong(cluster, 2L * cluster);
		for (int used = 0; used < 4; used++) {
			bytes.putShort(2 * cluster + 2 * used, (short) 1);
		}
		try {
			return Files.write(this.home.resolve(name), bytes.array());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * The process of a domain's QEMU.
	 * @param domain the domain's name
	 * @return its id
	 */
	public long qemu(String domain) {
		return Long.parseLong(read(this.home.resolve("run/libvirt/qemu/" + domain + ".pid")).strip());
	}

	/**
	 * Sends a signal.
	 * @param process the process
	 * @param signal the signal's name
	 */
	public static void signal(long process, String signal) {
		Ended kill = run(List.of("sh", "-c", "kill -" + signal + " " + process));
		if (kill.code() != 0) {
			throw new AssertionError(kill.output());
		}
	}

	/**
	 * Waits for what nothing announces.
	 * @param what it is
	 * @param condition when it is so
	 */
	public static void until(Supplier<String> what, BooleanSupplier condition) {
		long end = System.nanoTime() + DEADLINE.toNanos();
		while (!condition.getAsBoolean()) {
			if (System.nanoTime() > end) {
				throw new AssertionError("Not within " + DEADLINE + ": " + what.get());
			}
			LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
		}
	}

	private static Ended run(List<String> command) {
		try {
			Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
			process.getOutputStream().close();
			process.onExit()
				.orTimeout(DEADLINE.toSeconds(), TimeUnit.SECONDS)
				.exceptionally((timeout) -> process.destroyForcibly());
			String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
			return new Ended(process.waitFor(), output);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new AssertionError(ex);
		}
	}

	private static String read(Path file) {
		try {
			return Files.exists(file) ? Files.readString(file) : "";
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Override
	public void close() {
		try {
			this.supervisor.getOutputStream().close();
			if (!this.supervisor.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
				throw new AssertionError("libvirtd does not end");
			}
			try (Stream<Path> files = Files.walk(this.home)) {
				files.sorted(Comparator.reverseOrder()).forEach(Libvirtd::delete);
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new AssertionError(ex);
		}
	}

	private static void delete(Path file) {
		try {
			Files.deleteIfExists(file);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private record Ended(int code, String output) {

	}

}
