package dev.iothreads.machine;

import org.jspecify.annotations.Nullable;

/**
 * A change that the service itself has made, or tried, for a pool.
 *
 * @param machine the machine's name
 * @param iothread the id of the IOThread
 * @param isNew whether it was to be added, and not tuned
 * @param settings what it was to be given
 * @param failure why that failed, {@code null} when it was done
 * @param tookMillis how long it took, in milliseconds
 */
public record PoolChange(String machine, String iothread, boolean isNew, IOThreadSettings settings,
		@Nullable MachineException failure, long tookMillis) {

}
