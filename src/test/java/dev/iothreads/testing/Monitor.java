package dev.iothreads.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A plain QMP client with which a test looks at a QEMU, or changes it, behind the
 * product's back. What QEMU sends is read by a thread of its own.
 */
public final class Monitor implements AutoCloseable {

	private static final Duration DEADLINE = Duration.ofSeconds(30);

	private static final JsonMapper JSON = JsonMapper.shared();

	private final SocketChannel channel;

	private final List<JsonNode> received = new ArrayList<>();

	private final AtomicInteger lastId = new AtomicInteger();

	private final JsonNode greeting;

	private @Nullable IOException end;

	private Monitor(SocketChannel channel) {
		this.channel = channel;
		Thread reader = new Thread(this::read, "monitor-reader");
		reader.setDaemon(true);
		reader.start();
		try {
			this.greeting = await((message) -> message.has("QMP"), DEADLINE,
					"a greeting (does another client hold this monitor?)");
			execute("qmp_capabilities");
		}
		catch (RuntimeException | AssertionError ex) {
			close();
			throw ex;
		}
	}

	/**
	 * Connects to a monitor and negotiates.
	 * @param socket the monitor's Unix socket
	 * @return the connected monitor
	 * @throws AssertionError if QEMU does not greet within 30 s
	 * @throws UncheckedIOException if no process listens, or the peer closes
	 */
	public static Monitor connect(Path socket) {
		return new Monitor(open(socket));
	}

	/**
	 * What QEMU said first.
	 * @return the greeting, {@code {"QMP": …}}
	 */
	public JsonNode greeting() {
		return this.greeting;
	}

	/**
	 * Executes a command without arguments.
	 * @param command the command's name
	 * @return what the command returns
	 * @throws MonitorException if QEMU refuses
	 * @throws UncheckedIOException if QEMU hangs up
	 * @throws AssertionError if QEMU does not answer within 30 s
	 */
	public JsonNode execute(String command) {
		return execute(command, Map.of());
	}

	/**
	 * Executes a command.
	 * @param command the command's name
	 * @param arguments its arguments, as Jackson writes them
	 * @return what the command returns
	 * @throws MonitorException if QEMU refuses
	 * @throws UncheckedIOException if QEMU hangs up
	 * @throws AssertionError if QEMU does not answer within 30 s
	 */
	public JsonNode execute(String command, Map<String, ?> arguments) {
		int id = this.lastId.incrementAndGet();
		write(JSON.writeValueAsString(Map.of("execute", command, "arguments", arguments, "id", id)) + "\r\n");
		JsonNode reply = await((message) -> message.path("id").asInt(0) == id, DEADLINE, "a reply to " + command);
		JsonNode error = reply.get("error");
		if (error != null) {
			throw new MonitorException(error.path("class").asString(), error.path("desc").asString());
		}
		return reply.path("return");
	}

	/**
	 * Awaits an event, one that came earlier included, and takes it: the next call gets
	 * the next one.
	 * @param event the event's name, such as {@code DEVICE_DELETED}
	 * @param data what its data must be like
	 * @param deadline how long to wait
	 * @return the whole event
	 * @throws UncheckedIOException if QEMU hangs up first
	 * @throws AssertionError if none comes in time
	 */
	public JsonNode awaitEvent(String event, Predicate<JsonNode> data, Duration deadline) {
		return await((message) -> message.path("event").asString("").equals(event) && data.test(message.path("data")),
				deadline, "the event " + event);
	}

	/**
	 * Lists the children of an object.
	 * @param path the object's path in the QOM tree
	 * @return the type of each, by name
	 * @throws MonitorException if there is no such object
	 */
	public Map<String, String> children(String path) {
		Map<String, String> children = new TreeMap<>();
		for (JsonNode property : execute("qom-list", Map.of("path", path))) {
			String type = property.path("type").asString();
			if (type.startsWith("child<")) {
				children.put(property.path("name").asString(), type.substring("child<".length(), type.length() - 1));
			}
		}
		return children;
	}

	/**
	 * Reads a property of an object.
	 * @param path the object's path in the QOM tree
	 * @param property the property's name
	 * @return its value, {@code null} if QEMU refuses
	 */
	public @Nullable JsonNode property(String path, String property) {
		try {
			return execute("qom-get", Map.of("path", path, "property", property));
		}
		catch (MonitorException ex) {
			return null;
		}
	}

	@Override
	public void close() {
		try {
			this.channel.close();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static SocketChannel open(Path socket) {
		try {
			SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
			try {
				channel.connect(UnixDomainSocketAddress.of(socket));
				return channel;
			}
			catch (IOException ex) {
				channel.close();
				throw ex;
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException("No process listens at " + socket, ex);
		}
	}

	private void write(String line) {
		ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
		try {
			while (bytes.hasRemaining()) {
				this.channel.write(bytes);
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private void read() {
		ByteBuffer bytes = ByteBuffer.allocate(65536);
		ByteArrayOutputStream line = new ByteArrayOutputStream();
		try {
			while (this.channel.read(bytes.clear()) >= 0) {
				bytes.flip();
				while (bytes.hasRemaining()) {
					byte next = bytes.get();
					line.write(next);
					if (next == '\n') {
						receive(JSON.readTree(line.toByteArray()));
						line.reset();
					}
				}
			}
			end(new IOException("QEMU closed the connection"));
		}
		catch (IOException ex) {
			end(ex);
		}
		catch (RuntimeException ex) {
			end(new IOException("This is no QMP: " + line, ex));
		}
	}

	private synchronized void receive(JsonNode message) {
		this.received.add(message);
		notifyAll();
	}

	private synchronized void end(IOException reason) {
		this.end = reason;
		notifyAll();
	}

	private synchronized JsonNode await(Predicate<JsonNode> wanted, Duration deadline, String what) {
		long end = System.nanoTime() + deadline.toNanos();
		while (true) {
			for (JsonNode message : this.received) {
				if (wanted.test(message)) {
					this.received.remove(message);
					return message;
				}
			}
			long left = (end - System.nanoTime()) / 1_000_000;
			if (this.end != null) {
				throw new UncheckedIOException("The monitor ended without " + what, this.end);
			}
			if (left <= 0) {
				throw new AssertionError("The monitor did not send " + what + ", but " + this.received);
			}
			try {
				wait(left);
			}
			catch (InterruptedException ex) {
				Thread.currentThread().interrupt();
				throw new AssertionError("Interrupted while awaiting " + what, ex);
			}
		}
	}

}
