package dev.iothreads.qmp;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How much memory all connections together may take for long messages. Each has a little
 * of its own besides, with which an ordinary machine gets by: one that sends a lot takes
 * nothing from the others but room for what is as long.
 */
final class MemoryBudget {

	/**
	 * A quarter of what this JVM has.
	 */
	static final MemoryBudget SHARED = new MemoryBudget(Runtime.getRuntime().maxMemory() / 4, MemoryBudget::freeMemory);

	/**
	 * What each connection has of its own.
	 */
	static final long ALLOWANCE = 64 * 1024;

	// Others give theirs back as soon as they have read it.
	private static final long PATIENCE_MILLIS = 2000;

	private static final long UNIT = 1024;

	private static final long COLLECTION_PAUSE = TimeUnit.SECONDS.toNanos(1);

	private final Semaphore units;

	private final int total;

	private final LongSupplier free;

	private long collected = System.nanoTime() - COLLECTION_PAUSE;

	/**
	 * Creates it.
	 * @param bytes how much there is in all
	 * @param free tells how much of the JVM's memory is free, what is garbage not counted
	 */
	MemoryBudget(long bytes, LongSupplier free) {
		this.free = free;
		this.total = (int) Math.min(Integer.MAX_VALUE, bytes / UNIT);
		this.units = new Semaphore(this.total);
	}

	// Some is left for those who answer requests meanwhile.
	private static long freeMemory() {
		Runtime runtime = Runtime.getRuntime();
		return runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory()) - runtime.maxMemory() / 8;
	}

	// Where the JVM ends when it has no memory left, one allocation too many is the last.
	// What was taken may not be in use yet, so all of it is to fit.
	private synchronized boolean isInTheHeap() {
		long taken = (this.total - this.units.availablePermits()) * UNIT;
		if (taken > this.free.getAsLong() && System.nanoTime() - this.collected >= COLLECTION_PAUSE) {
			System.gc();
			this.collected = System.nanoTime();
		}
		return taken <= this.free.getAsLong();
	}

	/**
	 * Opens an account that has taken nothing. It is one thread's.
	 */
	Account open() {
		return new Account();
	}

	long available() {
		return this.units.availablePermits() * UNIT;
	}

	/**
	 * What one connection has taken.
	 */
	final class Account {

		private long used;

		private int taken;

		/**
		 * Takes memory, waiting a moment where others have it.
		 * @param bytes how much, more than nothing
		 * @throws ProtocolViolation if there is not so much
		 */
		void take(long bytes) throws ProtocolViolation {
			long wanted = Math.max(0, this.used + bytes - ALLOWANCE);
			long more = (wanted + UNIT - 1) / UNIT - this.taken;
			if (more > 0) {
				if (more > MemoryBudget.this.total || !acquire((int) more)) {
					throw tooLittle();
				}
				this.taken += (int) more;
				if (!isInTheHeap()) {
					throw tooLittle();
				}
			}
			this.used += bytes;
		}

		private static ProtocolViolation tooLittle() {
			return new ProtocolViolation("There is not enough memory for what it sends. Give the service more", null);
		}

		/**
		 * Begins with something that is within the allowance.
		 */
		void owe(long bytes) {
			this.used += bytes;
		}

		private boolean acquire(int more) {
			try {
				return MemoryBudget.this.units.tryAcquire(more, PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
			}
			catch (InterruptedException ex) {
				Thread.currentThread().interrupt();
				return false;
			}
		}

		/**
		 * Gives memory back.
		 * @param bytes how much of what was taken
		 */
		void giveBack(long bytes) {
			this.used -= bytes;
			int needed = (int) ((Math.max(0, this.used - ALLOWANCE) + UNIT - 1) / UNIT);
			MemoryBudget.this.units.release(this.taken - needed);
			this.taken = needed;
		}

		/**
		 * Gives everything back.
		 */
		void close() {
			giveBack(this.used);
		}

	}

}
