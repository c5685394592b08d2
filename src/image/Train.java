import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Trains the AOT cache: runs the command that it is given, has it serve whatever a user may
 * ask for, stops it as a container is stopped, and looks whether the cache is there and
 * would be used. The service has a machine meanwhile: a socket that answers as a QEMU.
 *
 * <pre>java Train CACHE JAVA ARGUMENTS…</pre>
 */
class Train {

	/** Not 8080: some builders share the network with others who may have that. */
	private static final int PORT = freePort();

	/** A run that has not served writes a cache too, of some 40 MB. */
	private static final long SMALLEST = 50 << 20;

	private static final String API = "/api/v1";

	private static final String MACHINE = API + "/machines/vm1";

	/** Enough for what is asked in the background, too, to happen a few times. */
	private static final int ROUNDS = 3;

	public static void main(String[] arguments) throws Exception {
		Path cache = Path.of(arguments[0]);
		List<String> command = new ArrayList<>(Arrays.asList(arguments).subList(1, arguments.length));
		Path directory = Files.createTempDirectory("train");
		answerAsQemu(directory.resolve("vm1.sock"));
		command.add(1, "-XX:AOTCacheOutput=" + cache);
		Process service = start(command, directory);
		awaitReady(service);
		for (int round = 0; round < ROUNDS; round++) {
			serve();
			Thread.sleep(1000);
		}
		service.destroy();
		if (!service.waitFor(5, TimeUnit.MINUTES)) {
			throw new IllegalStateException("The service does not end");
		}
		long size = Files.exists(cache) ? Files.size(cache) : 0;
		System.out.printf("The cache has %d MB%n", size >> 20);
		if (size < SMALLEST) {
			throw new IllegalStateException("The cache is too small: the training has not served");
		}
		// By default a cache that does not fit is ignored in silence.
		command.set(1, "-XX:AOTCache=" + cache);
		command.add(2, "-XX:AOTMode=on");
		service = start(command, directory);
		awaitReady(service);
		service.destroy();
		service.waitFor();
	}

	private static Process start(List<String> command, Path sockets) throws IOException {
		ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
		builder.environment()
			.putAll(Map.of("SERVER_PORT", Integer.toString(PORT), "SERVER_ADDRESS", "127.0.0.1", "IOTHREADS_DISCOVERY_DIRECTORY", sockets.toString(), "IOTHREADS_DISCOVERY_INTERVAL",
					"200ms", "IOTHREADS_REFRESHINTERVAL", "200ms"));
		return builder.start();
	}

	private static void awaitReady(Process service) throws InterruptedException {
		long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
		while (!answersWithTheMachine()) {
			if (service.waitFor(100, TimeUnit.MILLISECONDS) || System.nanoTime() > end) {
				throw new IllegalStateException("The service does not answer with the machine");
			}
		}
	}

	private static boolean answersWithTheMachine() {
		try {
			return request("GET", API + "/iothreads", "", "").contains("\"iothread0\"");
		}
		catch (UncheckedIOException ex) {
			return false; // not there yet
		}
	}

	private static void serve() {
		String json = "Accept: application/json\r\n";
		for (String path : List.of("/actuator/health/liveness", "/actuator/health/readiness", "/actuator/health", "/",
				"/index.html", "/page/page.css", "/page/icon.svg", "/page/main.js", "/page/model.js", "/swagger-ui.html", "/swagger-ui/index.html", "/swagger-ui/swagger-initializer.js",
				"/v3/api-docs", "/v3/api-docs/swagger-config", API + "/machines", MACHINE, API + "/iothreads",
				API + "/iothreads?machine=vm1", MACHINE + "/iothreads", MACHINE + "/iothreads/iothread0",
				MACHINE + "/iothreads/iothread0/devices", MACHINE + "/devices", MACHINE + "/devices/blk0",
				API + "/devices", API + "/activity", MACHINE + "/attachable",
				API + "/machines/nope", MACHINE + "/iothreads/nope", "/nope")) {
			request("GET", path, "", "");
			request("GET", path, json, "");
		}
		for (String path : List.of(MACHINE + "/iothreads", MACHINE + "/iothreads/iothread0", "/page/main.js")) {
			request("GET", path, "Accept: text/plain\r\n", "");
			request("GET", path, "If-None-Match: \"none\"\r\n", "");
		}
		for (String format : List.of("text/plain", "application/openmetrics-text;version=1.0.0", "*/*")) {
			request("GET", "/actuator/prometheus", "Accept: " + format + "\r\n", "");
			request("GET", "/actuator/prometheus", "Accept: " + format + "\r\nAccept-Encoding: gzip\r\n", "");
		}
		String body = "Content-Type: application/json\r\n";
		request("POST", MACHINE + "/iothreads", body, "{\"id\": \"pool0\", \"poll-max-ns\": 1}");
		request("POST", MACHINE + "/iothreads", body, "{\"id\": \"0\", \"nope\": 1}");
		request("PATCH", MACHINE + "/iothreads/iothread0", "Content-Type: application/merge-patch+json\r\n",
				"{\"poll-max-ns\": 1}");
		request("DELETE", MACHINE + "/iothreads/iothread0", "", "");
		request("DELETE", MACHINE + "/iothreads/iothread1", "", "");
		request("POST", MACHINE + "/devices", body, "{\"id\": \"blk7\", \"driver\": \"virtio-blk-pci\"}");
		request("DELETE", MACHINE + "/devices/nope", "", "");
		request("GET", API + "/events", "Accept: text/event-stream\r\n", "");
	}

