package dev.iothreads.libvirt.rpc;

import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;

/**
 * How to connect.
 *
 * @param uri which driver to open, such as {@code qemu:///system}
 * @param readOnly whether libvirt is to refuse changes
 * @param openTimeout how long it may take until calls are taken
 * @param callTimeout how long a call may take that has no deadline of its own
 * @param threadFactory makes the one thread that each connection has
 * @param scheduler watches the deadlines; it is never blocked
 */
public record RpcOptions(String uri, boolean readOnly, Duration openTimeout, Duration callTimeout,
		ThreadFactory threadFactory, ScheduledExecutorService scheduler) {

}
