package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;

import dev.iothreads.machine.HostThreads;
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
 * @param hostThreads finds the threads of a QEMU on this host
 * @param silenceLimit for how long a QEMU that does not answer is waited for before its
 * connection is given up for another one. Longer than a pause that an administrator makes
 * on purpose: with the connection goes what was learnt over it
 */
public record QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
		@Nullable Duration statisticsInterval, HostThreads.Finder hostThreads, Duration silenceLimit) {

	// A host that has vanished is noticed by TCP's keepalive long before.
	private static final Duration SILENCE = Duration.ofMinutes(10);

	/**
	 * Creates options by which a silent QEMU is waited for for ten minutes.
	 * @param connectTimeout how long connecting may take, and the greeting after it
	 * @param commandTimeout how long a reading or a change may take
	 * @param threadFactory makes the one thread that each connection has
	 * @param statisticsInterval how old what the block devices have done may be,
	 * {@code null} when it is never asked for
	 * @param hostThreads finds the threads of a QEMU on this host
	 */
	public QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
			@Nullable Duration statisticsInterval, HostThreads.Finder hostThreads) {
		this(connectTimeout, commandTimeout, threadFactory, statisticsInterval, hostThreads, SILENCE);
	}

	/**
	 * Creates options by which neither block devices nor the host are asked.
	 * @param connectTimeout how long connecting may take, and the greeting after it
	 * @param commandTimeout how long a reading or a change may take
	 * @param threadFactory makes the one thread that each connection has
	 */
	public QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory) {
		this(connectTimeout, commandTimeout, threadFactory, null, HostThreads.Finder.NONE);
	}

}
