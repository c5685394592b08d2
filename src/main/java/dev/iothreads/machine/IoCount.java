package dev.iothreads.machine;

/**
 * How much of one operation a device has completed since it was made. The numbers only
 * grow.
 *
 * @param operations how many it has completed with success
 * @param bytes the bytes of these, 0 where they are not counted
 * @param nanoseconds the time that these took, in ns: the sum of times that may overlap
 */
public record IoCount(long operations, long bytes, long nanoseconds) {

	/** Nothing yet. */
	public static final IoCount ZERO = new IoCount(0, 0, 0);

	/**
	 * Adds another count.
	 * @param other the other count
	 * @return the sum
	 */
	public IoCount plus(IoCount other) {
		return new IoCount(this.operations + other.operations, this.bytes + other.bytes,
				this.nanoseconds + other.nanoseconds);
	}

}
