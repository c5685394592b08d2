/**
 * The service layer: which machines there are, how fresh what we know of them is, and the
 * rules that hold for every machine whatever stands behind it. Controllers and meters ask
 * here; nobody above asks a {@link dev.iothreads.machine.Machine} itself.
 */
@NullMarked
package dev.iothreads.inventory;

import org.jspecify.annotations.NullMarked;
