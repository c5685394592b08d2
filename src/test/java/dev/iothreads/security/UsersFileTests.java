package dev.iothreads.security;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.inventory.ChangeService;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.userdetails.UsernameNotFoundException;
import org.springframework.util.FileSystemUtils;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/**
 * Users in a file that changes while the service runs.
 */
@ExtendWith(OutputCaptureExtension.class)
class UsersFileTests {

	private static final String VIEWING = "$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq";

	private static final String OPERATING = "{bcrypt}$2y$04$zV/4wPY8b7/.VFoYTK55/.Lta08E7lrCdHTZWSmWiJGTvlmhDTNhe";

	private static final Duration INTERVAL = Duration.ofMillis(20);

	@TempDir
	private Path directory;

	private final Users users = new Users(Map.of("root", new SecurityProperties.User(OPERATING, Role.OPERATOR)));

	@Test
	void eachLineIsAUserWithARoleAndTheConfiguredUsersStay() throws IOException {
		Path file = Files.writeString(this.directory.resolve("users"),
				"# people\n\nalice:%s:operator\r\nbob:%s\n  carol:%2$s:viewer\n".formatted(OPERATING, VIEWING));
		UsersFile read = new UsersFile(file, this.users, Duration.ofDays(1));
		try {
			assertThat(role("alice")).contains("ROLE_OPERATOR");
			assertThat(role("bob")).doesNotContain("ROLE_OPERATOR").contains("ROLE_VIEWER");
			assertThat(role("carol")).contains("ROLE_VIEWER");
			assertThat(role("root")).contains("ROLE_OPERATOR");
			assertThat(this.users.loadUserByUsername("bob").getPassword()).isEqualTo(VIEWING);
		}
		finally {
			read.close();
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "alice", "alice:swordfish:operator", "alice:" + VIEWING + ":root", ":" + VIEWING,
			"alice:" + VIEWING + ":viewer:x", "bob:" + VIEWING + "\nalice:{noop}swordfish",
			"bob:" + VIEWING + "\nbob:" + OPERATING, "root:" + VIEWING })
	void aFileThatIsBrokenStopsTheStartWithoutItsPasswords(String content) throws IOException {
		Path file = Files.writeString(this.directory.resolve("users"), content);
		assertThatThrownBy(() -> new UsersFile(file, this.users, INTERVAL)).isInstanceOf(UnsafeSettingException.class)
			.hasMessageNotContaining("swordfish")
			.hasMessageNotContaining("$2y$");
	}

	@Test
	void aFileThatIsMissingStopsTheStart() {
		assertThatThrownBy(() -> new UsersFile(this.directory.resolve("none"), this.users, INTERVAL))
			.isInstanceOf(UnsafeSettingException.class)
			.hasMessageContaining("users-file")
			.hasMessageContaining("cannot be read");
	}

	@Test
	void aFileThatBreaksKeepsTheUsersAndIsLoggedOnce(CapturedOutput log) throws IOException {
		Path file = Files.writeString(this.directory.resolve("users"), "alice:" + VIEWING);
		UsersFile read = new UsersFile(file, this.users, INTERVAL);
		try {
			replace(file, "bob:swordfish");
			await().until(() -> log.getAll().contains("line 1 is no user"));
			Files.delete(file);
			await().until(() -> log.getAll().contains("cannot be read"));
			assertThat(role("alice")).contains("ROLE_VIEWER");
			replace(file, "carol:" + VIEWING);
			await().untilAsserted(() -> assertThat(role("carol")).contains("ROLE_VIEWER"));
			assertThatThrownBy(() -> this.users.loadUserByUsername("alice"))
				.isInstanceOf(UsernameNotFoundException.class);
		}
		finally {
			read.close();
		}
		assertThat(log).doesNotContain("swordfish");
		assertThat(log.getAll().split("line 1 is no user")).hasSize(2);
		assertThat(log.getAll().split("cannot be read")).hasSize(2);
	}

