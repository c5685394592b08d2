package dev.iothreads.host;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A socket that leads to another one: the process that answers there does not hold it. It
 * takes one client.
 */
final class Relay implements AutoCloseable {

	private final Path socket;

	private final ServerSocketChannel server;

	private final SocketChannel target;

	Relay(Path socket, Path target) throws IOException {
		this.socket = socket;
		this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
		this.server.bind(UnixDomainSocketAddress.of(socket));
		this.target = SocketChannel.open(UnixDomainSocketAddress.of(target));
		start(this::serve);
	}

	Path socket() {
		return this.socket;
	}

	private void serve() throws IOException {
		try (SocketChannel client = this.server.accept()) {
			start(() -> pump(this.target, client));
			pump(client, this.target);
		}
	}

	private static void pump(SocketChannel from, SocketChannel to) throws IOException {
		ByteBuffer bytes = ByteBuffer.allocate(65536);
		while (from.read(bytes.clear()) >= 0) {
			bytes.flip();
			while (bytes.hasRemaining()) {
				to.write(bytes);
			}
		}
	}

	private static void start(Work work) {
		Thread thread = new Thread(() -> {
			try {
				work.run();
			}
			catch (IOException ex) {
				// One of the two has closed its end.
			}
		}, "relay");
		thread.setDaemon(true);
		thread.start();
	}

	@Override
	public void close() throws IOException {
		this.server.close();
		this.target.close();
		Files.delete(this.socket);
	}

	private interface Work {

		void run() throws IOException;

	}

}
