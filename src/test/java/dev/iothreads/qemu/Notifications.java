package dev.iothreads.qemu;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import dev.iothreads.machine.Machine;

/**
 * A listener that can be waited for.
 */
final class Notifications {

	private final Semaphore calls = new Semaphore(0);

	static Notifications of(Machine machine) {
		Notifications notified = new Notifications();
		machine.listen(notified.calls::release);
		return notified;
	}

	/**
	 * Does something and waits for a call that comes after it.
	 */
	void await(Runnable cause) {
		this.calls.drainPermits();
		cause.run();
		await();
	}

	/**
	 * Waits for one more call.
	 */
	void await() {
		try {
			if (!this.calls.tryAcquire(Watched.LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS)) {
				throw new AssertionError("No listener was notified");
			}
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

}
