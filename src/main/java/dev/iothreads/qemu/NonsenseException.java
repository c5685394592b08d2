package dev.iothreads.qemu;

/**
 * An answer that is good QMP, and not what any QEMU says. Nothing can be made of it,
 * least of all a count.
 */
final class NonsenseException extends RuntimeException {

	NonsenseException(String message) {
		super(message);
	}

	/**
	 * Creates one of a count that no machine comes to.
	 * @param what what there are so many of
	 * @param number how many
	 * @return the exception
	 */
	static NonsenseException tooMany(String what, long number) {
		return new NonsenseException("it has %d %s, and nobody has so many. Is that a QEMU?".formatted(number, what));
	}

}
