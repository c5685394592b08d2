package dev.iothreads.libvirt;

import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.function.BiFunction;
import java.util.function.Predicate;

import dev.iothreads.machine.HostThreads;
import org.jspecify.annotations.Nullable;

/**
 * How to talk to libvirt.
 *
 * @param address which daemon
 * @param domains which domains are machines, by their names
 * @param readOnly whether no domain may be changed. libvirt then refuses changes, too
 * @param monitored whether QEMUs are asked through libvirt, which then notes that they
 * were
 * @param connectTimeout how long connecting may take
 * @param commandTimeout how long a reading or a change may take
 * @param threadFactory makes the one thread that each connection has
 * @param scheduler runs what is due later; it is never blocked
 * @param statisticsInterval how old the counts of the block devices may be before a
 * reading asks for them again; {@code null} when it never does
 * @param hostThreads finds the threads of a QEMU on this host
 * @param own names the socket that the QEMU of a machine, by its name and UUID, may make
 * for the service, or {@code null}
 */
public record LibvirtOptions(LibvirtAddress address, Predicate<String> domains, boolean readOnly, boolean monitored,
		Duration connectTimeout, Duration commandTimeout, ThreadFactory threadFactory,
		ScheduledExecutorService scheduler, @Nullable Duration statisticsInterval, HostThreads.Finder hostThreads,
		BiFunction<String, UUID, @Nullable Path> own) {

}
