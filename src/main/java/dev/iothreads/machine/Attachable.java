package dev.iothreads.machine;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;

/**
 * What a machine has, at one moment, that a device could be attached with.
 *
 * @param observedAt when the machine was asked
 * @param drives the block nodes that no device serves and none is known to build upon, in
 * the order of their names
 * @param buses the buses with room for one device more while the machine runs, in the
 * order of their names; empty where QEMU itself finds a place
 */
public record Attachable(Instant observedAt, List<String> drives, List<String> buses) {

	// disk2 comes before disk10.
	private static final Comparator<String> BY_NAME = Comparator
		.comparing((String name) -> name.replaceAll("\\d+$", ""))
		.thenComparing(String::length)
		.thenComparing(Comparator.naturalOrder());

	public Attachable {
		drives = drives.stream().distinct().sorted(BY_NAME).toList();
		buses = buses.stream().distinct().sorted(BY_NAME).toList();
	}

}
