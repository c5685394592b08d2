package dev.iothreads.fleet;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The service in a process of its own, which may not do as it likes: for {@code root}
 * there are no permissions, unless it lays down the capability not to mind them.
 */
class PermissionTests {

	// Twice as many as the server and the JVM may have at one time and not at another.
	private static final int MANY = 30;

	@TempDir
	private Path directory;

	@Test
	void aSocketThatMayNotBeWrittenToIsNamedUntilItMayAndTheNeighbourStaysUp() throws IOException {
		try (Qemu sick = qemu("sick"); Qemu well = qemu("well")) {
			permit(sick.socket(), "---------");
			try (ServiceProcess service = start("--iothreads.discovery.directory=" + this.directory)) {
				service.awaitState("well", "up");
				await().atMost(RunningService.DEADLINE)
					.untilAsserted(() -> assertThat(service.machine("sick").path("reason").asString(""))
						.contains(sick.socket() + ": permission denied. The user '")
						.contains("must be allowed to enter " + this.directory + " and to write to the socket"));
				assertThat(service.machine("sick").path("state").asString()).isEqualTo("down");
				assertIsWellBeside(service);
				permit(sick.socket(), "rwxrwxrwx");
				service.awaitState("sick", "up");
				assertThat(well.isAlive()).isTrue();
			}
		}
	}

	@Test
	void manyThatMayNotBeWrittenToLeaveNothingBehind() throws IOException {
		List<ServerSocketChannel> servers = new ArrayList<>();
		try (Qemu well = qemu("well");
				ServiceProcess service = start("--iothreads.discovery.directory=" + this.directory,
						"--iothreads.discovery.interval=100ms")) {
			service.awaitState("well", "up");
			assertIsWellBeside(service);
			long descriptors = service.descriptors();
			long threads = service.threads();
			List<Path> sockets = new ArrayList<>();
			for (int i = 0; i < MANY; i++) {
				sockets.add(closedSocket("sick" + i, servers));
			}
			for (int i = 0; i < MANY; i++) {
				String name = "sick" + i;
				await().atMost(RunningService.DEADLINE)
					.untilAsserted(() -> assertThat(service.machine(name).path("reason").asString(""))
						.contains("permission denied"));
			}
			assertIsWellBeside(service);
			for (Path socket : sockets) {
				Files.delete(socket);
			}
			await().atMost(RunningService.DEADLINE).untilAsserted(() -> {
				assertThat(service.status("/api/v1/machines/sick" + (MANY - 1))).isEqualTo(404);
				assertThat(service.descriptors()).as("descriptors").isLessThan(descriptors + MANY / 2);
				assertThat(service.threads()).as("threads").isLessThan(threads + MANY / 2);
			});
			assertThat(well.isAlive()).isTrue();
		}
		finally {
			for (ServerSocketChannel server : servers) {
				server.close();
			}
		}
	}

	@Test
	void aDirectoryThatMayNotBeEnteredAnyMoreTakesNoMachineAway() throws IOException {
		try (Qemu qemu = qemu("vm1");
				ServiceProcess service = start("--iothreads.discovery.directory=" + this.directory,
						"--iothreads.discovery.interval=100ms")) {
			service.awaitState("vm1", "up");
			permit(this.directory, "r--------");
			service.awaitLog(this.directory + " may not be read by the user '");
			assertThat(service.machine("vm1").path("state").asString()).isEqualTo("up");
			permit(this.directory, "rwx------");
			assertThat(qemu.isAlive()).isTrue();
		}
		finally {
			permit(this.directory, "rwx------");
		}
	}

	@Test
	void aDirectoryThatMayNotBeListedIsNamed() throws IOException {
		Path closed = Files.createDirectory(this.directory.resolve("closed"));
		permit(closed, "---------");
		try (ServiceProcess service = start("--iothreads.discovery.directory=" + closed)) {
			service.awaitLog(closed + " may not be read by the user '");
			assertThat(service.status("/api/v1/machines")).isEqualTo(200);
		}
	}

	private static void assertIsWellBeside(ServiceProcess service) {
		assertThat(service.status("/actuator/health")).isEqualTo(200);
		assertThat(service.machine("well").path("state").asString()).isEqualTo("up");
		assertThat(service.status("/api/v1/machines/well/iothreads")).isEqualTo(200);
	}

	// It is found when it may not be connected to any more, not before.
	private Path closedSocket(String name, List<ServerSocketChannel> servers) throws IOException {
		Path hidden = this.directory.resolve(name);
		ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
		servers.add(server);
		server.bind(UnixDomainSocketAddress.of(hidden));
		permit(hidden, "---------");
		return Files.move(hidden, this.directory.resolve(name + ".sock"));
	}

	private Qemu qemu(String name) {
		return Qemu.of(QemuBinary.at(Needs.program("qemu-system-x86_64", "qemu-system-x86")))
			.args("-object", "iothread,id=pool0")
			.monitor(name)
			.in(this.directory)
			.start();
	}

	private static void permit(Path file, String permissions) throws IOException {
		Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
	}

	private static ServiceProcess start(String... args) throws IOException {
		List<String> wrapper = isRoot() ? List.of(Needs.program("setpriv", "util-linux").toString(),
				"--bounding-set=-dac_override,-dac_read_search") : List.of();
		return ServiceProcess.start(wrapper, List.of("-Xmx128m"), args);
	}

	private static boolean isRoot() throws IOException {
		return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
	}

}
