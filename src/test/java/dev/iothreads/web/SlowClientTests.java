package dev.iothreads.web;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Clients that stop in the middle of a request.
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
	void aHeaderThatStopsInTheMiddleEndsItsConnection() throws IOException {
		assertThat(answerTo("GET /api/v1/machines HTTP/1.1\r\nHost: loc")).doesNotStartWith("HTTP/1.1 200");
	}

	@Test
	void aBodyThatStopsInTheMiddleIsAnswered408() throws IOException {
		String answer = answerTo(
				"POST /api/v1/machines/demo/iothreads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"id\"");
		assertThat(answer).startsWith("HTTP/1.1 408").contains("application/problem+json");
	}

	@Test
	void anIdleConnectionIsClosed() throws IOException {
		String answer = answerTo("GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\n\r\n");
		assertThat(answer).startsWith("HTTP/1.1 200");
	}

	@Test
	void idleConnectionsUpToTheLimitDelayOthersByTheTimeoutOnly() throws IOException {
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

	// Reads until the service hangs up.
	private static String answerTo(String beginning) throws IOException {
		try (Socket socket = new Socket("127.0.0.1", service.port())) {
			socket.setSoTimeout(60_000);
			socket.getOutputStream().write(beginning.getBytes(StandardCharsets.US_ASCII));
			return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
		}
	}

}
