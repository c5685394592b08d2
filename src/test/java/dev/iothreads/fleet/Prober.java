package dev.iothreads.fleet;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import dev.iothreads.fleet.RunningService.Answer;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Asks for one thing again and again while something else happens, as somebody would whom
 * that is not to concern.
 */
final class Prober implements AutoCloseable {

	private static final Duration INTERVAL = Duration.ofMillis(20);

	private static final int FEW = 25;

	private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor();

	private final List<Duration> times = new CopyOnWriteArrayList<>();

	private final List<String> failures = new CopyOnWriteArrayList<>();

	private final RunningService service;

	private final String path;

	private final Duration usual;

	private Prober(RunningService service, String path, Duration usual) {
		this.service = service;
		this.path = path;
		this.usual = usual;
	}

	/**
	 * Measures how long an answer takes when nothing is amiss.
	 * @param service whom to ask
	 * @param path for what
	 * @return the median
	 */
	static Duration measure(RunningService service, String path) {
		Prober prober = new Prober(service, path, Duration.ZERO);
		for (int i = 0; i < FEW; i++) {
			prober.ask();
		}
		assertThat(prober.failures).isEmpty();
		return prober.median();
	}

	/**
	 * Begins to ask.
	 * @param service whom to ask
	 * @param path for what
	 * @param usual how long an answer usually takes
	 * @return the prober, to be closed
	 */
	static Prober start(RunningService service, String path, Duration usual) {
		Prober prober = new Prober(service, path, usual);
		prober.thread.scheduleWithFixedDelay(prober::ask, 0, INTERVAL.toNanos(), TimeUnit.NANOSECONDS);
		return prober;
	}

	private void ask() {
		long begun = System.nanoTime();
		try {
			Answer answer = this.service.get(this.path);
			if (answer.status() != 200) {
				this.failures.add(answer.status() + " " + answer.body());
			}
		}
		catch (RuntimeException | AssertionError ex) {
			this.failures.add(ex.toString());
		}
		this.times.add(Duration.ofNanos(System.nanoTime() - begun));
	}

	private Duration median() {
		List<Duration> sorted = new ArrayList<>(this.times);
		sorted.sort(null);
		return sorted.get(sorted.size() / 2);
	}

	/**
	 * Asserts that each answer was good, and that they came as fast as ever but for what
	 * the machine itself had to do.
	 */
	void assertNobodyWaited() {
		assertThat(this.failures).isEmpty();
		if (this.times.size() >= FEW) {
			assertThat(median()).as("the median of %s", this.times)
				.isLessThanOrEqualTo(this.usual.multipliedBy(3).plus(INTERVAL));
		}
	}

	/**
	 * Asks no more, when it has asked often enough to tell.
	 */
	@Override
	public void close() {
		this.thread.shutdown();
		try {
			assertThat(this.thread.awaitTermination(RunningService.DEADLINE.toSeconds(), TimeUnit.SECONDS)).isTrue();
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
		while (this.times.size() < FEW) {
			ask();
		}
	}

}
