package dev.iothreads.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/**
 * Writes empty images as {@code qemu-img create} does, which is no part of QEMU's own
 * packages (docs: QEMU's {@code docs/interop/qcow2.txt}).
 */
public final class Qcow2 {

	private static final int CLUSTER_BITS = 16;

	private static final int CLUSTER = 1 << CLUSTER_BITS;

	private static final int USED_CLUSTERS = 4;

	private static final int HEADER = 104;

	private static final int NAME = 200;

	private static final int BACKING_FORMAT = 0xe2792aca;

	private Qcow2() {
	}

	/**
	 * Writes an image.
	 * @param file the file
	 * @param size the size that a guest sees, in bytes, 512 MiB at most
	 * @param backing what it builds upon, {@code null} for nothing; a raw image where its
	 * name ends with {@code .raw}, and a qcow2 elsewhere
	 * @return the file
	 */
	public static Path create(Path file, long size, @Nullable String backing) {
		ByteBuffer image = ByteBuffer.allocate(USED_CLUSTERS * CLUSTER);
		image.putInt(0x514649fb).putInt(3);
		byte[] name = (backing != null) ? backing.getBytes(StandardCharsets.UTF_8) : new byte[0];
		image.putLong((backing != null) ? NAME : 0).putInt(name.length);
		image.putInt(CLUSTER_BITS).putLong(size).putInt(0);
		// The table of level 1, then that of the reference counts.
		image.putInt(1).putLong(3 * CLUSTER).putLong(CLUSTER).putInt(1);
		image.putInt(0).putLong(0).putLong(0).putLong(0).putLong(0).putInt(4).putInt(HEADER);
		if (backing != null) {
			image.position(HEADER).putInt(BACKING_FORMAT);
			byte[] format = (backing.endsWith(".raw") ? "raw" : "qcow2").getBytes(StandardCharsets.UTF_8);
			image.putInt(format.length).put(format);
		}
		image.position(NAME).put(name);
		image.putLong(CLUSTER, 2 * CLUSTER);
		for (int cluster = 0; cluster < USED_CLUSTERS; cluster++) {
			image.putShort(2 * CLUSTER + 2 * cluster, (short) 1);
		}
		try {
			return Files.write(file, image.array());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

}
