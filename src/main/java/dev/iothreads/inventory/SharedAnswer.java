package dev.iothreads.inventory;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

/**
 * The answer to a question that takes a while. Whoever asks while somebody else does
 * waits for the same answer, and it is kept for those who come soon after.
 *
 * @param <T> what the answer is
 */
final class SharedAnswer<T> {

	private @Nullable Asked<T> latest;

	/**
	 * Asks, or takes the answer that another one has, or will have.
	 * @param maxAge how long ago it may have been asked, where it is answered
	 * @param question gives the answer, on this thread; it may throw
	 * @param wait waits for an answer that another thread will have
	 * @return the answer
	 */
	T get(Duration maxAge, Supplier<T> question, Function<CompletableFuture<T>, T> wait) {
		CompletableFuture<T> mine = new CompletableFuture<>();
		CompletableFuture<T> answer;
		synchronized (this) {
			if (this.latest == null || !this.latest.isGood(maxAge)) {
				this.latest = new Asked<>(mine, System.nanoTime());
			}
			answer = this.latest.answer();
		}
		if (answer != mine) {
			return wait.apply(answer);
		}
		try {
			T given = question.get();
			mine.complete(given);
			return given;
		}
		catch (RuntimeException | Error ex) {
			mine.completeExceptionally(ex);
			throw ex;
		}
	}

	/**
	 * Forgets what was answered, and what is to be answered to those who have asked by
	 * now: it may be otherwise for those who ask from now on.
	 */
	synchronized void outdate() {
		this.latest = null;
	}

	private record Asked<T>(CompletableFuture<T> answer, long when) {

		boolean isGood(Duration maxAge) {
			return !this.answer.isDone()
					|| (!this.answer.isCompletedExceptionally() && System.nanoTime() - this.when < maxAge.toNanos());
		}

	}

}
