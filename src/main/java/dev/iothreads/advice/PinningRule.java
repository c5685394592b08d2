package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

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
		Map<String, List<IOThread>> busy = new TreeMap<>();
		for (IOThread iothread : situation.iothreads()) {
			Double cpu = situation.cpuPercent(iothread);
			String allowed = iothread.cpusAllowed();
			if (cpu != null && cpu > BUSY && allowed != null) {
				busy.computeIfAbsent(allowed, (cpus) -> new ArrayList<>()).add(iothread);
			}
		}
		List<Advice> found = new ArrayList<>();
		busy.forEach((cpus, iothreads) -> {
			int count = CpuList.parse(cpus).cardinality();
			if (count >= iothreads.size()) {
				return;
			}
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
			found.add(new Advice("pinning", Severity.WARNING,
					"Busy IOThreads %s may run on %s only, %s: they wait for one another.".formatted(
							Situation.join(figures), ((count > 1) ? "CPUs " : "CPU ") + cpus,
							(count > 1) ? "which are %d for %d".formatted(count, iothreads.size()) : "all of them"),
					steps));
		});
		return found;
	}

}
