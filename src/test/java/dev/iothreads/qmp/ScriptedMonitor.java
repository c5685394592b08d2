package dev.iothreads.qmp;

import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A server that listens like a monitor and plays a script to each client, one client at a
 * time as QEMU does. A script that fails with anything but the end of its client's
 * connection makes {@link #close()} fail.
 */
public final class ScriptedMonitor implements AutoCloseable {

	/**
	 * The greeting of a QEMU 11.1.3.
	 */
	public static final String GREETING = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 3, \"minor\": 1, "
			+ "\"major\": 11}, \"package\": \"scripted\"}, \"capabilities\": [\"oob\"]}}";

	private static final JsonMapper MAPPER = new JsonMapper();

	private final ServerSocketChannel server;

	private final MonitorAddress address;

	private final @Nullable Path directory;

	private final Script script;

	private final List<JsonNode> requests = new CopyOnWriteArrayList<>();

	private final BlockingQueue<JsonNode> untaken = new LinkedBlockingQueue<>();

	private final Thread thread;

	private volatile @Nullable SocketChannel current;

	private volatile @Nullable Throwable failure;

	private ScriptedMonitor(StandardProtocolFamily family, @Nullable SocketAddress local, @Nullable Path directory,
			Script script) {
		try {
			this.server = ServerSocketChannel.open(family);
			this.server.bind(local);
			this.address = (this.server.getLocalAddress() instanceof InetSocketAddress inet)
					? new MonitorAddress.TcpAddress(inet.getAddress().getHostAddress(), inet.getPort())
					: new MonitorAddress.UnixAddress(
							((UnixDomainSocketAddress) this.server.getLocalAddress()).getPath());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		this.directory = directory;
		this.script = script;
		this.thread = new Thread(this::serve, "scripted-monitor");
		this.thread.setDaemon(true);
		this.thread.start();
	}

	/**
	 * Listens on a Unix socket in a directory of its own.
	 * @param script played to each client
	 * @return the monitor, listening
	 */
	public static ScriptedMonitor onUnixSocket(Script script) {
		try {
			Path directory = Files.createTempDirectory("qmp");
			return new ScriptedMonitor(StandardProtocolFamily.UNIX,
					UnixDomainSocketAddress.of(directory.resolve("monitor.sock")), directory, script);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Listens on a Unix socket of a given name, which {@link #close()} removes.
	 * @param path the socket's file, absolute and not there yet
	 * @param script played to each client
	 * @return the monitor, listening
	 */
	public static ScriptedMonitor onUnixSocket(Path path, Script script) {
		return new ScriptedMonitor(StandardProtocolFamily.UNIX, UnixDomainSocketAddress.of(path), null, script);
	}

	/**
	 * Listens on a free TCP port of 127.0.0.1.
	 * @param script played to each client
	 * @return the monitor, listening
	 */
	public static ScriptedMonitor onTcp(Script script) {
		return new ScriptedMonitor(StandardProtocolFamily.INET, new InetSocketAddress(loopback(), 0), null, script);
	}

	private static InetAddress loopback() {
		try {
			return InetAddress.getByAddress(new byte[] { 127, 0, 0, 1 });
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Where it listens.
	 * @return the address to give to a client
	 */
	public MonitorAddress address() {
		return this.address;
	}

	/**
	 * What all clients have asked so far, {@code qmp_capabilities} left out.
	 * @return the requests in their order
	 */
	public List<JsonNode> requests() {
		return List.copyOf(this.requests);
	}

	/**
	 * Waits for the next request that has not been taken yet, {@code qmp_capabilities}
	 * left out.
	 * @return the request
	 */
	public JsonNode takeRequest() {
		try {
			JsonNode request = this.untaken.poll(30, TimeUnit.SECONDS);
			if (request == null) {
				throw new AssertionError("No request within 30 s");
			}
			return request;
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private void serve() {
		while (this.server.isOpen()) {
			try (SocketChannel channel = this.server.accept()) {
				this.current = channel;
				if (this.server.isOpen()) {
					this.script.play(new Client(channel));
				}
			}
			catch (IOException ex) {
				// The client has left, or the monitor is being closed.
			}
			catch (Throwable ex) {
				this.failure = ex;
			}
			finally {
				this.current = null;
			}
		}
	}

	/**
	 * Stops listening and hangs up.
	 */
	@Override
	public void close() {
		try {
			this.server.close();
			SocketChannel channel = this.current;
			// Not while it accepts: the JDK would lose the descriptor of who comes just
			// then.
			if (channel != null) {
				channel.close();
				this.thread.interrupt();
			}
			this.thread.join(TimeUnit.SECONDS.toMillis(30));
			if (this.address instanceof MonitorAddress.UnixAddress unix) {
				Files.deleteIfExists(unix.path());
			}
			if (this.directory != null) {
				Files.deleteIfExists(this.directory);
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
		Throwable failed = this.failure;
		if (failed != null && !(failed instanceof InterruptedException)) {
			throw new AssertionError("The monitor's script failed", failed);
		}
	}

	/**
	 * What the monitor does with a client. It hangs up when this returns.
	 */
	@FunctionalInterface
	public interface Script {

		/**
		 * Talks to one client.
		 * @param client the client
		 * @throws Exception if the script is at its end
		 */
		void play(Client client) throws Exception;

		/**
		 * Greets, and answers each command by a function.
		 * @param handler given the request, returns the reply without its id, for example
		 * {@code {"return": {}}}, or {@code null} to leave it unanswered
		 * @return the script
		 */
		static Script answering(Function<JsonNode, @Nullable String> handler) {
			return (client) -> {
				client.negotiate();
				while (true) {
					JsonNode request = client.read();
					String reply = handler.apply(request);
					if (reply != null) {
						client.reply(request, reply);
					}
				}
			};
		}

		/**
		 * Greets, and answers each command as it was answered when the transcript was
		 * made: from where the conversation has come to onwards, else by what was
		 * answered last before. Events come as they came then. A command that was never
		 * sent gets a {@code GenericError}. Each client begins at the beginning.
		 * @param transcript the recorded conversation
		 * @return the script
		 */
		static Script replaying(Transcript transcript) {
			return (client) -> {
				client.negotiate(transcript.greeting().toString());
				int position = 0;
				while (true) {
					JsonNode request = client.read();
					int match = find(transcript, request, position);
					if (match < 0) {
						client.reply(request,
								"{\"error\": {\"class\": \"GenericError\", \"desc\": \"Not in the transcript\"}}");
						continue;
					}
					position = Math.max(position, match + 1);
					for (JsonNode message : transcript.exchanges().get(match).receivedFor(request.get("id"))) {
						client.send(message.toString());
					}
				}
			};
		}

		private static int find(Transcript transcript, JsonNode request, int position) {
			List<Transcript.Exchange> exchanges = transcript.exchanges();
			for (int i = position; i < exchanges.size(); i++) {
				if (exchanges.get(i).isSameAs(request)) {
					return i;
				}
			}
			for (int i = Math.min(position, exchanges.size()) - 1; i >= 0; i--) {
				if (exchanges.get(i).isSameAs(request)) {
					return i;
				}
			}
			return -1;
		}

		/**
		 * Accepts, and says nothing until the client leaves, as a monitor does that
		 * another client holds.
		 * @return the script
		 */
		static Script silent() {
			return Client::awaitEnd;
		}

	}

	/**
	 * One client's connection, from the monitor's side.
	 */
	public final class Client {

		private final SocketChannel channel;

		private final BufferedReader requests;

		private Client(SocketChannel channel) {
			this.channel = channel;
			this.requests = new BufferedReader(
					new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
		}

		/**
		 * Greets, and agrees to {@code qmp_capabilities}.
		 * @throws IOException if the client has left
		 */
		public void negotiate() throws IOException {
			negotiate(GREETING);
		}

		/**
		 * Greets, and agrees to {@code qmp_capabilities}.
		 * @param greeting the greeting
		 * @throws IOException if the client has left
		 */
		public void negotiate(String greeting) throws IOException {
			send(greeting);
			reply(read(), "{\"return\": {}}");
		}

		/**
		 * Waits for the next request.
		 * @return the request
		 * @throws IOException if the client has left
		 */
		public JsonNode read() throws IOException {
			String line = this.requests.readLine();
			if (line == null) {
				throw new EOFException();
			}
			JsonNode request = MAPPER.readTree(line);
			if (!request.path("execute").asString("").equals("qmp_capabilities")) {
				ScriptedMonitor.this.requests.add(request);
				ScriptedMonitor.this.untaken.add(request);
			}
			return request;
		}

		/**
		 * Answers a request.
		 * @param request the request, for its id
		 * @param reply the reply; it gets the request's id if it has none
		 * @throws IOException if the client has left
		 */
		public void reply(JsonNode request, String reply) throws IOException {
			ObjectNode message = (ObjectNode) MAPPER.readTree(reply);
			if (!message.has("id") && request.has("id")) {
				message.set("id", request.get("id"));
			}
			send(message.toString());
		}

		/**
		 * Answers a request with an error.
		 * @param request the request, for its id
		 * @param errorClass QEMU's class
		 * @param description QEMU's words
		 * @throws IOException if the client has left
		 */
		public void refuse(JsonNode request, String errorClass, String description) throws IOException {
			ObjectNode message = MAPPER.createObjectNode();
			message.putObject("error").put("class", errorClass).put("desc", description);
			reply(request, message.toString());
		}

		/**
		 * Tells of an event, which happened at 2026-01-02T03:04:05.000006Z.
		 * @param name the event's name
		 * @param data what it carries, as JSON
		 * @throws IOException if the client has left
		 */
		public void event(String name, String data) throws IOException {
			send("{\"timestamp\": {\"seconds\": 1767323045, \"microseconds\": 6}, \"event\": \"" + name
					+ "\", \"data\": " + data + "}");
		}

		/**
		 * Sends a line, well-formed or not.
		 * @param line the line without its end
		 * @throws IOException if the client has left
		 */
		public void send(String line) throws IOException {
			sendRaw((line + "\r\n").getBytes(StandardCharsets.UTF_8));
		}

		/**
		 * Sends bytes as they are: half a line, garbage, the pieces of something huge.
		 * @param bytes the bytes
		 * @throws IOException if the client has left
		 */
		public void sendRaw(byte[] bytes) throws IOException {
			ByteBuffer buffer = ByteBuffer.wrap(bytes);
			while (buffer.hasRemaining()) {
				this.channel.write(buffer);
			}
		}

		/**
		 * Reads and drops what the client says until it leaves.
		 * @throws IOException if the connection breaks
		 */
		public void awaitEnd() throws IOException {
			try {
				while (this.requests.read() >= 0) {
					continue;
				}
			}
			catch (ClosedChannelException ex) {
				// The monitor is being closed.
			}
		}

	}

}
