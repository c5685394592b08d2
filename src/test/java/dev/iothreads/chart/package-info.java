/**
 * The Helm chart, rendered by the real Helm and checked against the strict Kubernetes
 * model.
 */
@NullMarked
package dev.iothreads.chart;

import org.jspecify.annotations.NullMarked;
