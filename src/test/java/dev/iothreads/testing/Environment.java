package dev.iothreads.testing;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the environment variables say about the programs that tests may run.
 *
 * @param variables the environment variables
 */
record Environment(Map<String, String> variables) {

	static Environment ofThisProcess() {
		return new Environment(System.getenv());
	}

	/**
	 * Whether a program that is missing is a failure ({@code CI=true}) and not a reason
	 * to skip.
	 */
	boolean missingProgramsFail() {
		return "true".equals(this.variables.get("CI"));
	}

	Optional<Path> program(String name) {
		return paths("PATH").map((directory) -> directory.resolve(name)).filter(Environment::isProgram).findFirst();
	}

	/**
	 * The QEMU on {@code PATH}, then those that {@code QEMU_BINARIES} names.
	 * @throws IllegalStateException if {@code QEMU_BINARIES} names what cannot be
	 * executed
	 */
	List<Path> qemuBinaries() {
		List<Path> binaries = new ArrayList<>();
		program("qemu-system-x86_64").ifPresent(binaries::add);
		paths("QEMU_BINARIES").forEach((binary) -> {
			if (!isProgram(binary)) {
				throw new IllegalStateException(
						"QEMU_BINARIES names " + binary + ", which is no executable file: install it or leave it out");
			}
			binaries.add(binary);
		});
		return binaries;
	}

	/**
	 * The folder of the Linux guest: {@code GUEST_IMAGE}, or where {@code .ci/run} puts
	 * it.
	 */
	Path guestImage() {
		return Path.of(this.variables.getOrDefault("GUEST_IMAGE", cache().resolve("guest").toString()));
	}

	/**
	 * Where {@code .ci/run} puts what makes and checks a TypeScript client.
	 */
	Path client() {
		return cache().resolve("client");
	}

	private Path cache() {
		String cache = this.variables.getOrDefault("XDG_CACHE_HOME",
				this.variables.getOrDefault("HOME", "/nowhere") + "/.cache");
		return Path.of(cache, "iothread-inventory");
	}

	private Stream<Path> paths(String variable) {
		return Arrays.stream(this.variables.getOrDefault(variable, "").split(File.pathSeparator))
			.filter((path) -> !path.isEmpty())
			.map(Path::of);
	}

	private static boolean isProgram(Path path) {
		return Files.isRegularFile(path) && Files.isExecutable(path);
	}

}
