package dev.iothreads.fleet;

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
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

/**
 * Stands between the service and a QEMU's monitor, passes on what both say, and writes
 * down the commands. It can keep QEMU's answers back. It serves one client at a time, as
 * QEMU does.
 */
final class CountingProxy implements AutoCloseable {

	private static final Pattern COMMAND = Pattern.compile("\"execute\"\\s*:\\s*\"([^\"]+)\"");

	private final Path socket;

	private final Path target;

	private final ServerSocketChannel server;

	private final List<String> commands = new CopyOnWriteArrayList<>();

	private final List<SocketChannel> open = new CopyOnWriteArrayList<>();

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
	CountingProxy(Path socket, Path target) {
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
	 * Returns what was asked since {@link #forget()}, {@code qmp_capabilities} included.
	 * @return the names of the commands, in their order
	 */
	List<String> commands() {
		return List.copyOf(this.commands);
	}

	void forget() {
		this.commands.clear();
	}

	/**
	 * Keeps answers and events back from now on, until they are released.
	 */
	void hold() {
		this.answers.acquireUninterruptibly();
	}

	/**
	 * Keeps answers and events back from the next command of a name on, that one's answer
	 * included, until they are released.
	 * @param command its name
	 */
	void holdFrom(String command) {
		stopAt(command, this::hold);
	}

	/**
	 * Does something just before the next command of a name is passed on.
	 * @param command its name
	 * @param action what to do, by which the service or QEMU may stop
	 */
	void stopAt(String command, Runnable action) {
		this.action = action;
		this.awaited = command;
	}

	void release() {
		this.answers.release();
	}

	private void serve() {
		while (this.server.isOpen()) {
			try (SocketChannel client = this.server.accept();
					SocketChannel monitor = SocketChannel.open(StandardProtocolFamily.UNIX)) {
				this.open.addAll(List.of(client, monitor));
				monitor.connect(UnixDomainSocketAddress.of(this.target));
				Thread back = start(() -> passAnswers(monitor, client));
				passCommands(client, monitor);
				monitor.shutdownInput();
				back.join();
			}
			catch (IOException ex) {
				// One of them has left, or the proxy is closed.
			}
			catch (InterruptedException ex) {
				return;
			}
		}
	}

	private void passCommands(SocketChannel client, SocketChannel monitor) throws IOException {
		ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
		StringBuilder line = new StringBuilder();
		while (client.read(buffer.clear()) >= 0) {
			buffer.flip();
			line.append(StandardCharsets.ISO_8859_1.decode(buffer.duplicate()));
			for (int end = line.indexOf("\n"); end >= 0; end = line.indexOf("\n")) {
				Matcher command = COMMAND.matcher(line.substring(0, end));
				String name = command.find() ? command.group(1) : line.substring(0, end);
				if (name.equals(this.awaited)) {
					this.awaited = null;
					this.action.run();
				}
				this.commands.add(name);
				line.delete(0, end + 1);
			}
			write(buffer, monitor);
		}
	}

	private void passAnswers(SocketChannel monitor, SocketChannel client) {
		ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
		try {
			while (monitor.read(buffer.clear()) >= 0) {
				this.answers.acquireUninterruptibly();
				try {
					write(buffer.flip(), client);
				}
				finally {
					this.answers.release();
				}
			}
			client.shutdownInput();
		}
		catch (IOException ex) {
			// One of them has left.
		}
	}

	private static void write(ByteBuffer buffer, SocketChannel to) throws IOException {
		while (buffer.hasRemaining()) {
			to.write(buffer);
		}
	}

	private static Thread start(Runnable work) {
		Thread thread = new Thread(work, "counting-proxy");
		thread.setDaemon(true);
		thread.start();
		return thread;
	}

	@Override
	public void close() {
		try {
			this.server.close();
			for (SocketChannel channel : this.open) {
				channel.close();
			}
			Files.deleteIfExists(this.socket);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

}
