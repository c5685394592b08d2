package dev.iothreads.advice;

import java.util.List;
import java.util.Objects;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.IOThread;

/**
 * Finds machines with at least twice as many IOThreads as they need. What the devices
 * together use leaves each of those that stay three quarters of a CPU for a peak.
 */
final class SurplusRule implements Rule {

	private static final double USED_BY_EACH = 25;

	// A machine at rest says nothing of what it needs.
	private static final double LEAST = 5;

	@Override
	public List<Advice> examine(Situation situation) {
		List<IOThread> used = situation.iothreads()
			.stream()
			.filter((iothread) -> !iothread.attached().isEmpty())
			.toList();
		if (used.stream().anyMatch((iothread) -> situation.cpuPercent(iothread) == null)) {
			return List.of();
		}
		List<Double> percent = used.stream()
			.map((iothread) -> Objects.requireNonNull(situation.cpuPercent(iothread)))
			.toList();
		double sum = percent.stream().mapToDouble(Double::doubleValue).sum();
		int enough = (int) Math.ceil(sum / USED_BY_EACH);
		if (sum < LEAST || enough * 2 > used.size()) {
			return List.of();
		}
		return List.of(new Advice("surplus", Severity.INFO,
				Situation.format(
						"%d IOThreads have devices, and none of them uses more than %.0f %% of a CPU: %d would do "
								+ "for this load.",
						used.size(), percent.stream().mapToDouble(Double::doubleValue).max().orElseThrow(), enough),
				List.of("Nothing has to be done now: an IOThread that waits costs no CPU time.",
						"At the next boot give the machine %d, with iothread= of its devices spread over them. Keep more where "
							.formatted(enough) + "a higher load comes at another time.")));
	}

}
