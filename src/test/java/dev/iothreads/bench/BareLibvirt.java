package dev.iothreads.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A socket to libvirt and nothing more: calls are written one after another, and the
 * answers are not looked at. The numbers of the procedures are those of libvirt
 * ({@code remote_protocol.x}, {@code qemu_protocol.x}).
 */
final class BareLibvirt implements AutoCloseable {

	private static final int REMOTE = 0x20008086;

	private static final int QEMU = 0x20008087;

	private static final int HEADER = 7 * Integer.BYTES;

	// Without the length, as an answer is read.
	private static final int SERIAL = 4 * Integer.BYTES;

	private static final int STATUS = 5 * Integer.BYTES;

	private static final int BODY = 6 * Integer.BYTES;

	private final SocketChannel channel;

	private int serial;

	BareLibvirt(Path socket) throws IOException {
		this.channel = SocketChannel.open(StandardProtocolFamily.UNIX);
		this.channel.connect(UnixDomainSocketAddress.of(socket));
		call(REMOTE, 66, new byte[0]);
		call(REMOTE, 1, join(number(1), text("qemu:///system"), number(0)));
	}

	/**
	 * What names a domain in a call.
	 */
	byte[] domain(String name) throws IOException {
		return call(REMOTE, 23, text(name));
	}

	/**
	 * What a reading by XML asks of each domain.
	 */
	void readByXml(byte[] domain) throws IOException {
		call(REMOTE, 229, join(domain, number(0))); // control info
		call(REMOTE, 14, join(domain, number(0))); // XML
		call(REMOTE, 351, join(domain, number(1))); // IOThreads
		call(REMOTE, 344, join(number(1), domain, number(1 << 7), number(1 << 29))); // statistics
	}

	/**
	 * What a reading by the monitor asks of each domain in steady state.
	 */
	void readByMonitor(byte[] domain) throws IOException {
		for (String command : BareMonitor.COMMANDS) {
			call(QEMU, 1, join(domain, text(command), number(0)));
		}
	}

	private byte[] call(int program, int procedure, byte[] arguments) throws IOException {
		ByteBuffer call = ByteBuffer.allocate(HEADER + arguments.length);
		call.putInt(call.capacity()).putInt(program).putInt(1).putInt(procedure).putInt(0).putInt(++this.serial);
		call.putInt(0).put(arguments).flip();
		while (call.hasRemaining()) {
			this.channel.write(call);
		}
		ByteBuffer answer = read(read(Integer.BYTES).getInt() - Integer.BYTES);
		if (answer.getInt(SERIAL) != this.serial || answer.getInt(STATUS) != 0) {
			throw new IOException("libvirt refused the procedure %d of %x".formatted(procedure, program));
		}
		byte[] body = new byte[answer.limit() - BODY];
		answer.get(BODY, body);
		return body;
	}

	private ByteBuffer read(int length) throws IOException {
		ByteBuffer buffer = ByteBuffer.allocate(length);
		while (buffer.hasRemaining()) {
			if (this.channel.read(buffer) < 0) {
				throw new EOFException();
			}
		}
		return buffer.flip();
	}

	private static byte[] number(int value) {
		return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
	}

	private static byte[] text(String value) {
		byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
		return ByteBuffer.allocate(Integer.BYTES + (bytes.length + 3) / 4 * 4).putInt(bytes.length).put(bytes).array();
	}

	private static byte[] join(byte[]... parts) {
		ByteBuffer joined = ByteBuffer.allocate(Stream.of(parts).mapToInt((part) -> part.length).sum());
		Stream.of(parts).forEach(joined::put);
		return joined.array();
	}

	@Override
	public void close() throws IOException {
		this.channel.close();
	}

}
