package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.List;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.IOThread;
import org.jspecify.annotations.Nullable;

/**
 * Finds IOThreads that use a CPU for waiting. An IOThread that has nothing to do polls
 * for {@code poll-max-ns} at most before it sleeps
 * ({@code docs: qapi/qom.json, IothreadProperties}). So its polling takes no more than
 * that time for each operation: CPU time beyond it is work.
 */
final class PollingRule implements Rule {

	/** QEMU's default (source: iothread.c, IOTHREAD_POLL_MAX_NS_DEFAULT). */
	private static final long DEFAULT_NS = 32_768;

	private static final double WORTH_A_WORD = 10;

	// What an operation costs besides: measured, see src/docs/advice.md.
	private static final double WORK_SECONDS = 60e-6;

	private static final double HALF = 0.5;

	private static final double PERCENT = 100;

	@Override
	public List<Advice> examine(Situation situation) {
		List<Advice> found = new ArrayList<>();
		for (IOThread iothread : situation.iothreads()) {
			Double cpu = situation.cpuPercent(iothread);
			Double operations = situation.operations(iothread);
			Long poll = situation.pollMaxNs(iothread);
			Double then = workPercent(situation, iothread);
			if (cpu == null || operations == null || poll == null || then == null) {
				continue;
			}
			if (cpu >= WORTH_A_WORD && then < cpu) {
				found.add(new Advice("polling", Severity.WARNING, Situation.format(
						"IOThread %s uses %.0f %% of a CPU for %.0f operations a second: it is polling (poll-max-ns %d). "
								+ "%d, QEMU's default, would cost about %.0f %%, and an operation could begin some µs later.",
						iothread.id(), cpu, operations, poll, DEFAULT_NS, Math.max(1, then)),
						Steps.pollMaxNs(situation, iothread.id(), DEFAULT_NS)));
			}
		}
		return found;
	}

	/**
	 * Returns what an IOThread uses of a CPU for its work: where it polls more than it
	 * works, what it would use with QEMU's default.
	 * @param situation the figures of its machine
	 * @param iothread the IOThread
	 * @return the mean, in % of one CPU; {@code null} where it is not known
	 */
	static @Nullable Double workPercent(Situation situation, IOThread iothread) {
		Double cpu = situation.cpuPercent(iothread);
		Double operations = situation.operations(iothread);
		Long poll = situation.pollMaxNs(iothread);
		if (cpu == null || operations == null || poll == null || poll <= DEFAULT_NS) {
			return cpu;
		}
		double then = PERCENT * operations * (DEFAULT_NS / 1e9 + WORK_SECONDS);
		return (then < cpu * HALF) ? (Double) then : cpu;
	}

}
