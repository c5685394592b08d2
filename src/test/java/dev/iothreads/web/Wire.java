package dev.iothreads.web;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sends what a decent HTTP client would not.
 */
public final class Wire {

	private static final int TIMEOUT_MS = 30_000;

	private final String address;

	private final int port;

	public Wire(int port) {
		this("127.0.0.1", port);
	}

	private Wire(String address, int port) {
		this.address = address;
		this.port = port;
	}

	/**
	 * Makes another that sends from another address of loopback.
	 * @param address the address
	 * @return the other
	 */
	public Wire from(String address) {
		return new Wire(address, this.port);
	}

	public Answer get(String target, String... headers) throws IOException {
		return send("GET", target, "", headers);
	}

	public Answer send(String method, String target) throws IOException {
		return send(method, target, "");
	}

	public Answer send(String method, String target, String body, String... headers) throws IOException {
		StringBuilder request = new StringBuilder("%s %s HTTP/1.1\r\n".formatted(method, target));
		if (Stream.of(headers).noneMatch((header) -> header.startsWith("Host: "))) {
			request.append("Host: localhost\r\n");
		}
		request.append("Connection: close\r\n");
		for (String header : headers) {
			request.append(header).append("\r\n");
		}
		if (!body.isEmpty()) {
			request.append("Content-Length: ").append(body.length()).append("\r\n");
		}
		return raw(request.append("\r\n").append(body).toString());
	}

	public Answer raw(String request) throws IOException {
		return raw(request, false);
	}

	public Answer raw(String request, boolean ends) throws IOException {
		try (Socket socket = new Socket()) {
			socket.bind(new InetSocketAddress(this.address, 0));
			socket.connect(new InetSocketAddress("127.0.0.1", this.port));
			socket.setSoTimeout(TIMEOUT_MS);
			OutputStream out = socket.getOutputStream();
			out.write(request.getBytes(StandardCharsets.ISO_8859_1));
			out.flush();
			if (ends) {
				// A client that is refused in the middle is still read from for a while.
				socket.shutdownOutput();
			}
			return Answer.parse(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
		}
	}

	/**
	 * What came back.
	 *
	 * @param status the status
	 * @param headers the headers by name in lower case
	 * @param body the body, without the framing of a chunked one
	 */
	public record Answer(int status, Map<String, String> headers, String body) {

		static Answer parse(String text) {
			int end = text.indexOf("\r\n\r\n");
			List<String> head = text.substring(0, end).lines().toList();
			Map<String, String> headers = head.stream()
				.skip(1)
				.map((line) -> line.split(": ?", 2))
				.collect(Collectors.toMap((header) -> header[0].toLowerCase(Locale.ROOT), (header) -> header[1],
						(first, second) -> first + ", " + second));
			String body = text.substring(end + 4);
			return new Answer(Integer.parseInt(head.get(0).split(" ")[1]), headers,
					headers.containsKey("transfer-encoding") ? withoutChunks(body) : body);
		}

		public String header(String name) {
			return this.headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
		}

		public JsonNode json() {
			return JsonMapper.shared().readTree(this.body);
		}

		private static String withoutChunks(String body) {
			StringBuilder joined = new StringBuilder();
			int at = 0;
			while (at < body.length()) {
				int line = body.indexOf("\r\n", at);
				int size = Integer.parseInt(body.substring(at, line), 16);
				joined.append(body, line + 2, line + 2 + size);
				at = line + 2 + size + 2;
			}
			return joined.toString();
		}

	}

}
