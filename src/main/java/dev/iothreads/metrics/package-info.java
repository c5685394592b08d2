/**
 * Metrics: one {@link io.micrometer.core.instrument.binder.MeterBinder} for each concern.
 * They show the last snapshot of each machine and never ask a machine; only the CPU time
 * of a thread is read when a registry asks for it.
 */
@NullMarked
package dev.iothreads.metrics;

import org.jspecify.annotations.NullMarked;
