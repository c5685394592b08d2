package dev.iothreads.libvirt.rpc;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

/**
 * Reads what a call was answered, or an event, as XDR (RFC 4506). Each method takes the
 * next value and fails with a {@link MalformedException} when there is none such.
 */
public final class XdrReader {

	private final ByteBuffer bytes;

	XdrReader(ByteBuffer bytes) {
		this.bytes = bytes;
	}

	/**
	 * Reads an {@code int}, or an {@code unsigned int} as its 32 bits.
	 * @return the number
	 */
	public int number() {
		return read(ByteBuffer::getInt);
	}

	/**
	 * Reads a {@code hyper}, or an {@code unsigned hyper} as its 64 bits.
	 * @return the number
	 */
	public long hyper() {
		return read(ByteBuffer::getLong);
	}

	/**
	 * Reads a {@code double}.
	 * @return the number
	 */
	public double real() {
		return read(ByteBuffer::getDouble);
	}

	/**
	 * Reads a {@code string}.
	 * @return the text
	 */
	public String string() {
		return new String(opaque(), StandardCharsets.UTF_8);
	}

	/**
	 * Reads an {@code opaque} of variable length.
	 * @return the bytes
	 */
	public byte[] opaque() {
		byte[] value = new byte[count(1)];
		return read((buffer) -> {
			buffer.get(value);
			buffer.position(buffer.position() + padding(value.length));
			return value;
		});
	}

	/**
	 * Reads an optional {@code string}.
	 * @return the text, or {@code null}
	 */
	public @Nullable String optionalString() {
		return (number() != 0) ? string() : null;
	}

	/**
	 * Reads a UUID.
	 * @return the UUID
	 */
	public UUID uuid() {
		return new UUID(hyper(), hyper());
	}

	/**
	 * Reads an array.
	 * @param <T> what its elements are
	 * @param element reads one element
	 * @return the elements
	 */
	public <T> List<T> array(Function<XdrReader, T> element) {
		int count = count(Integer.BYTES);
		List<T> elements = new ArrayList<>(count);
		for (int i = 0; i < count; i++) {
			elements.add(element.apply(this));
		}
		return elements;
	}

	// A count that the rest cannot hold must not cost memory.
	private int count(int least) {
		int count = number();
		if (count < 0 || (long) count * least > this.bytes.remaining()) {
			throw new MalformedException(
					"%d elements are announced, and %d bytes are left".formatted(count, this.bytes.remaining()));
		}
		return count;
	}

	private <T> T read(Function<ByteBuffer, T> value) {
		try {
			return value.apply(this.bytes);
		}
		catch (BufferUnderflowException | IllegalArgumentException ex) {
			throw new MalformedException("the message is too short");
		}
	}

	static int padding(int length) {
		return -length & 3;
	}

	/**
	 * What arrived is not what libvirt's protocol has in that place.
	 */
	public static final class MalformedException extends RuntimeException {

		MalformedException(String message) {
			super(message);
		}

	}

}
