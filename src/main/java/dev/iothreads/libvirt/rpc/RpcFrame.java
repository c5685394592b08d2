package dev.iothreads.libvirt.rpc;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * A message of libvirt's protocol: a length that counts itself, six numbers, and the body
 * (source: {@code virnetprotocol.x}).
 *
 * @param program whose procedure it is
 * @param procedure the procedure's number
 * @param type {@link #CALL}, {@link #REPLY} or {@link #MESSAGE}
 * @param serial joins a reply to its call, 0 for a message
 * @param status {@link #OK} or {@link #ERROR}
 * @param body the rest
 */
record RpcFrame(int program, int procedure, int type, int serial, int status, ByteBuffer body) {

	static final int CALL = 0;

	static final int REPLY = 1;

	static final int MESSAGE = 2;

	static final int OK = 0;

	static final int ERROR = 1;

	private static final int VERSION = 1;

	private static final int HEADER = 7 * Integer.BYTES;

	/** The longest message that libvirt sends, in bytes. */
	private static final int LONGEST = 32 * 1024 * 1024 + Integer.BYTES;

	ByteBuffer encode() {
		int length = HEADER + this.body.remaining();
		return ByteBuffer.allocate(length)
			.putInt(length)
			.putInt(this.program)
			.putInt(VERSION)
			.putInt(this.procedure)
			.putInt(this.type)
			.putInt(this.serial)
			.putInt(this.status)
			.put(this.body.duplicate())
			.flip();
	}

	/**
	 * Reads the next message.
	 * @throws EOFException when the other end has closed the connection
	 * @throws IOException when it cannot be read, or is no message
	 */
	static RpcFrame read(ReadableByteChannel channel) throws IOException {
		int length = fill(channel, ByteBuffer.allocate(Integer.BYTES)).getInt();
		if (length < HEADER || length > LONGEST) {
			throw new IOException("a message of %d bytes is announced: this is no libvirt".formatted(length));
		}
		ByteBuffer rest = fill(channel, ByteBuffer.allocate(length - Integer.BYTES));
		int program = rest.getInt();
		int version = rest.getInt();
		if (version != VERSION) {
			throw new IOException("version %d of the protocol is not known".formatted(version));
		}
		return new RpcFrame(program, rest.getInt(), rest.getInt(), rest.getInt(), rest.getInt(), rest.slice());
	}

	private static ByteBuffer fill(ReadableByteChannel channel, ByteBuffer buffer) throws IOException {
		while (buffer.hasRemaining()) {
			if (channel.read(buffer) < 0) {
				throw new EOFException("libvirt has closed the connection");
			}
		}
		return buffer.flip();
	}

}
