package dev.iothreads.machine;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * What the SCSI controllers of one QEMU process have done: the sums of what their disks
 * have. What a disk did that has gone meanwhile stays with its controller: a count does
 * not go back. With the disk QEMU drops its counts, so what it did since the last reading
 * is not known. It is safe for use by several threads.
 */
public final class IoSums {

	private final Map<String, Map<String, Map<IoOperation, IoCount>>> members = new HashMap<>();

	private final Map<String, Map<IoOperation, IoCount>> departed = new HashMap<>();

	// The disks that were deleted, each with the last reading that had begun by then.
	private final Map<String, Long> deleted = new HashMap<>();

	private long turns;

	private long latestTurn;

	/**
	 * Begins a reading of the counts.
	 * @return its number, from 1, above those of the readings that had begun before
	 */
	public synchronized long nextTurn() {
		return ++this.turns;
	}

	/**
	 * Keeps the counts of a reading, unless these or those of one that began later were
	 * kept already.
	 * @param turn the reading's number
	 * @param counts what each disk has done, by QOM path
	 * @param controllers the controllers of disks, both by their QOM paths
	 * @return the counts of the disks that are present, and of the controllers; or
	 * {@code null} if nothing is new
	 */
	public synchronized @Nullable Map<String, Map<IoOperation, IoCount>> keep(long turn,
			Map<String, Map<IoOperation, IoCount>> counts, Map<String, String> controllers) {
		if (turn <= this.latestTurn) {
			return null; // they are known, or those of a later reading that was quicker
		}
		this.latestTurn = turn;
		this.deleted.values().removeIf((begun) -> begun < turn);
		Map<String, Map<IoOperation, IoCount>> all = new HashMap<>(counts);
		all.keySet().removeAll(this.deleted.keySet());
		Map<String, Map<String, Map<IoOperation, IoCount>>> present = new HashMap<>();
		all.forEach((path, disk) -> {
			String controller = controllers.get(path);
			if (controller != null) {
				present.computeIfAbsent(controller, (added) -> new HashMap<>()).put(path, disk);
			}
		});
		this.members.forEach((controller, before) -> before.forEach((path, last) -> {
			Map<IoOperation, IoCount> now = present.getOrDefault(controller, Map.of()).get(path);
			if (now == null || isLess(now, last)) {
				this.departed.merge(controller, last, IoSums::sum);
			}
		}));
		this.members.keySet().retainAll(present.keySet());
		this.members.putAll(present);
		for (String controller : known()) {
			Map<IoOperation, IoCount> total = this.departed.getOrDefault(controller, Map.of());
			for (Map<IoOperation, IoCount> disk : present.getOrDefault(controller, Map.of()).values()) {
				total = sum(total, disk);
			}
			all.put(controller, total);
		}
		return all;
	}

	/**
	 * Forgets a disk or a controller that was deleted: another one may get its path.
	 * @param path its QOM path
	 */
	public synchronized void forget(String path) {
		this.members.forEach((controller, disks) -> {
			Map<IoOperation, IoCount> counts = disks.remove(path);
			if (counts != null) {
				this.departed.merge(controller, counts, IoSums::sum);
				this.deleted.put(path, this.turns);
			}
		});
		this.members.remove(path);
		this.departed.remove(path);
	}

	/**
	 * Returns the controllers whose sums are kept.
	 * @return their QOM paths
	 */
	public synchronized Set<String> known() {
		Set<String> known = new HashSet<>(this.departed.keySet());
		known.addAll(this.members.keySet());
		return known;
	}

	private static boolean isLess(Map<IoOperation, IoCount> now, Map<IoOperation, IoCount> before) {
		return before.entrySet()
			.stream()
			.anyMatch((count) -> now.getOrDefault(count.getKey(), IoCount.ZERO).operations() < count.getValue()
				.operations());
	}

	private static Map<IoOperation, IoCount> sum(Map<IoOperation, IoCount> one, Map<IoOperation, IoCount> other) {
		Map<IoOperation, IoCount> sum = new EnumMap<>(IoOperation.class);
		sum.putAll(one);
		other.forEach((operation, count) -> sum.merge(operation, count, IoCount::plus));
		return sum;
	}

}
