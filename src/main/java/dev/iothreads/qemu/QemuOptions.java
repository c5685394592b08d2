package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;

/**
 * How a QEMU is talked to.
 *
 * @param connectTimeout how long connecting may take, and the greeting after it
 * @param commandTimeout how long a reading or a change may take
 * @param threadFactory makes the one thread that each connection has
 * @param blockStatistics whether to ask what the block devices have done, which is one
 * command more for each reading
 */
public record QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
		boolean blockStatistics) {

	/**
	 * Creates options by which the block devices are not asked.
	 * @param connectTimeout how long connecting may take, and the greeting after it
	 * @param commandTimeout how long a reading or a change may take
	 * @param threadFactory makes the one thread that each connection has
	 */
	public QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory) {
		this(connectTimeout, commandTimeout, threadFactory, false);
	}

}
