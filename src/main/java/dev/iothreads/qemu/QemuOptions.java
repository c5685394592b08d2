package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;

import org.jspecify.annotations.Nullable;

/**
 * How a QEMU is talked to.
 *
 * @param connectTimeout how long connecting may take, and the greeting after it
 * @param commandTimeout how long a reading or a change may take
 * @param threadFactory makes the one thread that each connection has
 * @param statisticsInterval how old what the block devices have done may be before a
 * reading asks for it again, which is one command more; {@code null} when it is never
 * asked for
 */
public record QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
		@Nullable Duration statisticsInterval) {

	/**
	 * Creates options by which the block devices are not asked.
	 * @param connectTimeout how long connecting may take, and the greeting after it
	 * @param commandTimeout how long a reading or a change may take
	 * @param threadFactory makes the one thread that each connection has
	 */
	public QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory) {
		this(connectTimeout, commandTimeout, threadFactory, null);
	}

}
