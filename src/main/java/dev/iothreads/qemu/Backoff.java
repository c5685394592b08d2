package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before the next try: longer after each failure, up to
 * {@link #LONGEST}, and never the same for all machines of a node that fail together.
 */
final class Backoff {

	static final Duration LONGEST = Duration.ofSeconds(10);

	private static final Duration SHORTEST = Duration.ofMillis(100);

	private int failures;

	/**
	 * Counts a failure.
	 * @return how long to wait now: between half of the present step and all of it
	 */
	synchronized Duration next() {
		long step = Math.min(LONGEST.toMillis(), SHORTEST.toMillis() << Math.min(this.failures, 20));
		this.failures++;
		return Duration.ofMillis(ThreadLocalRandom.current().nextLong(step / 2, step + 1));
	}

	synchronized void reset() {
		this.failures = 0;
	}

}
