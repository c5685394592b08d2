package dev.iothreads.inventory;

import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;

/**
 * The result of a detach.
 *
 * @param gone whether the device is gone; otherwise the guest has yet to release it
 * @param snapshot the machine as it is then
 * @param departure completes when the device is gone. It fails with
 * {@link ChangeRefusedException} when the guest refuses, and with
 * {@link MachineUnavailableException} when the machine was lost meanwhile
 */
public record Detachment(boolean gone, Snapshot snapshot, CompletableFuture<Void> departure) {

}
