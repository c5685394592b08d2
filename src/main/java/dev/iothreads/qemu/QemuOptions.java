package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.function.Predicate;

import dev.iothreads.machine.HostThreads;
import dev.iothreads.qmp.QmpOptions;
import org.jspecify.annotations.Nullable;

/**
 * How to talk to a QEMU.
 *
 * @param connectTimeout how long connecting may take, and the greeting after it
 * @param commandTimeout how long a reading or a change may take
 * @param threadFactory makes the one thread that each connection has
 * @param statisticsInterval how old the counts of the block devices may be before a
 * reading asks for them again; {@code null} when it never does
 * @param hostThreads finds the threads of a QEMU on this host
 * @param unresponsiveLimit after how long without an answer the connection is given up
 * for another one. Longer than a pause that an administrator makes on purpose: what was
 * learnt over a connection ends with it
 * @param leaving whether a device, by its id, was asked to go by other means than this
 * connection
 */
public record QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
		@Nullable Duration statisticsInterval, HostThreads.Finder hostThreads, Duration unresponsiveLimit,
		Predicate<String> leaving) {

	// TCP's keepalive notices a host that has vanished long before.
	private static final Duration UNRESPONSIVE_LIMIT = Duration.ofMinutes(10);

	/**
	 * Creates options that give a QEMU ten minutes to answer.
	 * @param connectTimeout how long connecting may take, and the greeting after it
	 * @param commandTimeout how long a reading or a change may take
	 * @param threadFactory makes the one thread that each connection has
	 * @param statisticsInterval how old the counts of the block devices may be, or
	 * {@code null}
	 * @param hostThreads finds the threads of a QEMU on this host
	 */
	public QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
			@Nullable Duration statisticsInterval, HostThreads.Finder hostThreads) {
		this(connectTimeout, commandTimeout, threadFactory, statisticsInterval, hostThreads, UNRESPONSIVE_LIMIT,
				(device) -> false);
	}

	/**
	 * Returns the same options for a QEMU whose devices are asked to go by other means,
	 * too.
	 * @param other whether a device, by its id, was asked so
	 * @return the options
	 */
	public QemuOptions withLeaving(Predicate<String> other) {
		return new QemuOptions(this.connectTimeout, this.commandTimeout, this.threadFactory, this.statisticsInterval,
				this.hostThreads, this.unresponsiveLimit, other);
	}

	/**
	 * Returns the options of a connection that waits for its greeting without end.
	 */
	QmpOptions ofConnection() {
		return QmpOptions.defaults()
			.withConnectTimeout(this.connectTimeout)
			.withGreetingTimeout(null)
			.withCommandTimeout(this.commandTimeout)
			.withThreadFactory(this.threadFactory);
	}

}
