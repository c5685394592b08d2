package dev.iothreads.advice;

import java.util.List;

/**
 * One thing that an operator could change.
 *
 * @param rule the name of the rule that it comes from, as in {@code src/docs/advice.md}
 * @param severity how much it matters
 * @param text what was seen, with its figures, and what would be better
 * @param steps what to do: commands and sentences
 * @param before where each device runs, and how much of the machine's operations each
 * IOThread does; empty where nothing is to move
 * @param after the same when it was done
 */
public record Advice(String rule, Severity severity, String text, List<String> steps, List<Placement> before,
		List<Placement> after) {

	Advice(String rule, Severity severity, String text, List<String> steps) {
		this(rule, severity, text, steps, List.of(), List.of());
	}

	/**
	 * How much it matters.
	 */
	public enum Severity {

		/** It would be tidier, or cheaper. */
		INFO,

		/** The guest waits for it, or a CPU is lost. */
		WARNING

	}

	/**
	 * What an IOThread does.
	 *
	 * @param iothread its id
	 * @param devices the ids of the devices on it
	 * @param sharePercent how much of the machine's operations it does, in %
	 */
	public record Placement(String iothread, List<String> devices, double sharePercent) {

	}

}
