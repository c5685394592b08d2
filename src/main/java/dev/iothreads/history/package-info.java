/**
 * What IOThreads did in the last minutes, and what follows from that.
 */
@NullMarked
package dev.iothreads.history;

import org.jspecify.annotations.NullMarked;
