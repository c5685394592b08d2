package dev.iothreads.metrics;

import java.time.Duration;

import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThread.CpuTime;
import org.jspecify.annotations.Nullable;

/**
 * The CPU time of one thread, read once for all rows of a page. Of a thread that has
 * ended it tells what was read last: the next reading of its machine takes it away.
 */
final class CpuClock {

	private static final Duration FRESH = Duration.ofMillis(250);

	private final HostThread thread;

	private CpuTime last;

	private long readAt;

	private CpuClock(HostThread thread, CpuTime first) {
		this.thread = thread;
		this.last = first;
		this.readAt = System.nanoTime();
	}

	/**
	 * Makes the clock of a thread.
	 * @param thread the thread
	 * @return the clock, {@code null} when the thread has ended already
	 */
	static @Nullable CpuClock of(HostThread thread) {
		return thread.cpuTime().map((time) -> new CpuClock(thread, time)).orElse(null);
	}

	HostThread thread() {
		return this.thread;
	}

	synchronized CpuTime read() {
		long now = System.nanoTime();
		if (now - this.readAt > FRESH.toNanos()) {
			this.last = this.thread.cpuTime().orElse(this.last);
			this.readAt = now;
		}
		return this.last;
	}

}
