package dev.iothreads.qemu;

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

import dev.iothreads.qmp.MonitorAddress;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Stands between a client and a monitor, passes everything on, and keeps what the client
 * asked.
 */
final class CountingProxy implements AutoCloseable {

	private static final JsonMapper JSON = JsonMapper.shared();

	private final Path directory;

	private final Path socket;

	private final Path target;

	private final ServerSocketChannel server;

	private final List<SocketChannel> channels = new CopyOnWriteArrayList<>();

	private final List<JsonNode> requests = new ArrayList<>();

	private CountingProxy(Path target) throws IOException {
		this.target = target;
		this.directory = Files.createTempDirectory("proxy");
		this.socket = this.directory.resolve("qmp.sock");
		this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
		this.server.bind(UnixDomainSocketAddress.of(this.socket));
		start("proxy-server", this::serve);
	}

	static CountingProxy before(Path target) {
		try {
			return new CountingProxy(target);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	MonitorAddress address() {
		return new MonitorAddress.UnixAddress(this.socket);
	}

	/**
	 * Takes what has been asked since the last call.
	 * @return each command with its arguments, as in {@code qom-list /objects}
	 */
	synchronized List<String> takeCommands() {
		List<String> commands = this.requests.stream().map(CountingProxy::text).toList();
		this.requests.clear();
		return commands;
	}

	private static String text(JsonNode request) {
		JsonNode arguments = request.path("arguments");
		String text = request.path("execute").asString();
		for (String name : List.of("path", "property", "paths")) {
			if (arguments.has(name)) {
				text += " " + (arguments.path(name).isString() ? arguments.path(name).asString()
						: arguments.path(name).toString());
			}
		}
		return text;
	}

	private void serve() throws IOException {
		while (true) {
			SocketChannel client = this.server.accept();
			this.channels.add(client);
			SocketChannel qemu = SocketChannel.open(UnixDomainSocketAddress.of(this.target));
			this.channels.add(qemu);
			start("proxy-from-qemu", () -> pump(qemu, client));
			start("proxy-to-qemu", () -> passOn(client, qemu));
		}
	}

	private static void pump(SocketChannel from, SocketChannel to) throws IOException {
		ByteBuffer bytes = ByteBuffer.allocate(65536);
		try (from; to) {
			while (from.read(bytes.clear()) >= 0) {
				write(to, bytes.flip());
			}
		}
	}

	private void passOn(SocketChannel client, SocketChannel qemu) throws IOException {
		ByteBuffer bytes = ByteBuffer.allocate(65536);
		StringBuilder line = new StringBuilder();
		try (client; qemu) {
			while (client.read(bytes.clear()) >= 0) {
				bytes.flip();
				// QMP's commands are sent in ASCII here.
				for (char next : StandardCharsets.ISO_8859_1.decode(bytes.duplicate()).array()) {
					line.append(next);
					if (next == '\n') {
						keep(JSON.readTree(line.toString()));
						line.setLength(0);
					}
				}
				write(qemu, bytes);
			}
		}
	}

	private synchronized void keep(JsonNode request) {
		if (!request.path("execute").asString("").equals("qmp_capabilities")) {
			this.requests.add(request);
		}
	}

	private static void write(SocketChannel channel, ByteBuffer bytes) throws IOException {
		while (bytes.hasRemaining()) {
			channel.write(bytes);
		}
	}

	private static void start(String name, Work work) {
		Thread thread = new Thread(() -> {
			try {
				work.run();
			}
			catch (IOException ex) {
				// One side has left.
			}
		}, name);
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
			Files.delete(this.socket);
			Files.delete(this.directory);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@FunctionalInterface
	private interface Work {

		void run() throws IOException;

	}

}
