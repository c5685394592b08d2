package dev.iothreads.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A socket to a monitor and nothing more: commands are written as they are, and replies
 * are counted, not read.
 */
final class BareMonitor implements AutoCloseable {

	/**
	 * What a reading asks in steady state, before QEMU 10.1.
	 */
	static final List<String> COMMANDS = List.of("{\"execute\": \"query-blockstats\"}", list("/machine/peripheral"),
			list("/machine/peripheral-anon"), "{\"execute\": \"query-iothreads\"}");

	static final ByteBuffer READING = commands(COMMANDS);

	static final int READING_REPLIES = 4;

	private final SocketChannel channel;

	private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16);

	BareMonitor(Path socket) throws IOException {
		this.channel = SocketChannel.open(StandardProtocolFamily.UNIX);
		this.channel.connect(UnixDomainSocketAddress.of(socket));
		await(1);
		write(commands(List.of("{\"execute\": \"qmp_capabilities\"}")));
		await(1);
	}

	static String list(String path) {
		return "{\"execute\": \"qom-list\", \"arguments\": {\"path\": \"" + path + "\"}}";
	}

	static String get(String path, String property) {
		return "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"%s\", \"property\": \"%s\"}}".formatted(path,
				property);
	}

	static ByteBuffer commands(List<String> commands) {
		return ByteBuffer.wrap((String.join("\r\n", commands) + "\r\n").getBytes(StandardCharsets.UTF_8));
	}

	void write(ByteBuffer commands) throws IOException {
		ByteBuffer rest = commands.duplicate();
		while (rest.hasRemaining()) {
			this.channel.write(rest);
		}
	}

	/**
	 * Waits until so many lines have come.
	 */
	void await(int lines) throws IOException {
		for (int missing = lines; missing > 0;) {
			if (this.channel.read(this.buffer.clear()) < 0) {
				throw new EOFException();
			}
			this.buffer.flip();
			while (this.buffer.hasRemaining()) {
				if (this.buffer.get() == '\n') {
					missing--;
				}
			}
		}
	}

	@Override
	public void close() throws IOException {
		this.channel.close();
	}

}
