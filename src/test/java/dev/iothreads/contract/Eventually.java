package dev.iothreads.contract;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Looks again and again where nothing tells when to look.
 */
final class Eventually {

	private Eventually() {
	}

	/**
	 * Waits until what is seen is as wanted.
	 * @return what was seen then
	 */
	static <T> T see(Supplier<T> look, Predicate<T> wanted) {
		long end = System.nanoTime() + Service.LONGEST_WAIT.toNanos();
		T seen = look.get();
		while (!wanted.test(seen)) {
			if (System.nanoTime() > end) {
				throw new AssertionError("Never seen, but " + seen);
			}
			LockSupport.parkNanos(5_000_000);
			seen = look.get();
		}
		return seen;
	}

}
