package dev.iothreads.bench;

import java.util.Arrays;

/**
 * How long something took, again and again.
 */
final class Samples {

	private double[] values = new double[1024];

	private int count;

	/**
	 * Does something once and keeps the time, in ms.
	 */
	void time(Work work) throws Exception {
		long begun = System.nanoTime();
		work.run();
		add((System.nanoTime() - begun) / 1e6);
	}

	void add(double value) {
		if (this.count == this.values.length) {
			this.values = Arrays.copyOf(this.values, 2 * this.count);
		}
		this.values[this.count++] = value;
	}

	int count() {
		return this.count;
	}

	double median() {
		return quantile(0.5);
	}

	double quantile(double fraction) {
		double[] sorted = Arrays.copyOf(this.values, this.count);
		Arrays.sort(sorted);
		return sorted[Math.min(this.count - 1, (int) (fraction * this.count))];
	}

	@Override
	public String toString() {
		return "p50 %s, p99 %s, max %s".formatted(Row.plain(median()), Row.plain(quantile(0.99)),
				Row.plain(quantile(1)));
	}

	/**
	 * Something to be timed.
	 */
	@FunctionalInterface
	interface Work {

		void run() throws Exception;

	}

}
