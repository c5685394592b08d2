package dev.iothreads.machine;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qcow2;
import org.assertj.core.api.AbstractThrowableAssert;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * Which images may be opened by which process.
 */
class ImageDirectoriesTests {

	private static final long OWN = ProcessHandle.current().pid();

	private static final Duration LIMIT = Duration.ofSeconds(30);

	private static final String UNKNOWN = "It is not known whether QEMU sees the same files as the service";

	private static final String OTHER = "QEMU's process sees another file system";

	// No process has it: it is above the kernel's limit.
	private static final long NO_PROCESS = 5_000_000;

	// Source: the header that Qcow2 writes.
	private static final int HEADER_EXTENSION = 104;

	private Path directory = Path.of("/");

	private Path image = Path.of("/");

	@BeforeEach
	void setUp(@TempDir Path temporary) throws IOException {
		this.directory = Files.createDirectory(temporary.toRealPath().resolve("images"));
		this.image = Files.write(this.directory.resolve("a.raw"), new byte[512]);
	}

	@Test
	void aProcessThatSeesTheSameFileMayOpenIt() {
		assertThat(find(false, OWN).file()).isEqualTo(this.image.toString());
	}

	@Test
	void aPathThatClimbsToTheRootIsTheSameFile() {
		NewImage found = find(false, OWN);
		String climbing = "/..".repeat(this.directory.getNameCount()) + this.image;
		assertThat(found.directories().hold(this.directory + climbing)).isTrue();
	}

	@Test
	void whereItCannotBeKnownTheOperatorMustAssertIt() {
		refused(false, null).hasMessageContaining(UNKNOWN).hasMessageContaining("does not find QEMU's process");
		refused(false, NO_PROCESS).hasMessageContaining("may not look into QEMU's process " + NO_PROCESS)
			.hasMessageContaining("iothreads.attach.images-shared=true");
		assertThat(find(true, null).file()).isEqualTo(this.image.toString());
		assertThat(find(true, NO_PROCESS).file()).isEqualTo(this.image.toString());
	}

	@Test
	void whatIsKnownToDifferIsRefusedWhateverIsAsserted() throws IOException {
		try (Elsewhere other = new Elsewhere("mount -t tmpfs none " + this.directory + " && touch " + this.image)) {
			refused(true, other.pid()).hasMessageContaining(OTHER);
		}
	}

	@Test
	void aLinkInTheProcesssFileSystemIsNotFollowedInTheServices() throws IOException {
		try (Elsewhere other = new Elsewhere(
				"mount -t tmpfs none %s && ln -s %s %2$s".formatted(this.directory.getParent(), this.directory))) {
			refused(true, other.pid()).hasMessageContaining(OTHER);
		}
	}

	@Test
	void anotherMountNamespaceWithTheSameDirectoryWillDo() throws IOException {
		Path link = Files.createSymbolicLink(this.directory.resolve("link.raw"), Path.of("a.raw"));
		try (Elsewhere other = new Elsewhere("mount -t tmpfs none /mnt")) {
			NewImage found = find(false, other.pid());
			assertThat(found.directories().hold(link.toString())).isTrue();
		}
	}

	@Test
	void whatAnImageBuildsUponMustBeTheSameToo() throws IOException {
		Path base = Qcow2.create(Files.createDirectory(this.directory.resolve("bases")).resolve("base.qcow2"), 512,
				null);
		this.image = Qcow2.create(this.directory.resolve("a.qcow2"), 512, base.toString());
		NewImage same = find(false, OWN);
		assertThat(same.directories().requireOwnChain(same)).isEqualTo(512);
		try (Elsewhere other = new Elsewhere(
				"mount -t tmpfs none %s && cp %s %s".formatted(base.getParent(), this.image, base))) {
			NewImage found = find(false, other.pid());
			assertThatThrownBy(() -> found.directories().requireOwnChain(found))
				.isInstanceOf(InvalidRequestException.class)
				.hasMessageContaining("builds upon " + base);
		}
	}

	@Test
	void theChainEndsAtARawImageAndOnlyWhereTheHeaderSaysSo() throws IOException {
		Path raw = Files.write(this.directory.resolve("base.raw"), new byte[512]);
		this.image = Qcow2.create(this.directory.resolve("over.qcow2"), 512, raw.toString());
		NewImage found = find(false, OWN);
		assertThat(found.directories().requireOwnChain(found)).isEqualTo(512);
		Path other = Files.writeString(this.directory.resolve("base.vmdk"), "# Disk DescriptorFile");
		this.image = Qcow2.create(this.directory.resolve("other.qcow2"), 512, other.toString());
		NewImage wrong = find(false, OWN);
		assertThatThrownBy(() -> wrong.directories().requireOwnChain(wrong)).isInstanceOf(InvalidRequestException.class)
			.hasMessageContaining("It must be raw or qcow2, as the file is");
		byte[] silent = Files.readAllBytes(Path.of(found.file()));
		silent[HEADER_EXTENSION] = 1; // an extension that is not known
		this.image = Files.write(this.directory.resolve("silent.qcow2"), silent);
		NewImage unknown = find(false, OWN);
		assertThatThrownBy(() -> unknown.directories().requireOwnChain(unknown))
			.isInstanceOf(InvalidRequestException.class)
			.hasMessageContaining("the format unknown");
		byte[] twice = Files.readAllBytes(Path.of(found.file()));
		// The format of base.raw, with its padding, again.
		System.arraycopy(twice, HEADER_EXTENSION, twice, HEADER_EXTENSION + 16, 16);
		this.image = Files.write(this.directory.resolve("twice.qcow2"), twice);
		NewImage doubtful = find(false, OWN);
		assertThatThrownBy(() -> doubtful.directories().requireOwnChain(doubtful))
			.isInstanceOf(InvalidRequestException.class)
			.hasMessageContaining("the format unknown");
	}

