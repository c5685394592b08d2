package dev.iothreads.inventory;

import dev.iothreads.machine.Snapshot;

/**
 * What came of a detach.
 *
 * @param gone whether the device has gone; otherwise the guest has yet to let go
 * @param snapshot the machine as it is then
 */
public record Detachment(boolean gone, Snapshot snapshot) {

}
