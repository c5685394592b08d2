/**
 * Meters, one binder for each concern. They look at the last snapshot of each machine and
 * never ask a machine themselves.
 */
@NullMarked
package dev.iothreads.metrics;

import org.jspecify.annotations.NullMarked;
