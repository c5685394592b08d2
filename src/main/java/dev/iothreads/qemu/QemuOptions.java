package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;

/**
 * How a QEMU is talked to.
 *
 * @param connectTimeout how long connecting may take, and the greeting after it
 * @param commandTimeout how long a reading or a change may take
 * @param threadFactory makes the one thread that each connection has
 */
public record QemuOptions(Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory) {

}
