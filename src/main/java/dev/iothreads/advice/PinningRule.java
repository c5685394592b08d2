package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.CpuList;
import dev.iothreads.machine.IOThread;

/**
 * Finds busy IOThreads that may run on fewer CPUs than they are. Each waits while another
 * runs ({@code man sched_setaffinity}).
 */
final class PinningRule implements Rule {

	private static final double BUSY = 25;

	@Override
	public List<Advice> examine(Situation situation) {
		Map<IOThread, BitSet> busy = new LinkedHashMap<>();
		for (IOThread iothread : situation.iothreads()) {
			Double cpu = situation.cpuPercent(iothread);
			if (cpu != null && cpu > BUSY && iothread.cpusAllowed() != null) {
				busy.put(iothread, CpuList.parse(iothread.cpusAllowed()));
			}
		}
		List<Advice> found = new ArrayList<>();
		// What is found for few CPUs is not counted again for more.
		BitSet named = new BitSet();
		busy.values().stream().distinct().sorted(Comparator.comparingInt(BitSet::cardinality)).forEach((cpus) -> {
			List<IOThread> within = busy.keySet()
				.stream()
				.filter((iothread) -> isWithin(Objects.requireNonNull(busy.get(iothread)), cpus, named))
				.toList();
			BitSet free = (BitSet) cpus.clone();
			free.andNot(named);
			if (within.size() > free.cardinality()) {
				found.add(advice(situation, within, free));
				named.or(cpus);
			}
		});
		return found;
	}

	private static boolean isWithin(BitSet some, BitSet cpus, BitSet named) {
		BitSet others = (BitSet) some.clone();
		others.andNot(cpus);
		BitSet left = (BitSet) some.clone();
		left.andNot(named);
		return others.isEmpty() && !left.isEmpty();
	}

	private static Advice advice(Situation situation, List<IOThread> iothreads, BitSet cpus) {
		int count = cpus.cardinality();
		List<String> figures = iothreads.stream()
			.map((iothread) -> Situation.format("%s (%.0f %%)", iothread.id(),
					Objects.requireNonNullElse(situation.cpuPercent(iothread), 0.0)))
			.toList();
		List<String> steps = new ArrayList<>();
		steps.add("Give each a CPU of its own, on the host:");
		for (IOThread iothread : iothreads) {
			steps.add(situation.isOfLibvirt()
					? "virsh iothreadpin %s %s CPU".formatted(situation.domain(),
							iothread.id().replaceFirst("^iothread", ""))
					: "taskset -cp CPU %d".formatted(iothread.threadId()));
		}
		return new Advice("pinning", Severity.WARNING,
				"Busy IOThreads %s may run on %s only, %s: they wait for one another.".formatted(
						Situation.join(figures), ((count > 1) ? "CPUs " : "CPU ") + CpuList.format(cpus),
						(count > 1) ? "which are %d for %d".formatted(count, iothreads.size()) : "all of them"),
				steps);
	}

}
