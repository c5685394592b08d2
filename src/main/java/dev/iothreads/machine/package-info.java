/**
 * The domain: what a machine is, which IOThreads it has and what runs on them. A
 * {@link dev.iothreads.machine.Snapshot} never changes; a
 * {@link dev.iothreads.machine.Machine} is the port behind which a QEMU, or a stand-in,
 * is asked and told. Plain Java: nobody here has heard of HTTP, QMP or Spring.
 */
@NullMarked
package dev.iothreads.machine;

import org.jspecify.annotations.NullMarked;
