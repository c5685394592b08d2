package dev.iothreads.machine;

import org.jspecify.annotations.Nullable;

/**
 * The image beneath a disk, as the machine says.
 *
 * @param file its path on the machine's host, {@code null} where it is no file: the name
 * of a network image may hold credentials
 * @param format its format, such as {@code qcow2}
 * @param size the size that the guest sees, in bytes
 */
public record DiskImage(@Nullable String file, String format, long size) {

	private static final int LONGEST = 4096;

	/**
	 * Creates it from what a machine says of it.
	 * @param name the name of its file
	 * @param format its format
	 * @param size the size that the guest sees, in bytes
	 * @return the image
	 */
	public static DiskImage of(String name, String format, long size) {
		return new DiskImage((name.startsWith("/") && name.length() <= LONGEST) ? name : null, format, size);
	}

}
