package dev.iothreads.inventory;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

/**
 * A value that takes long to get. Callers that ask at the same time share one call, and
 * its result is kept for those that follow.
 *
 * @param <T> the type of the value
 */
final class SingleFlight<T> {

	private @Nullable Call<T> latest;

	/**
	 * Returns the value of a call that is under way or recent, or makes the call.
	 * @param maxAge how long ago a finished call may have begun
	 * @param call gets the value, on this thread; it may throw
	 * @param wait waits for the call of another thread
	 * @return the value
	 */
	T get(Duration maxAge, Supplier<T> call, Function<CompletableFuture<T>, T> wait) {
		CompletableFuture<T> own = new CompletableFuture<>();
		CompletableFuture<T> shared;
		synchronized (this) {
			if (this.latest == null || !this.latest.isUsable(maxAge)) {
				this.latest = new Call<>(own, System.nanoTime());
			}
			shared = this.latest.value();
		}
		if (shared != own) {
			return wait.apply(shared);
		}
		try {
			T value = call.get();
			own.complete(value);
			return value;
		}
		catch (RuntimeException | Error ex) {
			own.completeExceptionally(ex);
			throw ex;
		}
	}

	/**
	 * Makes the next caller make a call of its own, even when one is under way.
	 */
	synchronized void invalidate() {
		this.latest = null;
	}

	private record Call<T>(CompletableFuture<T> value, long begun) {

		boolean isUsable(Duration maxAge) {
			return !this.value.isDone()
					|| (!this.value.isCompletedExceptionally() && System.nanoTime() - this.begun < maxAge.toNanos());
		}

	}

}
