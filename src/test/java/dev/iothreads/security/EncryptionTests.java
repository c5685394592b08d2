package dev.iothreads.security;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;

import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.util.FileSystemUtils;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The service behind a certificate, which is replaced while it runs.
 */
class EncryptionTests {

	@TempDir
	private Path directory;

	@Test
	void aNewCertificateIsUsedWithoutARestart() throws Exception {
		Path store = this.directory.resolve("service.p12");
		certificate(store, "first");
		try (RunningService service = start(store, "--spring.ssl.bundle.jks.web.reload-on-update=true",
				"--spring.ssl.bundle.watch.file.quiet-period=100ms")) {
			assertThat(nameShownBy(service.port())).isEqualTo("CN=first");
			assertThat(answerOf(service.port())).startsWith("HTTP/1.1 200")
				.contains("Strict-Transport-Security: max-age=");
			Path next = this.directory.resolve("next");
			certificate(next, "second");
			Files.move(next, store, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
			await().atMost(Duration.ofMinutes(1))
				.untilAsserted(() -> assertThat(nameShownBy(service.port())).isEqualTo("CN=second"));
			assertThat(answerOf(service.port())).startsWith("HTTP/1.1 200");
		}
	}

	/**
	 * As the kubelet mounts a Secret: each file is a link into {@code ..data}, which is a
	 * link to a directory, and a renewed Secret is another directory.
	 */
	@Test
	void aRenewedSecretIsUsedWithoutARestart() throws Exception {
		Path mount = Files.createDirectory(this.directory.resolve("mount"));
		Path current = secret(mount, "first");
		Path data = Files.createSymbolicLink(mount.resolve("..data"), current.getFileName());
		for (String file : List.of("tls.crt", "tls.key")) {
			Files.createSymbolicLink(mount.resolve(file), Path.of("..data", file));
		}
		try (RunningService service = RunningService.start("--server.ssl.bundle=web",
				"--spring.ssl.bundle.pem.web.reload-on-update=true",
				"--spring.ssl.bundle.pem.web.keystore.certificate=" + mount.resolve("tls.crt"),
				"--spring.ssl.bundle.pem.web.keystore.private-key=" + mount.resolve("tls.key"),
				"--spring.ssl.bundle.watch.file.quiet-period=100ms")) {
			assertThat(nameShownBy(service.port())).isEqualTo("CN=first");
			for (String name : List.of("second", "third", "fourth")) {
				Path before = current;
				current = secret(mount, name);
				swap(mount, data, current);
				FileSystemUtils.deleteRecursively(before);
				await().atMost(Duration.ofMinutes(1))
					.untilAsserted(() -> assertThat(nameShownBy(service.port())).isEqualTo("CN=" + name));
			}
			assertThat(answerOf(service.port())).startsWith("HTTP/1.1 200");
		}
	}

	@Test
	@ExtendWith(OutputCaptureExtension.class)
	void aCertificateThatDoesNotFitItsKeyIsNotUsed(CapturedOutput log) throws Exception {
		Path mount = Files.createDirectory(this.directory.resolve("mount"));
		Path first = secret(mount, "first");
		Path data = Files.createSymbolicLink(mount.resolve("..data"), first.getFileName());
		for (String file : List.of("tls.crt", "tls.key")) {
			Files.createSymbolicLink(mount.resolve(file), Path.of("..data", file));
		}
		try (RunningService service = RunningService.start("--server.ssl.bundle=web",
				"--spring.ssl.bundle.pem.web.reload-on-update=true",
				"--spring.ssl.bundle.pem.web.keystore.verify-keys=true",
				"--spring.ssl.bundle.pem.web.keystore.certificate=" + mount.resolve("tls.crt"),
				"--spring.ssl.bundle.pem.web.keystore.private-key=" + mount.resolve("tls.key"),
				"--spring.ssl.bundle.watch.file.quiet-period=100ms")) {
			Path mixed = secret(mount, "mixed");
			Files.copy(first.resolve("tls.key"), mixed.resolve("tls.key"), StandardCopyOption.REPLACE_EXISTING);
			swap(mount, data, mixed);
			await().atMost(Duration.ofMinutes(1)).until(() -> log.getAll().contains("SSL reload error"));
			assertThat(nameShownBy(service.port())).isEqualTo("CN=first");
			swap(mount, data, secret(mount, "second"));
			await().atMost(Duration.ofMinutes(1))
				.untilAsserted(() -> assertThat(nameShownBy(service.port())).isEqualTo("CN=second"));
		}
	}

	private static void swap(Path mount, Path data, Path secret) throws IOException {
		Path link = Files.createSymbolicLink(mount.resolve("..data_tmp"), secret.getFileName());
		Files.move(link, data, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
	}

	private static RunningService start(Path store, String... more) {
		return RunningService.start(
				Stream
					.concat(Stream.of("--server.ssl.bundle=web",
							"--spring.ssl.bundle.jks.web.keystore.location=" + store.toUri(),
							"--spring.ssl.bundle.jks.web.keystore.password=changeit",
							"--spring.ssl.bundle.jks.web.keystore.type=PKCS12"), Stream.of(more))
					.toArray(String[]::new));
	}

	private Path secret(Path mount, String name) throws Exception {
		Path store = this.directory.resolve(name);
		certificate(store, name);
		KeyStore keys = KeyStore.getInstance(store.toFile(), "changeit".toCharArray());
		Path secret = Files.createDirectory(mount.resolve("..2026_" + name));
		pem(secret.resolve("tls.crt"), "CERTIFICATE", keys.getCertificate("service").getEncoded());
		pem(secret.resolve("tls.key"), "PRIVATE KEY", keys.getKey("service", "changeit".toCharArray()).getEncoded());
		return secret;
	}

	private static void pem(Path file, String what, byte[] content) throws IOException {
		Files.writeString(file, "-----BEGIN %s-----%n%s%n-----END %1$s-----%n".formatted(what,
				Base64.getMimeEncoder().encodeToString(content)));
	}

	private static void certificate(Path store, String name) throws IOException, InterruptedException {
		Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
				"-genkeypair", "-keystore", store.toString(), "-storetype", "PKCS12", "-storepass", "changeit",
				"-alias", "service", "-keyalg", "EC", "-dname", "CN=" + name, "-ext", "san=dns:localhost,ip:127.0.0.1")
			.redirectErrorStream(true)
			.start();
		String said = new String(keytool.getInputStream().readAllBytes(), US_ASCII);
		assertThat(keytool.waitFor()).as(said).isZero();
	}

	private static SSLSocket connect(int port) throws IOException, GeneralSecurityException {
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, new TrustManager[] { new Anybody() }, null);
		SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port);
		socket.setSoTimeout(30_000);
		socket.startHandshake();
		return socket;
	}

	private static String nameShownBy(int port) throws IOException, GeneralSecurityException {
		try (SSLSocket socket = connect(port)) {
			return ((X509Certificate) socket.getSession().getPeerCertificates()[0]).getSubjectX500Principal().getName();
		}
	}

	private static String answerOf(int port) throws IOException, GeneralSecurityException {
		try (SSLSocket socket = connect(port)) {
			socket.getOutputStream()
				.write("GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
					.getBytes(US_ASCII));
			return new String(socket.getInputStream().readAllBytes(), US_ASCII);
		}
	}

	/**
	 * Trusts whomever it meets: the test looks itself.
	 */
	private static final class Anybody implements X509TrustManager {

		@Override
		public void checkClientTrusted(X509Certificate[] chain, String type) {
			// no client asks
		}

		@Override
		public void checkServerTrusted(X509Certificate[] chain, String type) {
			// the test looks itself
		}

		@Override
		public X509Certificate[] getAcceptedIssuers() {
			return new X509Certificate[0];
		}

	}

}
