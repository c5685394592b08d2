package dev.iothreads.qmp;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;

import org.jspecify.annotations.Nullable;

/**
 * How long a client waits, how much it takes, and where its thread comes from.
 *
 * @param connectTimeout how long connecting may take, name resolution included
 * @param greetingTimeout how long the monitor may take to greet once connected;
 * {@code null} waits without end, because a monitor serves one client at a time and
 * greets the next when that one leaves. A greeting that has begun has to end within the
 * command timeout
 * @param commandTimeout how long QEMU may take to answer a command, and
 * {@code qmp_capabilities}
 * @param visitLimit how long a visit ({@link QmpClient#visit}) may last in all,
 * {@code null} for a connection that is held
 * @param maxMessageBytes the longest message accepted, in bytes, 1024 to 1 GiB; a longer
 * one ends the connection
 * @param threadFactory makes the one thread of a connection, of the platform's or a
 * virtual one
 */
public record QmpOptions(Duration connectTimeout, @Nullable Duration greetingTimeout, Duration commandTimeout,
		@Nullable Duration visitLimit, int maxMessageBytes, ThreadFactory threadFactory) {

	private static final long MEBIBYTE = 1024 * 1024;

	static final Duration VISIT_LIMIT = Duration.ofSeconds(1);

	private static final QmpOptions DEFAULTS = new QmpOptions(Duration.ofSeconds(2), Duration.ofSeconds(2),
			Duration.ofSeconds(5), null, longestMessage(Runtime.getRuntime().maxMemory()), QmpOptions::daemon);

	/**
	 * Checks the durations and the limit.
	 * @throws IllegalArgumentException if a duration is not positive or the limit is out
	 * of range
	 */
	public QmpOptions {
		requirePositive("connectTimeout", connectTimeout);
		requirePositive("greetingTimeout", greetingTimeout);
		requirePositive("commandTimeout", commandTimeout);
		requirePositive("visitLimit", visitLimit);
		if (maxMessageBytes < 1024 || maxMessageBytes > 1024 * 1024 * 1024) {
			throw new IllegalArgumentException(
					"maxMessageBytes must be from 1024 to 1 GiB, and not " + maxMessageBytes);
		}
	}

	/**
	 * What suits a monitor on the same host: 2 s to connect, 2 s to be greeted, 5 s for a
	 * command, messages of up to an eighth of the memory beyond 16 MiB (1 MiB at least,
	 * 64 MiB at most), daemon threads of the platform.
	 * @return the defaults
	 */
	public static QmpOptions defaults() {
		return DEFAULTS;
	}

	/**
	 * These options for a visit: 500 ms to connect, 200 ms to be greeted, 1 s in all.
	 * @return the changed copy
	 */
	public QmpOptions forVisit() {
		// The limit of the visit is what ends it, also where a command is unanswered.
		return new QmpOptions(Duration.ofMillis(500), Duration.ofMillis(200), VISIT_LIMIT.multipliedBy(2), VISIT_LIMIT,
				this.maxMessageBytes, this.threadFactory);
	}

	public QmpOptions withConnectTimeout(Duration timeout) {
		return new QmpOptions(timeout, this.greetingTimeout, this.commandTimeout, this.visitLimit, this.maxMessageBytes,
				this.threadFactory);
	}

	public QmpOptions withGreetingTimeout(@Nullable Duration timeout) {
		return new QmpOptions(this.connectTimeout, timeout, this.commandTimeout, this.visitLimit, this.maxMessageBytes,
				this.threadFactory);
	}

	public QmpOptions withCommandTimeout(Duration timeout) {
		return new QmpOptions(this.connectTimeout, this.greetingTimeout, timeout, this.visitLimit, this.maxMessageBytes,
				this.threadFactory);
	}

	public QmpOptions withThreadFactory(ThreadFactory factory) {
		return new QmpOptions(this.connectTimeout, this.greetingTimeout, this.commandTimeout, this.visitLimit,
				this.maxMessageBytes, factory);
	}

	// The longest reply, query-blockstats, has 1 kB for each disk.
	static int longestMessage(long memory) {
		return (int) Math.min(64 * MEBIBYTE, Math.max(MEBIBYTE, spare(memory) / 8));
	}

	/**
	 * The memory that the service does not need for itself.
	 */
	static long spare(long memory) {
		return Math.max(0, memory - 16 * MEBIBYTE);
	}

	private static void requirePositive(String name, @Nullable Duration duration) {
		if (duration != null && (duration.isZero() || duration.isNegative())) {
			throw new IllegalArgumentException(name + " must be longer than 0, and not " + duration);
		}
	}

	private static Thread daemon(Runnable work) {
		Thread thread = new Thread(work);
		thread.setDaemon(true);
		return thread;
	}

}
