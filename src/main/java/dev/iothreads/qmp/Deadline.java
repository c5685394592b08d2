package dev.iothreads.qmp;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * An action that is run unless it is cancelled in time. The JDK's timer does it, so that
 * no connection needs a second thread.
 */
final class Deadline {

	private final CompletableFuture<Boolean> expired;

	Deadline(Duration limit, Runnable action) {
		this.expired = new CompletableFuture<Boolean>().completeOnTimeout(true, nanos(limit), TimeUnit.NANOSECONDS);
		this.expired.thenAccept((late) -> {
			if (late) {
				action.run();
			}
		});
	}

	private static long nanos(Duration duration) {
		try {
			return duration.toNanos();
		}
		catch (ArithmeticException ex) {
			return Long.MAX_VALUE;
		}
	}

	void cancel() {
		this.expired.complete(false);
	}

}
