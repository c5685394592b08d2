package dev.iothreads.machine;

/**
 * What a block device can be asked to do.
 */
public enum IoOperation {

	/** Reads data. */
	READ(true),

	/** Writes data. */
	WRITE(true),

	/** Makes what was written safe. It moves no data of its own. */
	FLUSH(false),

	/** Gives back what is no longer needed. Its bytes are those given back. */
	UNMAP(true),

	/** Writes data at the end of a zone, on a zoned device (QEMU 8.1). */
	ZONE_APPEND(true);

	private final boolean counted;

	IoOperation(boolean counted) {
		this.counted = counted;
	}

	/**
	 * Tells whether its bytes are counted.
	 * @return {@code false} for what moves no data
	 */
	public boolean hasBytes() {
		return this.counted;
	}

}
