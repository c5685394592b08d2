package dev.iothreads.discovery;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

import dev.iothreads.discovery.SocketDirectory.SocketFile;
import dev.iothreads.qmp.SocketIdentity;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class SocketDirectoryTests {

	@TempDir
	private Path directory;

	@Test
	void aSocketIsNamedAfterItsFileWithoutWhatThePatternEndsWith() throws IOException {
		socket("vm1.sock");
		assertThat(names("*.sock")).containsExactly("vm1");
		assertThat(names("vm*ock")).containsExactly("vm1.s");
		assertThat(names("*.{sock,qmp}")).containsExactly("vm1.sock");
		assertThat(names("*")).containsExactly("vm1.sock");
	}

	@Test
	void aPatternWithoutAWildcardNamesTheWholeFile() throws IOException {
		socket("vm1.sock");
		assertThat(names("vm1.sock")).containsExactly("vm1.sock");
	}

	@Test
	void onlyWhatMatchesIsListedInOrder() throws IOException {
		socket("vm2.sock");
		socket("vm1.sock");
		socket("vm3.monitor");
		assertThat(names("*.sock")).containsExactly("vm1", "vm2");
	}

	@Test
	void whatIsNoSocketIsNotListed() throws IOException, InterruptedException {
		Files.writeString(this.directory.resolve("file.sock"), "");
		Files.createDirectory(this.directory.resolve("directory.sock"));
		Path fifo = this.directory.resolve("fifo.sock");
		assertThat(new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor()).isZero();
		assertThat(names("*.sock")).isEmpty();
	}

	@Test
	void aLinkIsWhatItLeadsTo() throws IOException {
		Path elsewhere = Files.createDirectory(this.directory.resolve("elsewhere"));
		socket("elsewhere/monitor");
		Files.createSymbolicLink(this.directory.resolve("vm1.sock"), elsewhere.resolve("monitor"));
		assertThat(names("*.sock")).containsExactly("vm1");
	}

	@Test
	void aLinkThatLeadsNowhereOrToItselfIsNotListed() throws IOException {
		Files.createSymbolicLink(this.directory.resolve("gone.sock"), this.directory.resolve("nothing"));
		Files.createSymbolicLink(this.directory.resolve("loop.sock"), this.directory.resolve("loop.sock"));
		assertThat(names("*.sock")).isEmpty();
	}

	@Test
	void aSocketIsTheSameWhileItIsThereAndUnderAnotherName() throws IOException {
		socket("vm1.sock");
		Files.createSymbolicLink(this.directory.resolve("alias.sock"), this.directory.resolve("vm1.sock"));
		assertThat(SocketIdentity.of(this.directory.resolve("vm1.sock"))).isNotNull()
			.isEqualTo(SocketIdentity.of(this.directory.resolve("vm1.sock")))
			.isEqualTo(SocketIdentity.of(this.directory.resolve("alias.sock")));
	}

	@Test
	void aSocketMadeAtTheSamePathIsAnotherOne() throws IOException {
		socket("vm1.sock");
		SocketIdentity before = SocketIdentity.of(this.directory.resolve("vm1.sock"));
		Files.delete(this.directory.resolve("vm1.sock"));
		socket("vm1.sock");
		assertThat(SocketIdentity.of(this.directory.resolve("vm1.sock"))).isNotNull().isNotEqualTo(before);
	}

	@Test
	void aDirectoryThatIsNotThereOrIsNoneCannotBeListed() throws IOException {
		SocketDirectory missing = new SocketDirectory(this.directory.resolve("missing"), "*.sock");
		assertThatExceptionOfType(NoSuchFileException.class).isThrownBy(missing::list);
		Path file = Files.writeString(this.directory.resolve("file"), "");
		SocketDirectory none = new SocketDirectory(file, "*.sock");
		assertThatExceptionOfType(NotDirectoryException.class).isThrownBy(none::list);
	}

	private Iterable<String> names(String pattern) throws IOException {
		return new SocketDirectory(this.directory, pattern).list().sockets().stream().map(SocketFile::name).toList();
	}

	// Closing the channel leaves the file, as a QEMU does that is killed.
	private void socket(String file) throws IOException {
		try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
			channel.bind(UnixDomainSocketAddress.of(this.directory.resolve(file)));
		}
	}

}
