package dev.iothreads.contract;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.ScriptedMonitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sits on the wire between the service and a QEMU. It passes on what both say, remembers
 * what the service asked for, and can hold a command back, lose it, or speak for QEMU.
 */
final class Wiretap implements AutoCloseable {

	/** The commands that change something. */
	private static final List<String> CHANGES = List.of("object-add", "object-del", "qom-set", "device_add",
			"device_del");

	private final Path qemu;

	private final ScriptedMonitor monitor;

	private final List<Held> traps = new CopyOnWriteArrayList<>();

	private volatile @Nullable Link link;

	private volatile int before;

	Wiretap(Path qemu) {
		this.qemu = qemu;
		this.monitor = ScriptedMonitor.onUnixSocket(this::connect);
	}

	MonitorAddress address() {
		return this.monitor.address();
	}

	/**
	 * The names of the commands that change something, as the service has sent them in
	 * this test.
	 */
	List<String> changes() {
		return this.monitor.requests()
			.stream()
			.skip(this.before)
			.map((request) -> request.path("execute").asString(""))
			.filter(CHANGES::contains)
			.toList();
	}

	/**
	 * Holds back the next command of a name.
	 */
	Held hold(String command) {
		return hold((request) -> request.path("execute").asString("").equals(command));
	}

	/**
	 * Holds back the next setting of a property.
	 */
	Held holdSetting(String property) {
		return hold((request) -> request.path("execute").asString("").equals("qom-set")
				&& request.path("arguments").path("property").asString("").equals(property));
	}

	Held hold(Predicate<JsonNode> command) {
		Held held = new Held(command);
		this.traps.add(held);
		return held;
	}

	/**
	 * Begins a test: holds back nothing any more, and forgets what was asked for.
	 */
	void begin() {
		this.traps.clear();
		this.before = this.monitor.requests().size();
	}

	/**
	 * Tells the service of an event as if QEMU had.
	 */
	void tell(String event, String data) {
		link().send("{\"timestamp\": {\"seconds\": 1767323045, \"microseconds\": 6}, \"event\": \"" + event
				+ "\", \"data\": " + data.replace('\'', '"') + "}");
	}

	/**
	 * Hangs up, as a QEMU that has crashed.
	 */
	void cut() {
		link().end();
	}

	private Link link() {
		return Eventually.see(() -> this.link, (present) -> present != null);
	}

	private void connect(ScriptedMonitor.Client client) throws IOException, InterruptedException {
		try (SocketChannel up = SocketChannel.open(StandardProtocolFamily.UNIX)) {
			up.connect(UnixDomainSocketAddress.of(this.qemu));
			Link opened = new Link(client, up);
			this.link = opened;
			opened.awaitEnd();
		}
		finally {
			this.link = null;
		}
	}

	@Override
	public void close() {
		Link open = this.link;
		if (open != null) {
			open.end();
		}
		this.monitor.close();
	}

	/**
	 * A command that is held back. It is caught once.
	 */
	static final class Held {

		private final Predicate<JsonNode> command;

		private final CompletableFuture<JsonNode> caught = new CompletableFuture<>();

		private volatile @Nullable Link from;

		private Held(Predicate<JsonNode> command) {
			this.command = command;
		}

		private boolean takes(JsonNode request, Link link) {
			if (this.caught.isDone() || !this.command.test(request)) {
				return false;
			}
			this.from = link;
			return this.caught.complete(request);
		}

		/**
		 * Waits until the service has sent it.
		 * @return the command
		 */
		JsonNode await() {
			try {
				return this.caught.get(Service.LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS);
			}
			catch (InterruptedException | ExecutionException | TimeoutException ex) {
				throw new AssertionError("The command has not come", ex);
			}
		}

		/**
		 * Passes it on.
		 */
		void release() {
			JsonNode request = await();
			from().pass(request);
		}

		/**
		 * Refuses it, as QEMU would.
		 */
		void refuse(String errorClass, String description) {
			JsonNode request = await();
			from().refuse(request, errorClass, description);
		}

		/**
		 * Passes it on, and hangs up when QEMU has answered and the service has not heard
		 * it.
		 */
		void loseReply() {
			JsonNode request = await();
			from().cutAt(request.path("id"));
			from().pass(request);
		}

		private Link from() {
			return Eventually.see(() -> this.from, (link) -> link != null);
		}

	}

	/**
	 * One connection, and its two directions.
	 */
	private final class Link {

		private final ScriptedMonitor.Client client;

		private final SocketChannel up;

		private final CountDownLatch ended = new CountDownLatch(1);

		private volatile @Nullable JsonNode cutAt;

		private Link(ScriptedMonitor.Client client, SocketChannel up) {
			this.client = client;
			this.up = up;
			begin(this::passDown);
			begin(this::passUp);
		}

		private static void begin(Runnable direction) {
			Thread thread = new Thread(direction, "wiretap");
			thread.setDaemon(true);
			thread.start();
		}

		private void passUp() {
			try {
				while (true) {
					JsonNode request = this.client.read();
					if (Wiretap.this.traps.stream().noneMatch((trap) -> trap.takes(request, this))) {
						pass(request);
					}
				}
			}
			catch (IOException ex) {
				end();
			}
		}

		private void passDown() {
			BufferedReader messages = new BufferedReader(
					new InputStreamReader(Channels.newInputStream(this.up), StandardCharsets.UTF_8));
			try {
				for (String line = messages.readLine(); line != null; line = messages.readLine()) {
					JsonNode end = this.cutAt;
					if (end != null && end.equals(JsonMapper.shared().readTree(line).path("id"))) {
						break;
					}
					send(line);
				}
			}
			catch (IOException ex) {
				// The connection is being closed.
			}
			end();
		}

		private synchronized void pass(JsonNode request) {
			ByteBuffer line = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
			try {
				while (line.hasRemaining()) {
					this.up.write(line);
				}
			}
			catch (IOException ex) {
				end();
			}
		}

		private void send(String line) {
			synchronized (this.client) {
				try {
					this.client.send(line);
				}
				catch (IOException ex) {
					end();
				}
			}
		}

		private void refuse(JsonNode request, String errorClass, String description) {
			synchronized (this.client) {
				try {
					this.client.refuse(request, errorClass, description);
				}
				catch (IOException ex) {
					end();
				}
			}
		}

		private void cutAt(JsonNode id) {
			this.cutAt = id;
		}

		private void end() {
			this.ended.countDown();
		}

		private void awaitEnd() throws InterruptedException {
			this.ended.await();
		}

	}

}
