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
	 * Checks a count.
	 * @param most the most that a machine has
	 * @param what what is counted
	 * @param number how many there are
	 * @throws NonsenseException when no machine comes to so many
	 */
	static void requireAtMost(int most, String what, long number) {
		if (number > most) {
			throw new NonsenseException(
					"it has %d %s, and nobody has so many. Is that a QEMU?".formatted(number, what));
		}
	}

}
