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
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

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

	/** What object-add and object-del are told: {@code "id": "pool0"}. */
	private static final Pattern ID = Pattern.compile("\"id\":\\s*\"([a-z]+[0-9])\"");

	/** What a command is answered by: {@code "id":17}. */
	private static final Pattern NUMBER = Pattern.compile("\"id\":\\s*(\\d+)");

	private static final List<String> IOTHREADS = new CopyOnWriteArrayList<>(List.of("iothread0", "iothread1"));

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
			.putAll(Map.of("SERVER_PORT", Integer.toString(PORT), "SERVER_ADDRESS", "127.0.0.1",
					"IOTHREADS_DISCOVERY_DIRECTORY", sockets.toString(), "IOTHREADS_DISCOVERY_INTERVAL", "200ms",
					"IOTHREADS_REFRESHINTERVAL", "200ms", "IOTHREADS_SECURITY_ANONYMOUS", "operator"));
		Process service = builder.start();
		Runtime.getRuntime().addShutdownHook(new Thread(service::destroyForcibly));
		return service;
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
				"/index.html", "/page/page.css", "/page/icon.svg", "/page/main.js", "/page/model.js",
				"/swagger-ui/index.html", "/swagger-ui/swagger-initializer.js", "/v3/api-docs",
				"/v3/api-docs/swagger-config", API + "/machines", MACHINE, API + "/iothreads",
				API + "/iothreads?machine=vm1", MACHINE + "/iothreads", MACHINE + "/iothreads/iothread0",
				MACHINE + "/iothreads/iothread0/devices", MACHINE + "/devices", MACHINE + "/devices/blk0",
				API + "/devices", API + "/activity", MACHINE + "/attachable")) {
			expect(200, "GET", path, "", "");
			expect(path.equals("/") ? 406 : 200, "GET", path, json, "");
		}
		expect(302, "GET", "/swagger-ui.html", "", "");
		for (String path : List.of(API + "/machines/nope", MACHINE + "/iothreads/nope", "/nope")) {
			expect(404, "GET", path, "", "");
			expect(404, "GET", path, json, "");
		}
		for (String path : List.of(MACHINE + "/iothreads", MACHINE + "/iothreads/iothread0")) {
			expect(200, "GET", path, "Accept: text/plain\r\n", "");
		}
		for (String path : List.of(MACHINE + "/iothreads", MACHINE + "/iothreads/iothread0", "/page/main.js")) {
			expect(200, "GET", path, "If-None-Match: \"none\"\r\n", "");
		}
		for (String format : List.of("text/plain", "application/openmetrics-text;version=1.0.0", "*/*")) {
			expect(200, "GET", "/actuator/prometheus", "Accept: " + format + "\r\n", "");
			expect(200, "GET", "/actuator/prometheus", "Accept: " + format + "\r\nAccept-Encoding: gzip\r\n", "");
		}
		String body = "Content-Type: application/json\r\n";
		expect(201, "POST", MACHINE + "/iothreads", body, "{\"id\": \"pool0\", \"poll-max-ns\": 1}");
		expect(422, "POST", MACHINE + "/iothreads", body, "{\"id\": \"0\", \"nope\": 1}");
		expect(200, "PATCH", MACHINE + "/iothreads/iothread0", "Content-Type: application/merge-patch+json\r\n",
				"{\"poll-max-ns\": 1}");
		expect(409, "DELETE", MACHINE + "/iothreads/iothread0", "", "");
		expect(204, "DELETE", MACHINE + "/iothreads/pool0", "", "");
		expect(422, "POST", MACHINE + "/devices", body, "{\"id\": \"blk7\", \"driver\": \"virtio-blk-pci\"}");
		expect(404, "DELETE", MACHINE + "/devices/nope", "", "");
		expect(200, "GET", API + "/events", "Accept: text/event-stream\r\n", "");
	}

	// A cache of errors is as valid as one of answers.
	private static void expect(int status, String method, String path, String headers, String body) {
		String answer = request(method, path, headers, body);
		if (!answer.startsWith("HTTP/1.1 " + status)) {
			throw new IllegalStateException("%s %s is answered otherwise than %d: %s".formatted(method, path, status,
					answer.substring(0, Math.min(answer.length(), 2000))));
		}
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
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			Matcher number = NUMBER.matcher(line);
			String with = number.find() ? ", \"id\": " + number.group(1) : "";
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
			return IOTHREADS.stream()
				.map((id) -> """
						{"id": "%s", "thread-id": %d, "poll-max-ns": 32768, "poll-grow": 2, "poll-shrink": 2, \
						"poll-weight": 3, "aio-max-batch": 0}""".formatted(id, 101 + IOTHREADS.indexOf(id)))
				.collect(Collectors.joining(", ", "[", "]"));
		}
		Matcher id = ID.matcher(command);
		if (command.contains("\"object-add\"") && id.find()) {
			IOTHREADS.add(id.group(1));
			return "{}";
		}
		if (command.contains("\"object-del\"") && id.find()) {
			IOTHREADS.remove(id.group(1));
			return "{}";
		}
		if (command.contains("\"device-list-properties\"")) {
			return """
					[{"name": "drive", "type": "str"}, {"name": "iothread", "type": "link<iothread>"}, \
					{"name": "serial", "type": "str"}]""";
		}
		if (command.contains("\"query-version\"")) {
			return "{\"qemu\": {\"micro\": 3, \"minor\": 1, \"major\": 11}, \"package\": \"\"}";
		}
		if (command.contains("\"query-chardev\"") || command.contains("\"query-blockstats\"")
				|| command.contains("\"query-named-block-nodes\"") || command.contains("\"query-block\"")
				|| command.contains("\"query-block-exports\"")) {
			return "[]";
		}
		if (command.contains("\"qom-list\"")) {
			if (command.contains("\"/machine/peripheral\"")) {
				return "[{\"name\": \"blk0\", \"type\": \"child<virtio-blk-pci>\"}]";
			}
			if (command.contains("/objects/")) {
				return """
						[{"name": "poll-max-ns", "type": "int"}, {"name": "poll-grow", "type": "int"}, \
						{"name": "poll-shrink", "type": "int"}, {"name": "aio-max-batch", "type": "int"}]""";
			}
			if (command.contains("\"/objects\"")) {
				return IOTHREADS.stream()
					.map((name) -> "{\"name\": \"%s\", \"type\": \"child<iothread>\"}".formatted(name))
					.collect(Collectors.joining(", ", "[", "]"));
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
			if (command.contains("/objects/") && !command.contains("thread-pool")) {
				return "32768";
			}
			return command.contains("\"drive\"") ? "\"disk0\"" : null;
		}
		return (command.contains("qmp_capabilities") || command.contains("qom-set")) ? "{}" : null;
	}

}
