package dev.iothreads.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A socket that leads to a QEMU's monitor: it passes on what both sides say, and keeps
 * the commands. It can keep QEMU's answers back. Another process than QEMU listens on it.
 */
public final class MonitorProxy implements AutoCloseable {

	private static final JsonMapper JSON = JsonMapper.shared();

	private final Path socket;

	private final Path target;

	private final ServerSocketChannel server;

	private final List<SocketChannel> channels = new CopyOnWriteArrayList<>();

	private final List<String> commands = new ArrayList<>();

	// Acquired to pass answers on, or to keep them back.
	private final Semaphore answers = new Semaphore(1);

	private volatile @Nullable String awaited;

	private volatile Runnable action = () -> {
	};

	/**
	 * Listens.
	 * @param socket where to listen
	 * @param target the monitor's socket
	 */
	public MonitorProxy(Path socket, Path target) {
		this.socket = socket;
		this.target = target;
		try {
			this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
			this.server.bind(UnixDomainSocketAddress.of(socket));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		start(this::serve);
	}

	/**
	 * Listens beside a monitor.
	 * @param target the monitor's socket, whose directory has room for another one
	 * @return the proxy
	 */
	public static MonitorProxy before(Path target) {
		return new MonitorProxy(target.resolveSibling("proxy.sock"), target);
	}

	public Path socket() {
		return this.socket;
	}

	/**
	 * Returns what was asked since the commands were taken last, {@code qmp_capabilities}
	 * left out.
	 * @return each command with what it names, as in {@code qom-list /objects}, in order
	 */
	public synchronized List<String> commands() {
		return List.copyOf(this.commands);
	}

	/**
	 * Takes the commands, so that later ones are the first.
	 * @return what {@link #commands()} would return
	 */
	public synchronized List<String> takeCommands() {
		List<String> taken = commands();
		this.commands.clear();
		return taken;
	}

	/**
	 * Keeps answers, events and greetings back from now on, until they are released.
	 */
	public void hold() {
		this.answers.acquireUninterruptibly();
	}

	/**
	 * Keeps answers and events back from the next command of a name on, that one's answer
	 * included, until they are released.
	 * @param command its name
	 */
	public void holdFrom(String command) {
		stopAt(command, this::hold);
	}

	/**
	 * Does something just before the next command of a name is passed on.
	 * @param command its name
	 * @param action what to do, by which the service or QEMU may stop
	 */
	public void stopAt(String command, Runnable action) {
		this.action = action;
		this.awaited = command;
	}

	public void release() {
		this.answers.release();
	}

	private void serve() throws IOException {
		while (true) {
			SocketChannel client = this.server.accept();
			this.channels.add(client);
			SocketChannel qemu = SocketChannel.open(UnixDomainSocketAddress.of(this.target));
			this.channels.add(qemu);
			start(() -> passAnswers(qemu, client));
			start(() -> passCommands(client, qemu));
		}
	}

	private void passAnswers(SocketChannel qemu, SocketChannel client) throws IOException {
		ByteBuffer bytes = ByteBuffer.allocate(1 << 20);
		try (client; qemu) {
			while (qemu.read(bytes.clear()) >= 0) {
				this.answers.acquireUninterruptibly();
				try {
					write(client, bytes.flip());
				}
				finally {
					this.answers.release();
				}
			}
		}
	}

	private void passCommands(SocketChannel client, SocketChannel qemu) throws IOException {
		ByteBuffer bytes = ByteBuffer.allocate(1 << 20);
		StringBuilder lines = new StringBuilder();
		try (client; qemu) {
			while (client.read(bytes.clear()) >= 0) {
				// The service writes ASCII.
				lines.append(StandardCharsets.ISO_8859_1.decode(bytes.flip().duplicate()));
				for (int end = lines.indexOf("\n"); end >= 0; end = lines.indexOf("\n")) {
					keep(JSON.readTree(lines.substring(0, end)));
					lines.delete(0, end + 1);
				}
				write(qemu, bytes);
			}
		}
	}

	private void keep(JsonNode request) {
		String name = request.path("execute").asString();
		if (name.equals(this.awaited)) {
			this.awaited = null;
			this.action.run();
		}
		if (!name.equals("qmp_capabilities")) {
			JsonNode arguments = request.path("arguments");
			StringBuilder text = new StringBuilder(name);
			for (String each : List.of("path", "property", "paths")) {
				if (arguments.has(each)) {
					JsonNode value = arguments.path(each);
					text.append(' ').append(value.isString() ? value.asString() : value.toString());
				}
			}
			synchronized (this) {
				this.commands.add(text.toString());
			}
		}
	}

	private static void write(SocketChannel channel, ByteBuffer bytes) throws IOException {
		while (bytes.hasRemaining()) {
			channel.write(bytes);
		}
	}

	private static void start(Work work) {
		Thread thread = new Thread(() -> {
			try {
				work.run();
			}
			catch (IOException ex) {
				// One side has left, or the proxy is closed.
			}
		}, "monitor-proxy");
		thread.setDaemon(true);
		thread.start();
	}

	@Override
	public void close() {
		try {
			this.server.close();
			for (SocketChannel channel : this.channels) {
				channel.close();
			}
			Files.deleteIfExists(this.socket);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private interface Work {

		void run() throws IOException;

	}

}
