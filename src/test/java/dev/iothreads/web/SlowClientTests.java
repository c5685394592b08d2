package dev.iothreads.web;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * Clients that begin, and do not go on.
 */
class SlowClientTests {

	private static final int MOST = 20;

	private static RunningService service;

	@BeforeAll
	static void start() {
		service = RunningService.start("--server.tomcat.connection-timeout=500ms",
				"--server.tomcat.keep-alive-timeout=500ms", "--server.tomcat.max-connections=" + MOST);
	}

	@AfterAll
	static void stop() {
		service.close();
	}

	@Test
	void whoStopsInTheMiddleOfAHeaderIsNotWaitedFor() throws IOException {
		assertThat(answerTo("GET /api/v1/machines HTTP/1.1\r\nHost: loc")).doesNotStartWith("HTTP/1.1 200");
	}

	@Test
	void whoStopsInTheMiddleOfABodyIsNotWaitedFor() throws IOException {
		String answer = answerTo(
				"POST /api/v1/machines/demo/iothreads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"id\"");
		assertThat(answer).startsWith("HTTP/1.1 408").contains("application/problem+json");
	}

	@Test
	void whoSaysNothingAnyMoreIsNotWaitedFor() throws IOException {
		String answer = answerTo("GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\n\r\n");
		assertThat(answer).startsWith("HTTP/1.1 200");
	}

	@Test
	void moreIdleConnectionsThanThereMayBeKeepNobodyOutForLong() throws IOException {
		List<Socket> idle = new ArrayList<>();
		try {
			for (int i = 0; i < 2 * MOST; i++) {
				Socket socket = new Socket("127.0.0.1", service.port());
				idle.add(socket);
				socket.getOutputStream().write("GET / HT".getBytes(StandardCharsets.US_ASCII));
			}
			assertThat(new Wire(service.port()).get("/api/v1/machines").status()).isEqualTo(200);
		}
		finally {
			for (Socket socket : idle) {
				socket.close();
			}
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "GET /", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
			"POST /api/v1/machines/demo/iothreads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
			"GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n",
			"DELETE /api/v1/machines/demo/devices/nope HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 60000\r\n\r\n",
			"POST /login HTTP/1.1\r\nHost: attacker.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n",
			"POST /api/v1/machines HTTP/1.1\r\nHost: attacker.example\r\nTransfer-Encoding: chunked\r\n\r\nf000\r\n" })
	void whoSendsAByteNowAndThenIsNotListenedToForEver(String beginning) throws Exception {
		try (Socket socket = new Socket("127.0.0.1", service.port())) {
			socket.setSoTimeout(60_000);
			CompletableFuture<byte[]> answer = CompletableFuture.supplyAsync(() -> allOf(socket));
			socket.getOutputStream().write(beginning.getBytes(StandardCharsets.US_ASCII));
			// Each comes long before the patience with a single one ends.
			for (int i = 0; i < 300 && !answer.isDone(); i++) {
				try {
					socket.getOutputStream().write('a');
				}
				catch (SocketException ex) {
					break; // It has hung up.
				}
				Thread.sleep(100);
			}
			assertThat(answer.get(10, TimeUnit.SECONDS)).isNotNull();
		}
	}

	@Test
	void oneAddressCannotTakeAllConnections() throws IOException {
		InetAddress own = ownAddress();
		List<Socket> sockets = new ArrayList<>();
		try (RunningService open = RunningService.start("--server.address=0.0.0.0",
				"--iothreads.security.connections-per-address=3")) {
			for (int i = 0; i < 4; i++) {
				Socket socket = new Socket(own, open.port());
				socket.setSoTimeout(60_000);
				sockets.add(socket);
				socket.getOutputStream()
					.write("GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\n\r\n"
						.getBytes(StandardCharsets.US_ASCII));
				int first = first(socket);
				assertThat(first).isEqualTo((i < 3) ? 'H' : -1);
			}
			for (int i = 0; i < 4; i++) {
				Socket socket = new Socket("127.0.0.1", open.port());
				sockets.add(socket);
				socket.getOutputStream()
					.write("GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\n\r\n"
						.getBytes(StandardCharsets.US_ASCII));
				assertThat(first(socket)).isEqualTo('H');
			}
		}
		finally {
			for (Socket socket : sockets) {
				socket.close();
			}
		}
	}

	private static int first(Socket socket) throws IOException {
		try {
			return socket.getInputStream().read();
		}
		catch (SocketException ex) {
			return -1;
		}
	}

	private static InetAddress ownAddress() throws SocketException {
		InetAddress own = NetworkInterface.networkInterfaces()
			.flatMap(NetworkInterface::inetAddresses)
			.filter((address) -> address instanceof Inet4Address && !address.isLoopbackAddress())
			.findFirst()
			.orElse(null);
		assumeTrue(own != null, "This machine has no address but loopback's");
		return own;
	}

	private static byte[] allOf(Socket socket) {
		try {
			return socket.getInputStream().readAllBytes();
		}
		catch (SocketTimeoutException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (IOException ex) {
			return new byte[0];
		}
	}

	// Reads until the service hangs up.
	private static String answerTo(String beginning) throws IOException {
		try (Socket socket = new Socket("127.0.0.1", service.port())) {
			socket.setSoTimeout(60_000);
			socket.getOutputStream().write(beginning.getBytes(StandardCharsets.US_ASCII));
			return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
		}
	}

}
