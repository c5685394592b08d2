package dev.iothreads.host;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

/**
 * Keeps the searches for a process apart: each looks through all of {@code /proc}.
 */
final class Pause {

	private static final Duration LENGTH = Duration.ofSeconds(30);

	private @Nullable Long last;

	/**
	 * Tells whether it is time for the next search, and takes it to be made then.
	 */
	boolean isOver() {
		long now = System.nanoTime();
		if (this.last != null && now - this.last < LENGTH.toNanos()) {
			return false;
		}
		this.last = now;
		return true;
	}

}
