package dev.iothreads.advice;

import java.net.URI;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;

import dev.iothreads.history.History;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * Asks every rule about a machine.
 */
public final class Adviser {

	/** For how long a machine has to be as it is, at least. */
	public static final Duration LEAST = Duration.ofMinutes(5);

	private static final List<Rule> RULES = List.of(new PinningRule(), new PollingRule(), new PlacementRule(),
			new SpreadRule(), new MainLoopRule(), new VirtqueueRule(), new SurplusRule(), new UnusedRule());

	private final Duration least;

	/**
	 * Creates an adviser.
	 * @param least for how long a machine has to be as it is, at least
	 */
	public Adviser(Duration least) {
		this.least = least;
	}

	/**
	 * Looks at a machine.
	 * @param machine its name
	 * @param snapshot what was read of it last
	 * @param means its figures since it is as it is now
	 * @param service where clients reach the service that may change it; {@code null}
	 * where no service may, so that no step is a request
	 * @return what could be better
	 */
	public Report examine(String machine, Snapshot snapshot, History.Means means, @Nullable URI service) {
		String runState = snapshot.identity().runState();
		if (runState != null && !runState.equals("running")) {
			return new Report(means.observed(),
					"The guest is in run state %s. Ask again when it has run for %d minutes.".formatted(runState,
							this.least.toMinutes()),
					List.of());
		}
		if (means.observed().compareTo(this.least) < 0) {
			return new Report(means.observed(),
					"Its IOThreads and devices are as they are now for %d minutes, and %d are needed. Ask again then."
						.formatted(means.observed().toMinutes(), this.least.toMinutes()),
					List.of());
		}
		Situation situation = new Situation(machine, snapshot, means, service);
		return new Report(means.observed(), missing(means),
				RULES.stream()
					.flatMap((rule) -> rule.examine(situation).stream())
					.sorted(Comparator.comparing(Advice::severity).reversed())
					.toList());
	}

	private static @Nullable String missing(History.Means means) {
		boolean cpu = means.iothreads().stream().allMatch((load) -> load.cpuPercent() != null);
		boolean operations = means.iothreads().stream().allMatch((load) -> load.operations() != null);
		if (cpu && operations) {
			return null;
		}
		return "%s of some IOThreads are not known: what depends on that is not judged. See cpu-unavailable of the machine, "
			.formatted(cpu ? "The operations" : operations ? "The CPU times" : "The CPU times and operations")
				+ "and iothreads.metrics.io.";
	}

	/**
	 * What came of it.
	 *
	 * @param observed how long the machine was looked at
	 * @param reason why there is no advice, or less than could be, and what to do;
	 * {@code null} when all could be judged
	 * @param advice what could be better, warnings first
	 */
	public record Report(Duration observed, @Nullable String reason, List<Advice> advice) {

	}

}
