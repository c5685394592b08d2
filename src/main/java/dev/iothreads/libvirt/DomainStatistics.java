package dev.iothreads.libvirt;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

import dev.iothreads.libvirt.DomainDescription.KnownDisk;
import dev.iothreads.libvirt.Hypervisor.Statistics;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.IoSums;
import org.jspecify.annotations.Nullable;

/**
 * What the disks of one run of a domain have done, as libvirt counts it. libvirt does not
 * count what was unmapped.
 */
final class DomainStatistics {

	private final Domain domain;

	private final @Nullable Duration interval;

	private final IoSums sums = new IoSums();

	private volatile @Nullable Counted counted;

	private volatile Map<String, Map<IoOperation, IoCount>> latest = Map.of();

	DomainStatistics(Domain domain, @Nullable Duration interval) {
		this.domain = domain;
		this.interval = interval;
	}

	/**
	 * Asks libvirt, for the disks only where they are due.
	 * @param hypervisor the connection to ask
	 * @param answered called with what libvirt answered
	 * @return what was counted last
	 */
	CompletableFuture<Counted> count(Hypervisor hypervisor, Consumer<Statistics> answered) {
		Counted before = this.counted;
		boolean due = this.interval != null
				&& (before == null || before.at().plus(this.interval).compareTo(Instant.now()) < 0);
		Instant now = Instant.now();
		long turn = due ? this.sums.nextTurn() : 0;
		return hypervisor.statistics(this.domain, due).thenApply((statistics) -> {
			Counted counts = (due && !statistics.texts().isEmpty()) ? new Counted(turn, now, statistics)
					: (before != null) ? before : new Counted(0, now, Statistics.NONE);
			if (due) {
				keep(counts);
			}
			answered.accept(statistics);
			return counts;
		});
	}

	// An answer may come later than that to a later question.
	private synchronized void keep(Counted counts) {
		Counted known = this.counted;
		if (known == null || known.turn() <= counts.turn()) {
			this.counted = counts;
		}
	}

	/**
	 * Returns what each device on IOThreads has done, and each disk behind one, by QOM
	 * path.
	 */
	Map<String, Map<IoOperation, IoCount>> io(DomainDescription description, Counted read) {
		if (read.blocks().texts().isEmpty()) {
			return Map.of();
		}
		Map<String, Map<IoOperation, IoCount>> io = new HashMap<>();
		Map<String, String> controllers = new HashMap<>();
		read.blocks().texts().forEach((key, target) -> {
			if (!key.startsWith("block.") || !key.endsWith(".name")) {
				return;
			}
			String prefix = key.substring(0, key.length() - "name".length());
			for (KnownDisk disk : description.disks()) {
				String path = disk.target().equals(target) ? disk.counted() : null;
				if (path == null) {
					continue;
				}
				Map<IoOperation, IoCount> counts = io.computeIfAbsent(path, (same) -> new EnumMap<>(IoOperation.class));
				Map.of(IoOperation.READ, "rd", IoOperation.WRITE, "wr", IoOperation.FLUSH, "fl")
					.forEach((operation, word) -> add(counts, operation, read.blocks().numbers(), prefix + word));
				if (disk.worker() != null && disk.behindController() != null) {
					controllers.put(path, disk.worker());
				}
			}
		});
		Map<String, Map<IoOperation, IoCount>> kept = this.sums.keep(read.turn(), io, controllers);
		if (kept != null) {
			this.latest = kept;
		}
		return this.latest;
	}

	/**
	 * Forgets a device that has gone.
	 */
	void forget(String alias) {
		this.sums.forget(DomainDescription.PERIPHERAL + alias);
		this.sums.forget(DomainDescription.PERIPHERAL + alias + "/virtio-backend");
	}

	private static void add(Map<IoOperation, IoCount> counts, IoOperation operation, Map<String, Long> numbers,
			String prefix) {
		Long operations = numbers.get(prefix + ".reqs");
		if (operations != null) {
			counts.merge(operation, new IoCount(operations, numbers.getOrDefault(prefix + ".bytes", 0L),
					numbers.getOrDefault(prefix + ".times", 0L)), IoCount::plus);
		}
	}

	/**
	 * What libvirt has answered.
	 *
	 * @param turn the reading's number, 0 when there was none
	 * @param at when it was asked
	 * @param blocks what it said of the disks
	 */
	record Counted(long turn, Instant at, Statistics blocks) {

	}

}