	@Test
	void aDirectoryThatDoesNotAnswerIsLeftOutOfTheListAndKeepsOneThread() {
		try (HangingDirectory hanging = new HangingDirectory()) {
			ImageDirectories both = new ImageDirectories(List.of(hanging.path(), this.directory), true,
					Duration.ofSeconds(1));
			for (int i = 0; i < 3; i++) {
				assertThat(both.list()).extracting(ImageFile::file).containsExactly(this.image.toString());
			}
			assertThat(hanging.calls()).isEqualTo(1);
		}
	}

	@Test
	void anImageInADirectoryThatAnswersIsFoundBesideOneThatDoesNot() {
		try (HangingDirectory hanging = new HangingDirectory()) {
			ImageDirectories both = new ImageDirectories(List.of(hanging.path(), this.directory), true, LIMIT);
			NewImage found = both.find(new NewImage(this.image.toString(), false, Map.of()), "11.1.3", OWN);
			assertThat(found.file()).isEqualTo(this.image.toString());
			assertThat(hanging.calls()).isZero();
		}
	}

	@Test
	void whatCannotBeLookedAtInTimeIsRefusedAndKeepsFewThreads() throws IOException {
		Path link = Files.createSymbolicLink(this.directory.resolve("link.raw"), Path.of("/proc/self/exe"));
		try (HangingDirectory hanging = new HangingDirectory()) {
			ImageDirectories both = new ImageDirectories(List.of(this.directory, hanging.path()), true,
					Duration.ofMillis(100));
			for (int i = 0; i < 20; i++) {
				assertThatThrownBy(() -> both.find(new NewImage(link.toString(), false, Map.of()), "11.1.3", OWN))
					.isInstanceOf(InvalidRequestException.class)
					.hasMessageContaining(link + " cannot be looked at")
					.hasMessageContaining("did not answer in time");
				assertThatThrownBy(() -> both.hold(link.toString())).isInstanceOf(InvalidRequestException.class);
			}
			assertThat(hanging.calls()).isBetween(1, 8);
		}
	}

	private NewImage find(boolean shared, @Nullable Long process) {
		return new ImageDirectories(List.of(this.directory), shared, LIMIT)
			.find(new NewImage(this.image.toString(), false, Map.of()), "11.1.3", process);
	}

	private AbstractThrowableAssert<?, ?> refused(boolean shared, @Nullable Long process) {
		return assertThatThrownBy(() -> find(shared, process)).isInstanceOf(InvalidRequestException.class);
	}

	/**
	 * A directory as on a mount that hangs, which no test can make without root.
	 */
	private static final class HangingDirectory implements AutoCloseable {

		private final CountDownLatch end = new CountDownLatch(1);

		private final AtomicInteger calls = new AtomicInteger();

		// Each method of Files asks for the file system first.
		Path path() {
			return (Path) Proxy.newProxyInstance(Path.class.getClassLoader(), new Class<?>[] { Path.class },
					(path, method, arguments) -> switch (method.getName()) {
						case "normalize" -> path;
						case "hashCode" -> System.identityHashCode(path);
						case "equals" -> path == arguments[0];
						case "toString" -> "/hanging";
						default -> hang();
					});
		}

		private Object hang() throws IOException, InterruptedException {
			this.calls.incrementAndGet();
			this.end.await();
			throw new IOException("it was unmounted");
		}

		int calls() {
			return this.calls.get();
		}

		@Override
		public void close() {
			this.end.countDown();
		}

	}

	/**
	 * A process in a mount namespace of its own.
	 */
	private static final class Elsewhere implements AutoCloseable {

		private final Process process;

		private Elsewhere(String set) throws IOException {
			this.process = new ProcessBuilder(Needs.program("unshare", "util-linux").toString(), "--mount",
					"--propagation", "private", "sh", "-c", set + " && echo ready && exec cat")
				.redirectError(ProcessBuilder.Redirect.DISCARD)
				.start();
			String said = this.process.inputReader().readLine();
			Needs.permission("ready".equals(said), "no mount namespace can be made: run the tests as root");
		}

		private long pid() {
			return this.process.pid();
		}

		@Override
		public void close() {
			this.process.destroyForcibly();
		}

	}

}
