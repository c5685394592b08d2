package dev.iothreads.qmp;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Waits for what must happen, long enough for any machine.
 */
final class Futures {

	private static final long LIMIT_SECONDS = 60;

	private Futures() {
	}

	static <T> T await(CompletableFuture<T> future) {
		try {
			return future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
		}
		catch (ExecutionException ex) {
			throw new AssertionError("Failed: " + ex.getCause(), ex);
		}
		catch (InterruptedException | TimeoutException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * Waits for a future to fail with an exception of exactly this class.
	 */
	static <E extends Throwable> E failureOf(CompletableFuture<?> future, Class<E> expected) {
		try {
			Object result = future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
			throw new AssertionError("No failure but " + result);
		}
		catch (ExecutionException ex) {
			assertThat(ex.getCause()).isExactlyInstanceOf(expected);
			return expected.cast(ex.getCause());
		}
		catch (InterruptedException | TimeoutException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * Waits for what no event announces.
	 */
	static void until(String what, BooleanSupplier condition) {
		long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
		while (!condition.getAsBoolean()) {
			if (System.nanoTime() > end) {
				throw new AssertionError("Not within " + LIMIT_SECONDS + " s: " + what);
			}
			LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
		}
	}

}
