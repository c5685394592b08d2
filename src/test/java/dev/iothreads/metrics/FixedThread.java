package dev.iothreads.metrics;

import java.util.Optional;

import dev.iothreads.machine.HostThread;

/**
 * A thread whose time is as the test says.
 */
public final class FixedThread implements HostThread {

	private volatile CpuTime time;

	private volatile boolean ended;

	/**
	 * Creates a thread.
	 * @param userSeconds its time in its own code, in s
	 * @param systemSeconds its time in the kernel, in s
	 */
	public FixedThread(double userSeconds, double systemSeconds) {
		this.time = new CpuTime(userSeconds, systemSeconds);
	}

	void work(double userSeconds, double systemSeconds) {
		this.time = new CpuTime(this.time.userSeconds() + userSeconds, this.time.systemSeconds() + systemSeconds);
	}

	void end() {
		this.ended = true;
	}

	@Override
	public long processId() {
		return 1;
	}

	@Override
	public long threadId() {
		return 2;
	}

	@Override
	public Optional<CpuTime> cpuTime() {
		return this.ended ? Optional.empty() : Optional.of(this.time);
	}

}
