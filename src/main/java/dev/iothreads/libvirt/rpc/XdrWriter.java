package dev.iothreads.libvirt.rpc;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

import org.jspecify.annotations.Nullable;

/**
 * Writes the arguments of a call as XDR (RFC 4506).
 */
public final class XdrWriter {

	/** The longest string that libvirt reads, in bytes. */
	public static final int LONGEST_STRING = 4 * 1024 * 1024;

	private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

	/**
	 * Writes an {@code int} or {@code unsigned int}.
	 * @param value its 32 bits
	 * @return this writer
	 */
	public XdrWriter number(int value) {
		this.bytes.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(value).array());
		return this;
	}

	/**
	 * Writes a {@code hyper} or {@code unsigned hyper}.
	 * @param value its 64 bits
	 * @return this writer
	 */
	public XdrWriter hyper(long value) {
		this.bytes.writeBytes(ByteBuffer.allocate(Long.BYTES).putLong(value).array());
		return this;
	}

	/**
	 * Writes a {@code string}.
	 * @param text the text
	 * @return this writer
	 * @throws IllegalArgumentException if it is longer than {@link #LONGEST_STRING}
	 */
	public XdrWriter string(String text) {
		return opaque(text.getBytes(StandardCharsets.UTF_8));
	}

	/**
	 * Writes an {@code opaque} of variable length.
	 * @param value the bytes
	 * @return this writer
	 * @throws IllegalArgumentException if they are more than {@link #LONGEST_STRING}
	 */
	public XdrWriter opaque(byte[] value) {
		if (value.length > LONGEST_STRING) {
			throw new IllegalArgumentException(
					"libvirt reads %d bytes at most, and these are %d".formatted(LONGEST_STRING, value.length));
		}
		number(value.length);
		this.bytes.writeBytes(value);
		this.bytes.writeBytes(new byte[XdrReader.padding(value.length)]);
		return this;
	}

	/**
	 * Writes an optional {@code string}.
	 * @param text the text, or {@code null}
	 * @return this writer
	 */
	public XdrWriter optionalString(@Nullable String text) {
		return (text != null) ? number(1).string(text) : number(0);
	}

	/**
	 * Writes a UUID.
	 * @param uuid the UUID
	 * @return this writer
	 */
	public XdrWriter uuid(UUID uuid) {
		return hyper(uuid.getMostSignificantBits()).hyper(uuid.getLeastSignificantBits());
	}

	byte[] toBytes() {
		return this.bytes.toByteArray();
	}

}
