/**
 * A {@link dev.iothreads.machine.Machine} that is a QEMU, asked over its monitor. It
 * knows where in the QOM tree IOThreads are found, from QEMU 7.2 on, and what it costs to
 * read: what cannot change is asked once, and a reading after that is at most three
 * commands, and a fourth for what the block devices have done. Below QEMU 10.1 a reading
 * that comes more than 10 s after the last one takes one more.
 */
@NullMarked
package dev.iothreads.qemu;

import org.jspecify.annotations.NullMarked;
