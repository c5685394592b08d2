package dev.iothreads.qmp;

import java.time.Instant;

import tools.jackson.databind.JsonNode;

/**
 * Something QEMU reports without being asked.
 *
 * @param name the event's name, for example {@code DEVICE_DELETED}
 * @param data what it carries, an empty object if nothing
 * @param timestamp when QEMU says it happened, to the microsecond on the clock of QEMU's
 * host; the moment of receipt if QEMU does not know it (it sends -1 then)
 */
public record QmpEvent(String name, JsonNode data, Instant timestamp) {
}
