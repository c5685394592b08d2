package dev.iothreads.machine;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

/**
 * What the header of a qcow2 says (docs: QEMU's {@code docs/interop/qcow2.txt}).
 *
 * @param backing what it builds upon, {@code null} for nothing
 * @param backingFormat the format of that, {@code null} where it is not said
 * @param hasDataFile whether its data is in another file
 * @param size the size that the guest sees, in bytes
 */
record Qcow2Header(@Nullable String backing, @Nullable String backingFormat, boolean hasDataFile, long size) {

	private static final int MAGIC = 0x514649fb;

	private static final int INCOMPATIBLE_FEATURES = 72;

	private static final long DATA_FILE = 1 << 2;

	private static final int LONGEST_NAME = 1023;

	private static final int FIRST_HEADER = 72;

	private static final int HEADER_LENGTH = 100;

	private static final int BACKING_FORMAT = 0xe2792aca;

	private static final int MOST_EXTENSIONS = 64;

	// What each begins with, and what it is padded to, in bytes.
	private static final int EXTENSION = 8;

	/**
	 * Reads it.
	 * @param file the path of the file
	 * @return the header, {@code null} when the file is no qcow2
	 * @throws IOException when it cannot be read
	 */
	static @Nullable Qcow2Header read(String file) throws IOException {
		try (RandomAccessFile image = new RandomAccessFile(file, "r")) {
			if (image.readInt() != MAGIC) {
				return null;
			}
			int version = image.readInt();
			long place = image.readLong();
			int length = image.readInt();
			image.readInt();
			long size = image.readLong();
			boolean dataFile = false;
			if (version > 2) {
				image.seek(INCOMPATIBLE_FEATURES);
				dataFile = (image.readLong() & DATA_FILE) != 0;
			}
			if (place == 0) {
				return new Qcow2Header(null, null, dataFile, size);
			}
			byte[] name = new byte[Math.max(0, Math.min(length, LONGEST_NAME))];
			image.seek(place);
			image.readFully(name);
			return new Qcow2Header(new String(name, StandardCharsets.UTF_8), backingFormat(image, version, place),
					dataFile, size);
		}
		catch (EOFException ex) {
			return null;
		}
	}

	// The name of the file that it builds upon ends the extensions. A format that is
	// given
	// twice is not known: readers differ in which of them they take.
	private static @Nullable String backingFormat(RandomAccessFile image, int version, long end) throws IOException {
		image.seek(HEADER_LENGTH);
		long place = (version > 2) ? image.readInt() : FIRST_HEADER;
		String found = null;
		for (int i = 0; i < MOST_EXTENSIONS && place + EXTENSION <= end; i++) {
			image.seek(place);
			int type = image.readInt();
			long length = Integer.toUnsignedLong(image.readInt());
			if (type == 0) {
				return found;
			}
			if (place + EXTENSION + length > end || (type == BACKING_FORMAT && found != null)) {
				return null;
			}
			if (type == BACKING_FORMAT) {
				byte[] format = new byte[(int) Math.min(length, LONGEST_NAME)];
				image.readFully(format);
				found = new String(format, StandardCharsets.UTF_8);
			}
			// Each is padded to a multiple of 8.
			place += EXTENSION + (length + EXTENSION - 1) / EXTENSION * EXTENSION;
		}
		return (place + EXTENSION > end) ? found : null;
	}

}
