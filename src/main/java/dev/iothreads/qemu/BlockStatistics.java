package dev.iothreads.qemu;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;

import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.IoSums;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What the block devices of one QEMU process have done
 * ({@code docs: qapi/block-core.json}, {@code query-blockstats}).
 * <p>
 * QEMU counts for each disk. The disks of a SCSI controller run where their controller
 * does, so what they do is the controller's too.
 */
final class BlockStatistics {

	private static final QmpCommand QUERY = Command.QUERY_BLOCKSTATS.plain();

	private static final List<Members> MEMBERS = List.of(Members.of(IoOperation.READ, "rd"),
			Members.of(IoOperation.WRITE, "wr"), Members.of(IoOperation.FLUSH, "flush"),
			Members.of(IoOperation.UNMAP, "unmap"), Members.of(IoOperation.ZONE_APPEND, "zone_append"));

	// Deleted ones are forgotten by their event. Only a monitor that names others each
	// time comes to so many.
	private static final int MOST_OWNERS = 4096;

	private final QmpMonitor monitor;

	private final Duration interval;

	private final IoSums sums = new IoSums();

	private volatile Counted latest = Counted.NOTHING;

	private volatile boolean invalidated;

	BlockStatistics(QmpMonitor monitor, Duration interval) {
		this.monitor = monitor;
		this.interval = interval;
	}

	boolean areDue() {
		return this.invalidated || this.latest == Counted.NOTHING
				|| System.nanoTime() - this.latest.begun() >= this.interval.toNanos();
	}

	/**
	 * Returns what each device had done when QEMU was asked last. It never waits.
	 */
	Counted latest() {
		return this.latest;
	}

	/**
	 * Asks QEMU.
	 * @return what it answers. It fails with what the monitor failed with, and with
	 * {@link InvalidReplyException} when there is more than any QEMU has
	 */
	CompletableFuture<Reading> read() {
		this.invalidated = false;
		Turn turn = new Turn(this.sums.nextTurn(), Instant.now(), System.nanoTime());
		return ask(QUERY).thenApply((answer) -> {
			Map<String, JsonNode> entries = entries(answer);
			Map<String, Map<IoOperation, IoCount>> disks = new LinkedHashMap<>();
			Map<String, String> drives = new HashMap<>();
			entries.forEach((path, entry) -> {
				disks.put(path, counts(entry.path("stats")));
				// A drive that was given by -drive has a name besides that of its node.
				String drive = entry.path("device").asString("");
				drives.put(Qom.device(path), drive.isEmpty() ? entry.path("node-name").asString("") : drive);
			});
			return new Reading(turn, disks, drives);
		});
	}

	/**
	 * Lets the next reading ask QEMU, however young the counts are.
	 */
	void invalidate() {
		this.invalidated = true;
	}

	/**
	 * Forgets a device that was deleted: another one may get its path.
	 */
	synchronized void forget(String path) {
		this.sums.forget(path);
		Map<String, Map<IoOperation, IoCount>> rest = new HashMap<>(this.latest.io());
		if (rest.remove(path) != null) {
			this.latest = this.latest.with(rest);
		}
	}

	private static Map<String, JsonNode> entries(@Nullable JsonNode answer) {
		Map<String, JsonNode> entries = new LinkedHashMap<>();
		if (answer != null && answer.isArray()) {
			InvalidReplyException.requireAtMost(Learning.MOST_DEVICES, "disks", answer.size());
			for (JsonNode entry : answer) {
				String device = entry.path("qdev").asString("");
				if (!device.isEmpty()) {
					entries.put(Qom.checkedPath(Qom.ofDisk(device)), entry);
				}
			}
		}
		return entries;
	}

	private static Map<IoOperation, IoCount> counts(JsonNode stats) {
		Map<IoOperation, IoCount> counts = new EnumMap<>(IoOperation.class);
		for (Members members : MEMBERS) {
			IoCount count = new IoCount(stats.path(members.operations()).asLong(0),
					stats.path(members.bytes()).asLong(0), stats.path(members.nanoseconds()).asLong(0));
			// Hardly any device has zones.
			if (members.of() != IoOperation.ZONE_APPEND || !count.equals(IoCount.ZERO)) {
				counts.put(members.of(), count);
			}
		}
		return counts;
	}

	/**
	 * Keeps what QEMU has answered, unless a later answer was kept already.
	 * @param reading what it has answered
	 * @param known the disks of controllers by their QOM paths
	 */
	synchronized void keep(Reading reading, Map<String, Knowledge.KnownDisk> known) {
		Map<String, String> controllers = new HashMap<>();
		known.forEach((path, disk) -> controllers.put(path, disk.controller()));
		Set<String> named = this.sums.known();
		reading.counts()
			.keySet()
			.stream()
			.flatMap((path) -> Stream.ofNullable(controllers.get(path)))
			.forEach(named::add);
		InvalidReplyException.requireAtMost(MOST_OWNERS, "controllers of disks", named.size());
		Turn turn = reading.turn();
		Map<String, Map<IoOperation, IoCount>> counts = this.sums.keep(turn.number(), reading.counts(), controllers);
		if (counts != null) {
			this.latest = new Counted(counts, turn.observedAt(), turn.begun());
		}
	}

	private CompletableFuture<@Nullable JsonNode> ask(QmpCommand command) {
		return this.monitor.executeAll(List.of(command)).get(0).handle((answer, failure) -> {
			if (failure == null || failure instanceof QmpCommandException) {
				// It has gone since, or this QEMU does not know the command.
				return answer;
			}
			throw new CompletionException(failure);
		});
	}

	/**
	 * The members of QEMU's answer that count one operation.
	 */
	private record Members(IoOperation of, String operations, String bytes, String nanoseconds) {

		static Members of(IoOperation operation, String prefix) {
			return new Members(operation, prefix + "_operations", prefix + "_bytes", prefix + "_total_time_ns");
		}

	}

	/**
	 * A reading's place among the others.
	 */
	record Turn(long number, Instant observedAt, long begun) {

	}

	/**
	 * What QEMU has answered.
	 *
	 * @param turn when
	 * @param counts what each disk has done, by its QOM path
	 * @param drives the block node that each device serves, by the device's QOM path
	 */
	record Reading(Turn turn, Map<String, Map<IoOperation, IoCount>> counts, Map<String, String> drives) {

	}

	/**
	 * What was counted.
	 *
	 * @param io what each device has done, by its QOM path; nothing where QEMU refuses
	 * @param observedAt when that was asked for; {@code null} when it never was
	 * @param begun the same by {@link System#nanoTime()}
	 */
	record Counted(Map<String, Map<IoOperation, IoCount>> io, @Nullable Instant observedAt, long begun) {

		static final Counted NOTHING = new Counted(Map.of(), null, 0);

		Counted with(Map<String, Map<IoOperation, IoCount>> counts) {
			return new Counted(counts, this.observedAt, this.begun);
		}

	}

}
