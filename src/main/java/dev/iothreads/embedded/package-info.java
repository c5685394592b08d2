/**
 * A machine in memory that behaves as a QEMU does.
 */
@NullMarked
package dev.iothreads.embedded;

import org.jspecify.annotations.NullMarked;
