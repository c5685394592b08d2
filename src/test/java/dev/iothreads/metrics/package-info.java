/**
 * What Prometheus gets to see: from machines that are puppets, from real QEMUs, and, in
 * the end, by a real Prometheus with our rules.
 */
@NullMarked
package dev.iothreads.metrics;

import org.jspecify.annotations.NullMarked;
