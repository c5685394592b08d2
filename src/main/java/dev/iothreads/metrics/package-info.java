/**
 * Metrics, one topic for each concern. They look at the last snapshot of each machine and
 * never ask a machine themselves; where a snapshot says which threads of this host are a
 * machine's, their CPU time is read when somebody looks.
 */
@NullMarked
package dev.iothreads.metrics;

import org.jspecify.annotations.NullMarked;
