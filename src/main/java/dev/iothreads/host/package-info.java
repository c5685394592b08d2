/**
 * What Linux shows in {@code /proc}: which process is a QEMU, and the CPU time of its
 * IOThreads' threads. No other package opens {@code /proc}.
 */
@NullMarked
package dev.iothreads.host;

import org.jspecify.annotations.NullMarked;
