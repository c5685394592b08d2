package dev.iothreads.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A QEMU for x86-64 that tests can start, or a script that starts one.
 *
 * @param path the executable file
 * @param version what {@code --version} says, such as {@code 7.2.22}
 */
public record QemuBinary(Path path, String version) {

	private static final Pattern VERSION = Pattern.compile("QEMU emulator version (\\d+\\.\\d+\\.\\d+)");

	/**
	 * The binaries of this machine: {@code qemu-system-x86_64} on {@code PATH}, then
	 * those that {@code QEMU_BINARIES} names (separated as in {@code PATH}), the first of
	 * each version.
	 * @return the binaries, none if no QEMU is installed
	 * @throws IllegalStateException if {@code QEMU_BINARIES} names what is no QEMU
	 */
	public static List<QemuBinary> all() {
		return Found.BINARIES;
	}

	static List<QemuBinary> in(Environment environment) {
		Map<String, QemuBinary> byVersion = new LinkedHashMap<>();
		for (Path path : environment.qemuBinaries()) {
			QemuBinary binary = at(path);
			byVersion.putIfAbsent(binary.version(), binary);
		}
		return List.copyOf(byVersion.values());
	}

	/**
	 * Asks an executable for its version.
	 * @param path the executable file
	 * @return the binary
	 * @throws IllegalStateException if the answer is none of QEMU's
	 */
	public static QemuBinary at(Path path) {
		String answer = run(List.of(path.toString(), "--version"));
		Matcher matcher = VERSION.matcher(answer);
		if (!matcher.lookingAt()) {
			throw new IllegalStateException(path + " --version does not answer like a QEMU: " + answer.strip());
		}
		return new QemuBinary(path, matcher.group(1));
	}

	/**
	 * The first number of the version.
	 * @return 11 in {@code 11.1.3}
	 */
	public int major() {
		return number(0);
	}

	/**
	 * The second number of the version.
	 * @return 1 in {@code 11.1.3}
	 */
	public int minor() {
		return number(1);
	}

	/**
	 * Whether this is that version or a later one.
	 * @param major the first number of the version
	 * @param minor the second number of the version
	 * @return {@code true} from {@code major.minor.0} on
	 */
	public boolean isAtLeast(int major, int minor) {
		return major() > major || (major() == major && minor() >= minor);
	}

	@Override
	public String toString() {
		return "QEMU " + this.version;
	}

	private int number(int index) {
		return Integer.parseInt(this.version.split("\\.")[index]);
	}

	private static String run(List<String> command) {
		try {
			Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
			process.getOutputStream().close();
			process.onExit().orTimeout(30, TimeUnit.SECONDS).exceptionally((timeout) -> process.destroyForcibly());
			return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
		}
		catch (IOException ex) {
			throw new UncheckedIOException("Cannot run " + String.join(" ", command), ex);
		}
	}

	/**
	 * Asks each binary once per JVM, and not before a test wants to know.
	 */
	private static final class Found {

		private static final List<QemuBinary> BINARIES = in(Environment.ofThisProcess());

	}

}
