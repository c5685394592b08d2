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
 * Asks for one thing again and again while something else happens, as a client would that
 * it must not concern.
 */
final class Prober implements AutoCloseable {

	private static final Duration INTERVAL = Duration.ofMillis(20);

	private static final int FEW = 25;

	private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor();

	private final List<Duration> times = new CopyOnWriteArrayList<>();

	private final List<String> failures = new CopyOnWriteArrayList<>();

	private final RunningService service;

	private final String path;

	private final Usual usual;

	private final Duration limit;

	private Prober(RunningService service, String path, Usual usual, Duration limit) {
		this.service = service;
		this.path = path;
		this.usual = usual;
		this.limit = limit;
	}

	/**
	 * Looks what is answered, and how soon, when nothing is amiss.
	 * @param service whom to ask
	 * @param path for what
	 * @return the answer and the median
	 */
	static Usual measure(RunningService service, String path) {
		Usual first = new Usual(service.get(path).body(), Duration.ZERO);
		Prober prober = new Prober(service, path, first, RunningService.DEADLINE);
		for (int i = 0; i < FEW; i++) {
			prober.ask();
		}
		assertThat(prober.failures).isEmpty();
		return new Usual(first.body(), prober.median());
	}

	/**
	 * Begins to ask.
	 * @param service whom to ask
	 * @param path for what
	 * @param usual what is to be answered, and how long that usually takes
	 * @param commandTimeout for how long the service waits for a machine, whose
	 * neighbours are not to wait as long
	 * @return the prober, to be closed
	 */
	static Prober start(RunningService service, String path, Usual usual, Duration commandTimeout) {
		Prober prober = new Prober(service, path, usual, commandTimeout.minusSeconds(1));
		prober.thread.scheduleWithFixedDelay(prober::ask, 0, INTERVAL.toNanos(), TimeUnit.NANOSECONDS);
		return prober;
	}

	private void ask() {
		long begun = System.nanoTime();
		try {
			Answer answer = this.service.get(this.path);
			if (answer.status() != 200 || !answer.body().equals(this.usual.body())) {
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
	 * Asserts that each answer was the usual one, that none was kept waiting for another
	 * machine's, and that they came as fast as ever but for what the host itself had to
	 * do.
	 */
	void assertNoRequestWaited() {
		assertThat(this.failures).isEmpty();
		assertThat(this.times).as("how long each took").allMatch((time) -> time.compareTo(this.limit) < 0);
		if (this.times.size() >= FEW) {
			assertThat(median()).as("the median of %s", this.times)
				.isLessThanOrEqualTo(this.usual.median().multipliedBy(3).plus(INTERVAL));
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

	/**
	 * What is answered when nothing is amiss.
	 *
	 * @param body the answer's content
	 * @param median how long an answer takes
	 */
	record Usual(String body, Duration median) {

	}

}
