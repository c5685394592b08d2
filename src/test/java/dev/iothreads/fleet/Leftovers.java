package dev.iothreads.fleet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What this process holds on behalf of machines, as the kernel and the JVM see it.
 *
 * @param sockets its Unix sockets
 * @param threads its threads that serve a connection, virtual ones included
 * @param descriptors all its descriptors
 * @param platformThreads all its threads of the platform
 */
record Leftovers(int sockets, int threads, int descriptors, int platformThreads) {

	// The server and the HTTP client have some more at times, whatever becomes of
	// machines.
	private static final int TOLERANCE = 10;

	private static final String CONNECTION = "qmp-";

	/**
	 * Counts now.
	 * @return the counts
	 */
	static Leftovers now() {
		return new Leftovers(unixSockets(), connectionThreads() + virtualThreads(), openFiles(),
				Thread.getAllStackTraces().size());
	}

	/**
	 * Asserts that by now there is nothing of what has come since.
	 */
	void assertIsAllThereIs() {
		Leftovers now = now();
		assertThat(now.sockets()).as("sockets").isEqualTo(this.sockets);
		assertThat(now.threads()).as("threads of connections").isEqualTo(this.threads);
		assertThat(now.descriptors()).as("descriptors").isLessThanOrEqualTo(this.descriptors + TOLERANCE);
		assertThat(now.platformThreads()).as("threads").isLessThanOrEqualTo(this.platformThreads + TOLERANCE);
	}

	/**
	 * Asserts that by now no thread serves a connection that has come since.
	 */
	void assertNoThreadHasStayed() {
		assertThat(connectionThreads() + virtualThreads()).as("threads of connections").isEqualTo(this.threads);
	}

	private static int openFiles() {
		try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
			return (int) descriptors.count();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Counts the threads of the platform that serve a connection.
	 * @return the number
	 */
	static int connectionThreads() {
		return (int) Thread.getAllStackTraces()
			.keySet()
			.stream()
			.filter((thread) -> thread.getName().startsWith(CONNECTION))
			.count();
	}

	// docs: proc_net(5), proc_pid_fd(5)
	private static int unixSockets() {
		try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"));
				Stream<String> unix = Files.lines(Path.of("/proc/net/unix"))) {
			Set<String> inodes = unix.skip(1).map((line) -> line.trim().split("\\s+")[6]).collect(Collectors.toSet());
			Set<String> own = new HashSet<>();
			descriptors.forEach((descriptor) -> own.add(target(descriptor)));
			own.removeIf((target) -> !target.startsWith("socket:[")
					|| !inodes.contains(target.substring("socket:[".length(), target.length() - 1)));
			return own.size();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static String target(Path descriptor) {
		try {
			return Files.readSymbolicLink(descriptor).toString();
		}
		catch (IOException ex) {
			return ""; // closed since it was listed
		}
	}

	/**
	 * Counts the virtual threads that serve a connection. The JDK lists them in a dump
	 * only, from 21 on.
	 */
	private static int virtualThreads() {
		if (Runtime.version().feature() < 21) {
			return 0;
		}
		try {
			Path directory = Files.createTempDirectory("threads");
			Path dump = directory.resolve("dump");
			try {
				MBeanServer server = ManagementFactory.getPlatformMBeanServer();
				Class<?> format = Class.forName("com.sun.management.HotSpotDiagnosticMXBean$ThreadDumpFormat");
				server.invoke(new ObjectName("com.sun.management:type=HotSpotDiagnostic"), "dumpThreads",
						new Object[] { dump.toString(), format.getEnumConstants()[0].toString() },
						new String[] { String.class.getName(), String.class.getName() });
				try (Stream<String> lines = Files.lines(dump)) {
					return (int) lines.filter((line) -> line.contains("\"" + CONNECTION) && line.contains(" virtual"))
						.count();
				}
			}
			finally {
				Files.deleteIfExists(dump);
				Files.deleteIfExists(directory);
			}
		}
		catch (IOException | JMException | ClassNotFoundException ex) {
			throw new IllegalStateException(ex);
		}
	}

}
