/**
 * The benchmark: {@code ./mvnw -Pbench verify} starts real QEMUs, the service in front of
 * them, and beside it what it is held against: the same commands on bare sockets, an
 * empty controller. Every row of its table is a ratio of two figures of one run, so that
 * it tells the same on any machine.
 */
@NullMarked
package dev.iothreads.bench;

import org.jspecify.annotations.NullMarked;
