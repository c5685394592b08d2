/**
 * The domain: machines, their IOThreads and devices, in plain Java without I/O.
 */
@NullMarked
package dev.iothreads.machine;

import org.jspecify.annotations.NullMarked;
