package dev.iothreads.qmp;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

/**
 * The turn of one connection to receive a large message. All connections share one, so
 * that the memory of large messages does not grow with the number of monitors. It is used
 * by the connection's thread alone.
 */
final class LargeMessageTurn {

	private static final Semaphore SHARED = new Semaphore(1, true);

	private static final Duration LONGEST_USE = Duration.ofSeconds(5);

	private static final Duration LONGEST_WAIT = Duration.ofSeconds(15);

	private final Semaphore shared;

	private final Duration longestUse;

	private final Duration longestWait;

	private final Runnable overdue;

	private @Nullable Deadline use;

	/**
	 * A turn of the one that all connections share.
	 * @param overdue ends the connection, which has had the turn for 5 s
	 */
	LargeMessageTurn(Runnable overdue) {
		this(SHARED, LONGEST_USE, LONGEST_WAIT, overdue);
	}

	LargeMessageTurn(Semaphore shared, Duration longestUse, Duration longestWait, Runnable overdue) {
		this.shared = shared;
		this.longestUse = longestUse;
		this.longestWait = longestWait;
		this.overdue = overdue;
	}

	/**
	 * Waits for the turn, unless this connection has it.
	 * @throws ProtocolViolation if other connections have it for too long
	 */
	void take() throws ProtocolViolation {
		if (this.use != null) {
			return;
		}
		try {
			if (!this.shared.tryAcquire(this.longestWait.toNanos(), TimeUnit.NANOSECONDS)) {
				throw new ProtocolViolation("Other monitors send messages above " + MessageReader.LARGE / 1024
						+ " KiB all the time, and the service receives one at a time. Look at the other monitors");
			}
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new ProtocolViolation("This side's thread was interrupted");
		}
		this.use = new Deadline(this.longestUse, this.overdue);
	}

	/**
	 * Lets the next connection have it. Does nothing if this one does not have it.
	 */
	void giveBack() {
		Deadline running = this.use;
		if (running != null) {
			running.cancel();
			this.use = null;
			this.shared.release();
		}
	}

}
