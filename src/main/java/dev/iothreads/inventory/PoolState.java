package dev.iothreads.inventory;

import org.jspecify.annotations.Nullable;

/**
 * How a machine stands to the pool that it is to have.
 *
 * @param missing how many IOThreads of the pool it does not have
 * @param reason why, or why their settings differ, and what to do; {@code null} where
 * there is nothing to say
 */
public record PoolState(int missing, @Nullable String reason) {

}
