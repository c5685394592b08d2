package dev.iothreads.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.opentest4j.AssertionFailedError;
import org.opentest4j.TestAbortedException;

/**
 * Programs and permissions that a test needs and that not every machine has. A test that
 * misses one is skipped, saying what to install; with {@code CI=true} in the environment
 * it fails, so that nothing is skipped unseen.
 */
public final class Needs {

	private Needs() {
	}

	/**
	 * Finds a program, or ends the test that asks.
	 * @param name the program's file name, looked for on {@code PATH}
	 * @param debianPackage the Debian package that installs it
	 * @return the program's path
	 * @throws TestAbortedException if there is none, which skips the test
	 * @throws AssertionFailedError if there is none and {@code CI=true}
	 */
	public static Path program(String name, String debianPackage) {
		return program(name, debianPackage, Environment.ofThisProcess());
	}

	static Path program(String name, String debianPackage, Environment environment) {
		return environment.program(name)
			.orElseThrow(() -> missing("no " + name + " found: apt-get install " + debianPackage, environment));
	}

	/**
	 * Finds the QEMUs of this machine, or ends the test that asks.
	 * @return at least one
	 * @throws TestAbortedException if there is none, which skips the test
	 * @throws AssertionFailedError if there is none and {@code CI=true}
	 */
	public static List<QemuBinary> qemus() {
		return qemus(QemuBinary.all(), Environment.ofThisProcess());
	}

	static List<QemuBinary> qemus(List<QemuBinary> binaries, Environment environment) {
		if (binaries.isEmpty()) {
			throw missing(QemuInvocations.MISSING, environment);
		}
		return binaries;
	}

	/**
	 * Finds the Linux guest, or ends the test that asks.
	 * @return a folder with {@code vmlinuz} and {@code initramfs.gz}
	 * @throws TestAbortedException if there is none, which skips the test
	 * @throws AssertionFailedError if there is none and {@code CI=true}
	 */
	public static Path guestImage() {
		return guestImage(Environment.ofThisProcess());
	}

	static Path guestImage(Environment environment) {
		Path image = environment.guestImage();
		if (!Files.isRegularFile(image.resolve("initramfs.gz"))) {
			throw missing("no Linux guest found: apt-get install cpio kmod, then .ci/make-guest " + image, environment);
		}
		return image;
	}

	/**
	 * Finds the programs that make and check a TypeScript client, or ends the test that
	 * asks.
	 * @return a folder of npm's packages, with {@code .bin}
	 * @throws TestAbortedException if there is none, which skips the test
	 * @throws AssertionFailedError if there is none and {@code CI=true}
	 */
	public static Path clientModules() {
		return clientModules(Environment.ofThisProcess());
	}

	static Path clientModules(Environment environment) {
		Path client = environment.client();
		if (!Files.exists(client.resolve("installed"))) {
			throw missing("no openapi-typescript found: apt-get install nodejs npm, then .ci/install-client " + client,
					environment);
		}
		return client.resolve("node_modules");
	}

	/**
	 * Ends the test that asks unless this machine lets it do something.
	 * @param allowed whether it does
	 * @param reason what it does not, and what would help
	 * @throws TestAbortedException if it does not, which skips the test
	 * @throws AssertionFailedError if it does not and {@code CI=true}
	 */
	public static void permission(boolean allowed, String reason) {
		permission(allowed, reason, Environment.ofThisProcess());
	}

	static void permission(boolean allowed, String reason, Environment environment) {
		if (!allowed) {
			throw missing(reason, environment);
		}
	}

	private static RuntimeException missing(String reason, Environment environment) {
		failWhereNothingMayBeMissing(reason, environment);
		return new TestAbortedException(reason);
	}

	static void failWhereNothingMayBeMissing(String reason, Environment environment) {
		if (environment.missingProgramsFail()) {
			throw new AssertionFailedError(reason);
		}
	}

}
