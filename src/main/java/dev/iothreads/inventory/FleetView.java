package dev.iothreads.inventory;

import java.util.List;
import java.util.SortedMap;

import dev.iothreads.machine.Snapshot;

/**
 * Many machines at once: those that answered, and those that did not.
 *
 * @param snapshots the snapshots by the machine's name
 * @param unavailable the names of the machines that could not be read, sorted
 */
public record FleetView(SortedMap<String, Snapshot> snapshots, List<String> unavailable) {

}
