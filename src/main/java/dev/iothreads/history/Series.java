package dev.iothreads.history;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * The values of one thing in a ring, with the counter that the next one is the growth of.
 */
final class Series {

	private final float[] values;

	private Counter last = Counter.UNKNOWN;

	Series(int capacity) {
		this.values = new float[capacity];
		Arrays.fill(this.values, Float.NaN);
	}

	/**
	 * Puts the growth per second since the call before.
	 * @param index where to
	 * @param now the counter, {@link Counter#UNKNOWN} where that is not known
	 */
	void put(int index, Counter now) {
		Counter before = this.last;
		this.last = now;
		double seconds = (now.nanos - before.nanos) / 1e9;
		boolean comparable = now.of != null && now.of.equals(before.of) && now.count >= before.count && seconds > 0;
		this.values[index] = comparable ? (float) ((now.count - before.count) / seconds) : Float.NaN;
	}

	/**
	 * Lets the next value be unknown: there is a gap before it.
	 */
	void interrupt() {
		this.last = Counter.UNKNOWN;
	}

	float get(int index) {
		return this.values[index];
	}

	/**
	 * A count that only grows.
	 *
	 * @param of what counts: counts of others are not compared; {@code null} for unknown
	 * @param count the count
	 * @param nanos when it was read, in ns of any clock
	 */
	record Counter(@Nullable Object of, double count, long nanos) {

		static final Counter UNKNOWN = new Counter(null, 0, 0);

	}

}
