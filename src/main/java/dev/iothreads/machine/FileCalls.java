package dev.iothreads.machine;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Calls to file systems, each waited for in limited time: one that is on a network may
 * not answer at all. Such a call keeps its thread, and there are few of them. While all
 * are kept, further calls wait for one, and are given up after the same time.
 */
final class FileCalls {

	private static final int THREADS = 8;

	private final ThreadPoolExecutor executor = new ThreadPoolExecutor(THREADS, THREADS, 10, TimeUnit.SECONDS,
			new LinkedBlockingQueue<>(), FileCalls::thread);

	private final Duration limit;

	FileCalls(Duration limit) {
		this.limit = limit;
		this.executor.allowCoreThreadTimeOut(true);
	}

	private static Thread thread(Runnable work) {
		Thread thread = new Thread(work, "image-files");
		thread.setDaemon(true); // it may never end
		return thread;
	}

	/**
	 * Makes a call and waits for it.
	 * @param call the call; it may throw
	 * @return its result
	 * @throws TimeoutException when it does not end in time; it is not made where it has
	 * yet to begin
	 */
	<T> T call(Supplier<T> call) throws TimeoutException {
		FutureTask<T> begun = begin(call);
		try {
			return await(begun, deadline());
		}
		catch (TimeoutException ex) {
			this.executor.remove(begun);
			throw ex;
		}
	}

	/**
	 * Makes a call that is waited for later.
	 */
	<T> FutureTask<T> begin(Supplier<T> call) {
		FutureTask<T> task = new FutureTask<>(call::get);
		this.executor.execute(task);
		return task;
	}

	/**
	 * Returns until when a call that begins now may take, by {@link System#nanoTime()}.
	 */
	long deadline() {
		return System.nanoTime() + this.limit.toNanos();
	}

	static <T> T await(Future<T> call, long deadline) throws TimeoutException {
		try {
			return call.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
		}
		catch (ExecutionException ex) {
			throw (ex.getCause() instanceof RuntimeException cause) ? cause : new IllegalStateException(ex.getCause());
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new TimeoutException();
		}
	}

}