	/**
	 * As the kubelet mounts a Secret: the file is a link into {@code ..data}, which is a
	 * link to a directory, and a changed Secret is another directory.
	 */
	@Test
	void aReplacedSecretIsTakenOverWithinHalfAMinuteAndEndsTheStreamsOfRemovedUsers() throws IOException {
		Path first = Files.createDirectory(this.directory.resolve("..first"));
		Files.writeString(first.resolve("users"),
				"alice:%s:operator\nbob:%s\ndave:%2$s\n".formatted(OPERATING, VIEWING));
		Path data = Files.createSymbolicLink(this.directory.resolve("..data"), first.getFileName());
		Path file = Files.createSymbolicLink(this.directory.resolve("users"), Path.of("..data", "users"));
		try (RunningService service = RunningService.start("--iothreads.security.users-file=" + file,
				"--iothreads.security.anonymous=none");
				Socket removed = stream(service, "alice:operating");
				Socket renewed = stream(service, "bob:viewing");
				Socket kept = stream(service, "dave:viewing")) {
			Wire wire = new Wire(service.port());
			assertThat(status(wire, "alice:operating")).isEqualTo(200);
			assertThat(status(wire, "bob:viewing")).isEqualTo(200);
			assertThat(status(wire, "carol:viewing")).isEqualTo(401);
			Path second = Files.createDirectory(this.directory.resolve("..second"));
			Files.writeString(second.resolve("users"), "bob:%s\ncarol:%s\ndave:%2$s\n".formatted(OPERATING, VIEWING));
			Path link = Files.createSymbolicLink(this.directory.resolve("..data_tmp"), second.getFileName());
			Files.move(link, data, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
			FileSystemUtils.deleteRecursively(first);
			long replaced = System.nanoTime();
			await().atMost(Duration.ofSeconds(30))
				.untilAsserted(() -> assertThat(status(wire, "alice:operating")).isEqualTo(401));
			assertThat(status(wire, "bob:viewing")).isEqualTo(401);
			assertThat(status(wire, "bob:operating")).isEqualTo(200);
			assertThat(status(wire, "carol:viewing")).isEqualTo(200);
			removed.getInputStream().readAllBytes();
			renewed.getInputStream().readAllBytes();
			assertThat(Duration.ofNanos(System.nanoTime() - replaced)).isLessThan(Duration.ofSeconds(30));
			service.part(ChangeService.class).add("demo", "pool0", IOThreadSettings.NONE);
			BufferedReader lines = new BufferedReader(
					new InputStreamReader(kept.getInputStream(), StandardCharsets.UTF_8));
			assertThat(lines.lines().anyMatch("event: iothread-added"::equals)).isTrue();
		}
	}

	// By HTTP/1.0 the body is what comes, up to the end.
	private static Socket stream(RunningService service, String credentials) throws IOException {
		Socket socket = new Socket("127.0.0.1", service.port());
		socket.setSoTimeout((int) RunningService.DEADLINE.toMillis());
		socket.getOutputStream()
			.write("GET /api/v1/events HTTP/1.0\r\n%s\r\n\r\n".formatted(authorization(credentials))
				.getBytes(StandardCharsets.US_ASCII));
		byte[] status = socket.getInputStream().readNBytes("HTTP/1.1 200".length());
		assertThat(new String(status, StandardCharsets.US_ASCII)).endsWith(" 200");
		return socket;
	}

	private static String authorization(String credentials) {
		return "Authorization: Basic "
				+ Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8));
	}

	private static int status(Wire wire, String credentials) throws IOException {
		return wire.get("/api/v1/machines", authorization(credentials)).status();
	}

	private static void replace(Path file, String content) throws IOException {
		Path next = Files.writeString(file.resolveSibling("next"), content);
		Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
	}

	private Iterable<String> role(String name) {
		return this.users.loadUserByUsername(name)
			.getAuthorities()
			.stream()
			.map(GrantedAuthority::getAuthority)
			.map(String::valueOf)
			.toList();
	}

}
