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
 * @param hasDataFile whether its data is in another file
 * @param size the size that the guest sees, in bytes
 */
record Qcow2Header(@Nullable String backing, boolean hasDataFile, long size) {

	private static final int MAGIC = 0x514649fb;

	private static final int INCOMPATIBLE_FEATURES = 72;

	private static final long DATA_FILE = 1 << 2;

	private static final int LONGEST_NAME = 1023;

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
				return new Qcow2Header(null, dataFile, size);
			}
			byte[] name = new byte[Math.max(0, Math.min(length, LONGEST_NAME))];
			image.seek(place);
			image.readFully(name);
			return new Qcow2Header(new String(name, StandardCharsets.UTF_8), dataFile, size);
		}
		catch (EOFException ex) {
			return null;
		}
	}

}
