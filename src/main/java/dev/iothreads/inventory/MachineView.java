package dev.iothreads.inventory;

import dev.iothreads.history.Balance;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * A machine as it is known at this moment.
 *
 * @param name the name the service knows it by
 * @param monitor where it is asked
 * @param readOnly whether the configuration forbids to change it
 * @param status its state
 * @param snapshot what was read of it last, {@code null} unless it is up
 * @param balance how the work of its last minute was spread over its IOThreads
 * @param pool how it stands to its pool, {@code null} when it has none or is not up
 */
public record MachineView(String name, String monitor, boolean readOnly, MachineStatus status,
		@Nullable Snapshot snapshot, Balance balance, @Nullable PoolState pool) {

}