	/**
	 * Asks once, and reads at most two seconds: a stream of events has no end.
	 */
	private static String request(String method, String path, String headers, String body) {
		StringBuilder answer = new StringBuilder();
		try (Socket socket = new Socket()) {
			socket.connect(new InetSocketAddress("127.0.0.1", PORT), 1000);
			socket.setSoTimeout(path.endsWith("/events") ? 2000 : 60_000);
			OutputStream out = socket.getOutputStream();
			out.write((method + " " + path + " HTTP/1.1\r\nHost: localhost:" + PORT + "\r\nConnection: close\r\n"
					+ headers + "Content-Length: " + body.length() + "\r\n\r\n" + body)
				.getBytes(StandardCharsets.UTF_8));
			byte[] buffer = new byte[1 << 16];
			for (int read; (read = socket.getInputStream().read(buffer)) > 0;) {
				answer.append(new String(buffer, 0, read, StandardCharsets.UTF_8));
			}
		}
		catch (SocketTimeoutException ex) {
			// what has come is the answer
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		return answer.toString();
	}

	private static int freePort() {
		try (ServerSocket socket = new ServerSocket(0)) {
			return socket.getLocalPort();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static void answerAsQemu(Path path) throws IOException {
		ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
		server.bind(UnixDomainSocketAddress.of(path));
		Thread thread = new Thread(() -> {
			while (true) {
				try (SocketChannel client = server.accept()) {
					converse(client);
				}
				catch (IOException ex) {
					System.err.println("The machine's client has gone: " + ex);
				}
			}
		});
		thread.setDaemon(true);
		thread.start();
	}

	private static void converse(SocketChannel client) throws IOException {
		OutputStream out = Channels.newOutputStream(client);
		BufferedReader in = new BufferedReader(
				new InputStreamReader(Channels.newInputStream(client), StandardCharsets.UTF_8));
		say(out, """
				{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, \
				"capabilities": ["oob"]}}""");
		Pattern id = Pattern.compile("\"id\":\\s*(\"[^\"]*\"|\\d+)");
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			Matcher matcher = id.matcher(line);
			String with = matcher.find() ? ", \"id\": " + matcher.group(1) : "";
			String answer = answer(line);
			say(out, ((answer != null) ? "{\"return\": " + answer
					: "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Property not found\"}") + with + "}");
		}
	}

	private static void say(OutputStream out, String line) throws IOException {
		out.write((line + "\r\n").getBytes(StandardCharsets.UTF_8));
		out.flush();
	}

	private static String answer(String command) {
		if (command.contains("\"query-iothreads\"")) {
			String iothread = """
					{"id": "iothread%d", "thread-id": %d, "poll-max-ns": 32768, "poll-grow": 2, \
					"poll-shrink": 2, "poll-weight": 3, "aio-max-batch": 0}""";
			return "[" + iothread.formatted(0, 101) + ", " + iothread.formatted(1, 102) + "]";
		}
		if (command.contains("\"query-version\"")) {
			return "{\"qemu\": {\"micro\": 3, \"minor\": 1, \"major\": 11}, \"package\": \"\"}";
		}
		if (command.contains("\"query-chardev\"") || command.contains("\"query-blockstats\"")
				|| command.contains("\"query-named-block-nodes\"")) {
			return "[]";
		}
		if (command.contains("\"qom-list\"")) {
			if (command.contains("\"/machine/peripheral\"")) {
				return "[{\"name\": \"blk0\", \"type\": \"child<virtio-blk-pci>\"}]";
			}
			if (command.contains("blk0")) {
				return "[{\"name\": \"iothread\", \"type\": \"link<iothread>\"}, {\"name\": \"drive\", \"type\": \"str\"}]";
			}
			return "[]";
		}
		if (command.contains("\"qom-get\"")) {
			if (command.contains("\"iothread\"") && command.contains("blk0")) {
				return "\"/objects/iothread0\"";
			}
			return command.contains("\"drive\"") ? "\"disk0\"" : null;
		}
		return (command.contains("qmp_capabilities") || command.contains("object-add")
				|| command.contains("object-del") || command.contains("qom-set")) ? "{}" : null;
	}

}
