package dev.iothreads.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;

/**
 * Cuts what a channel delivers into JSON objects, on one line each or on many
 * ({@code -qmp-pretty}), in time linear in the bytes however they are split. The memory
 * of a large message is given back after it.
 */
final class MessageReader {

	/**
	 * The buffer's size, in bytes, above which a connection needs the turn that all
	 * connections share.
	 */
	static final int LARGE = 256 * 1024;

	private static final int SMALL = 8 * 1024;

	// Bounds the direct buffer of this size that the JDK keeps for each reading thread.
	private static final int CHUNK = 64 * 1024;

	// So many bytes tell the protocols apart that are not QMP.
	private static final int TELLING = 8;

	private final ReadableByteChannel channel;

	private final int maxBytes;

	private final LargeMessageTurn turn;

	private byte[] buffer = new byte[SMALL];

	// Of the message that is being received; everything before has been handled.
	private int start;

	private int scanned;

	private int end;

	private int depth;

	private boolean text;

	private boolean escaped;

	private int offset;

	private int length;

	private long bytesScanned;

	private long bytesCopied;

	MessageReader(ReadableByteChannel channel, int maxBytes, LargeMessageTurn turn) {
		this.channel = channel;
		this.maxBytes = maxBytes;
		this.turn = turn;
	}

	/**
	 * Goes to the next object that has wholly arrived.
	 * @return {@code false} if there is none yet
	 * @throws ProtocolViolation if something else than an object begins, or an object is
	 * longer than allowed or nested too deep, whether or not its end has arrived
	 */
	boolean next() throws ProtocolViolation {
		if (this.depth == 0 && !findStart()) {
			return false;
		}
		int from = this.scanned;
		boolean complete = scan();
		this.bytesScanned += this.scanned - from;
		if (this.scanned - this.start > this.maxBytes) {
			throw new ProtocolViolation("A message is longer than " + this.maxBytes + " bytes");
		}
		if (complete) {
			this.offset = this.start;
			this.length = this.scanned - this.start;
			this.start = this.scanned;
		}
		return complete;
	}

	private boolean findStart() throws ProtocolViolation {
		while (this.start < this.end && isBlank(this.buffer[this.start])) {
			this.start++;
			this.bytesScanned++;
		}
		this.scanned = this.start;
		if (this.start == this.end) {
			return false;
		}
		if (this.buffer[this.start] == '{') {
			return true;
		}
		int line = this.start;
		while (line < this.end && this.buffer[line] != '\n' && this.buffer[line] != '\r') {
			line++;
		}
		if (line == this.end && line - this.start < TELLING) {
			return false;
		}
		throw ProtocolViolation.notQmp(Arrays.copyOfRange(this.buffer, this.start, line));
	}

	private static boolean isBlank(byte next) {
		return next == ' ' || next == '\t' || next == '\r' || next == '\n';
	}

	// Which bracket closes which is the parser's to check.
	private boolean scan() throws ProtocolViolation {
		while (this.scanned < this.end) {
			byte next = this.buffer[this.scanned++];
			if (this.escaped) {
				this.escaped = false;
			}
			else if (this.text) {
				this.escaped = next == '\\';
				this.text = next != '"';
			}
			else if (next == '"') {
				this.text = true;
			}
			else if (next == '{' || next == '[') {
				this.depth++;
				if (this.depth > QmpMessage.MAX_DEPTH) {
					throw new ProtocolViolation("A message is nested deeper than " + QmpMessage.MAX_DEPTH + " levels");
				}
			}
			else if (next == '}' || next == ']') {
				this.depth--;
				if (this.depth == 0) {
					return true;
				}
			}
		}
		return false;
	}

	/**
	 * Waits for more bytes. The message that {@link #next()} went to is no longer there
	 * after this.
	 * @return {@code false} at the end of the stream
	 * @throws ProtocolViolation if other connections receive large messages, and this one
	 * does not get its turn in time
	 */
	boolean fill() throws IOException, ProtocolViolation {
		makeRoom();
		int room = Math.min(CHUNK, this.buffer.length - this.end);
		int read = this.channel.read(ByteBuffer.wrap(this.buffer, this.end, room));
		if (read < 0) {
			return false;
		}
		this.end += read;
		return true;
	}

	private void makeRoom() throws ProtocolViolation {
		int unread = this.end - this.start;
		int capacity = this.buffer.length;
		if (capacity > CHUNK && unread <= capacity / 4) {
			moveTo(new byte[Math.max(SMALL, 2 * unread)]);
		}
		else if (capacity > LARGE && unread < LARGE) {
			moveTo(new byte[LARGE]);
		}
		else if (this.start > 0 && (unread <= capacity / 2 || this.end == capacity)) {
			moveTo(this.buffer);
		}
		else if (this.end == capacity) {
			if (2 * capacity > LARGE) {
				this.turn.take();
			}
			// One more, so that there is always room to read.
			moveTo(new byte[(int) Math.min(2L * capacity, Math.max(SMALL, this.maxBytes + 1L))]);
		}
		if (this.buffer.length <= LARGE) {
			this.turn.giveBack();
		}
	}

	private void moveTo(byte[] target) {
		int unread = this.end - this.start;
		System.arraycopy(this.buffer, this.start, target, 0, unread);
		this.bytesCopied += unread;
		this.buffer = target;
		this.scanned -= this.start;
		this.start = 0;
		this.end = unread;
	}

	/**
	 * Reads the message that {@link #next()} went to.
	 */
	QmpMessage message() throws ProtocolViolation {
		return QmpMessage.of(this.buffer, this.offset, this.length);
	}

	boolean isWithinMessage() {
		return this.start < this.end;
	}

	int capacity() {
		return this.buffer.length;
	}

	long bytesScanned() {
		return this.bytesScanned;
	}

	long bytesCopied() {
		return this.bytesCopied;
	}

}
