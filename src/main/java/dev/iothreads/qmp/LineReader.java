package dev.iothreads.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;

/**
 * Cuts what a channel delivers into lines, in time linear in the bytes however they are
 * split, and gives the memory of a huge line back.
 */
final class LineReader {

	private static final int SMALL = 8 * 1024;

	// Bounds the direct buffer of this size that the JDK keeps for each reading thread.
	private static final int CHUNK = 64 * 1024;

	private final ReadableByteChannel channel;

	private final int maxLineBytes;

	private final int maxCapacity;

	private final MemoryBudget.Account memory;

	private byte[] buffer = new byte[SMALL];

	private int start;

	private int searched;

	private int end;

	private int lineOffset;

	private int lineLength;

	private long bytesSearched;

	private long bytesCopied;

	LineReader(ReadableByteChannel channel, int maxLineBytes, MemoryBudget.Account memory) {
		this.channel = channel;
		this.memory = memory;
		this.maxLineBytes = maxLineBytes;
		// One more for the CR, one more so that there is always room to read.
		this.maxCapacity = Math.max(SMALL, maxLineBytes + 2);
		memory.owe(SMALL);
	}

	/**
	 * Goes to the next line that has wholly arrived and is not blank.
	 * @return {@code false} if there is none yet
	 * @throws ProtocolViolation if a line is longer than allowed, whether or not its end
	 * has arrived
	 */
	boolean next() throws ProtocolViolation {
		while (true) {
			int newline = search();
			int length = ((newline < 0) ? this.end : newline) - this.start;
			// The CR that ends a line need not be known as such yet.
			int endBytes = (length > 0 && this.buffer[this.start + length - 1] == '\r') ? 1 : 0;
			if (length - endBytes > this.maxLineBytes) {
				throw new ProtocolViolation("A message is longer than " + this.maxLineBytes + " bytes", null);
			}
			if (newline < 0) {
				return false;
			}
			this.lineOffset = this.start;
			this.lineLength = length - endBytes;
			this.start = newline + 1;
			if (!isBlank()) {
				return true;
			}
		}
	}

	private int search() {
		int from = Math.max(this.searched, this.start);
		for (int i = from; i < this.end; i++) {
			if (this.buffer[i] == '\n') {
				this.bytesSearched += i + 1 - from;
				this.searched = i + 1;
				return i;
			}
		}
		this.bytesSearched += this.end - from;
		this.searched = this.end;
		return -1;
	}

	private boolean isBlank() {
		for (int i = this.lineOffset; i < this.lineOffset + this.lineLength; i++) {
			if (this.buffer[i] != ' ' && this.buffer[i] != '\t' && this.buffer[i] != '\r') {
				return false;
			}
		}
		return true;
	}

	/**
	 * Waits for more bytes. The line that {@link #next()} went to is gone after this.
	 * @return {@code false} at the end of the stream
	 * @throws ProtocolViolation if the line that comes needs more memory than there is
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
		if (this.start > 0 && this.buffer.length > CHUNK && unread <= this.buffer.length / 4) {
			moveToNew(Math.max(SMALL, 2 * unread));
		}
		else if (this.start > 0 && unread <= this.buffer.length / 2) {
			moveTo(this.buffer);
		}
		else if (this.end == this.buffer.length) {
			moveToNew((int) Math.min(2L * this.buffer.length, this.maxCapacity));
		}
	}

	// For a moment there are both.
	private void moveToNew(int capacity) throws ProtocolViolation {
		this.memory.take(capacity);
		int before = this.buffer.length;
		moveTo(new byte[capacity]);
		this.memory.giveBack(before);
	}

	private void moveTo(byte[] target) {
		int unread = this.end - this.start;
		System.arraycopy(this.buffer, this.start, target, 0, unread);
		this.bytesCopied += unread;
		this.buffer = target;
		this.searched = Math.max(0, this.searched - this.start);
		this.start = 0;
		this.end = unread;
	}

	/**
	 * The array that holds the line, from {@link #lineOffset()} on.
	 */
	byte[] bytes() {
		return this.buffer;
	}

	int lineOffset() {
		return this.lineOffset;
	}

	/**
	 * The line's length without its end.
	 */
	int lineLength() {
		return this.lineLength;
	}

	/**
	 * What has arrived of the next line, a copy of at most {@code limit} bytes.
	 */
	byte[] unfinished(int limit) {
		return Arrays.copyOfRange(this.buffer, this.start, Math.min(this.end, this.start + limit));
	}

	int capacity() {
		return this.buffer.length;
	}

	long bytesSearched() {
		return this.bytesSearched;
	}

	long bytesCopied() {
		return this.bytesCopied;
	}

}
