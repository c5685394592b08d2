package dev.iothreads.history;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

/**
 * How a machine's work is spread over its IOThreads. A client, the page and the metrics
 * all get it from here.
 *
 * @param state how it is spread
 * @param measure what was compared, {@code null} when nothing was
 * @param busiest the id of the IOThread that did most; {@code null} unless there is one
 * @param sentence the figures
 */
public record Balance(State state, @Nullable Measure measure, @Nullable String busiest, String sentence) {

	/** Nothing was read yet. */
	public static final Balance UNKNOWN = unknown("Neither CPU time nor operations of each of its IOThreads are known "
			+ "for half a minute. Where that stays so, cpu-unavailable says why.");

	/** There is nothing to spread the work over. */
	static final Balance NO_IOTHREAD = unknown("It has no IOThread.");

	// A warning begins at these and ends below those: a load that swings around one of
	// them does not switch it on and off.
	private static final double UNEVEN_BEGINS = 1.5;

	private static final double UNEVEN_ENDS = 1.25;

	private static final double LOAD_ENDS = 0.8;

	private static final double IDLE_ENDS = 2;

	/**
	 * Judges the last minute.
	 * @param loads the mean of each IOThread over that
	 * @param before the judgement before this one
	 * @return the judgement
	 */
	static Balance of(List<Load> loads, Balance before) {
		if (loads.isEmpty()) {
			return NO_IOTHREAD;
		}
		for (Measure measure : Measure.values()) {
			if (loads.stream().allMatch((load) -> measure.of.apply(load) != null)) {
				return of(loads, measure, (before.measure == measure) ? before.state : State.UNKNOWN);
			}
		}
		return UNKNOWN;
	}

	private static Balance of(List<Load> loads, Measure measure, State before) {
		Load busiest = loads.stream().max(Comparator.comparingDouble(measure::value)).orElseThrow();
		double most = measure.value(busiest);
		double mean = loads.stream().mapToDouble(measure::value).average().orElseThrow();
		if (most < measure.idle * ((before == State.IDLE) ? IDLE_ENDS : 1)) {
			return new Balance(State.IDLE, measure, null,
					"The busiest of its IOThreads, " + busiest.id() + ", " + measure.text(most) + ".");
		}
		boolean was = before == State.UNEVEN;
		boolean loaded = most > measure.loaded * (was ? LOAD_ENDS : 1);
		boolean apart = most > mean * (was ? UNEVEN_ENDS : UNEVEN_BEGINS);
		return new Balance((loaded && apart) ? State.UNEVEN : State.EVEN, measure, busiest.id(),
				(loads.size() > 1)
						? busiest.id() + " " + measure.text(most) + "; the mean of its " + loads.size()
								+ " IOThreads is " + measure.figure(mean) + "."
						: busiest.id() + " " + measure.text(most) + ", and is its only IOThread.");
	}

	private static Balance unknown(String sentence) {
		return new Balance(State.UNKNOWN, null, null, sentence);
	}

	/**
	 * Returns whether a client that has the other one needs this one, too. New figures
	 * alone are no reason.
	 * @param other the other one
	 */
	public boolean isLike(Balance other) {
		return this.state == other.state && this.measure == other.measure
				&& Objects.equals(this.busiest, other.busiest);
	}

	/**
	 * How work is spread.
	 */
	public enum State {

		/** No IOThread has too much, or the busiest has little. */
		EVEN,

		/** One IOThread is loaded, and does far more than the others. */
		UNEVEN,

		/** No IOThread does anything worth a word. */
		IDLE,

		/** It cannot be said. */
		UNKNOWN

	}

	/**
	 * What is compared: the first that is known of every IOThread.
	 */
	public enum Measure {

		/** CPU time, in % of one CPU. */
		CPU(Load::cpuPercent, 50, 5, " %", "uses ", " of a CPU"),

		/** Operations per second. */
		OPERATIONS(Load::operations, 1000, 20, "", "does ", " operations a second");

		private final Function<Load, @Nullable Double> of;

		private final double loaded;

		private final double idle;

		private final String unit;

		private final String verb;

		private final String object;

		Measure(Function<Load, @Nullable Double> of, double loaded, double idle, String unit, String verb,
				String object) {
			this.of = of;
			this.loaded = loaded;
			this.idle = idle;
			this.unit = unit;
			this.verb = verb;
			this.object = object;
		}

		private double value(Load load) {
			return Objects.requireNonNull(this.of.apply(load));
		}

		private String text(double value) {
			return this.verb + figure(value) + this.object;
		}

		// Each sample has a sentence, and String.format takes longer than all before it.
		private String figure(double value) {
			long rounded = Math.round(value);
			return ((rounded < 1000) ? Long.toString(rounded) : String.format(Locale.ROOT, "%,d", rounded)) + this.unit;
		}

	}

}
