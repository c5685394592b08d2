package dev.iothreads.history;

import org.jspecify.annotations.Nullable;

/**
 * How busy an IOThread was over some time.
 *
 * @param id the IOThread's id
 * @param cpuPercent the CPU time of its thread, in % of one CPU; {@code null} where that
 * is not known
 * @param operations what its devices completed, per second; {@code null} where that is
 * not known
 */
public record Load(String id, @Nullable Double cpuPercent, @Nullable Double operations) {

}
