package dev.iothreads.libvirt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Where the sockets of a libvirt daemon are looked for.
 */
class LibvirtAddressTests {

	private final LibvirtAddress session = LibvirtAddress.parse("qemu:///session");

	@Test
	void aSessionsSocketIsInTheUsersDirectoryAndTheModularDaemonsComesFirst(@TempDir Path user) throws IOException {
		Map<String, String> environment = Map.of("XDG_RUNTIME_DIR", user.toString(), "HOME", "/home/alice");
		Path directory = Files.createDirectory(user.resolve("libvirt"));
		Path whole = directory.resolve("libvirt-sock");
		assertThat(this.session.find(false, environment)).isEqualTo(whole);
		Path modular = Files.createFile(directory.resolve("virtqemud-sock"));
		assertThat(this.session.find(false, environment)).isEqualTo(modular);
		Files.createFile(whole);
		assertThat(this.session.find(false, environment)).isEqualTo(modular);
		// A session has one socket, also for clients that only look.
		assertThat(this.session.find(true, environment)).isEqualTo(modular);
		Files.delete(modular);
		assertThat(this.session.find(true, environment)).isEqualTo(whole);
	}

	@Test
	void withoutARuntimeDirectoryASessionsSocketIsInTheCache() {
		assertThat(this.session.find(false, Map.of("HOME", "/home/alice")))
			.isEqualTo(Path.of("/home/alice/.cache/libvirt/libvirt-sock"));
	}

	@Test
	void theSystemsSocketIsInRun() {
		LibvirtAddress system = LibvirtAddress.parse("qemu:///system");
		assertThat(system.find(false, Map.of()).toString()).matches("/run/libvirt/(virtqemud|libvirt)-sock");
		assertThat(system.find(true, Map.of()).toString()).matches("/run/libvirt/(virtqemud|libvirt)-sock-ro");
	}

}
