/**
 * A {@link dev.iothreads.machine.Machine} in memory, for trying things without a QEMU. It
 * behaves as a QEMU does; where the two differ, this one is wrong.
 */
@NullMarked
package dev.iothreads.embedded;

import org.jspecify.annotations.NullMarked;
