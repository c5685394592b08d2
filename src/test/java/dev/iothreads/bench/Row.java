package dev.iothreads.bench;

import java.util.Locale;

/**
 * A row of the table.
 *
 * @param what what was measured
 * @param measured the figure, with its unit
 * @param against what it is held against
 * @param reference that one's figure, with its unit
 * @param ratio the first by the second
 * @param aim what is aimed at, in words, empty when nothing is
 * @param met whether it was reached
 */
record Row(String what, String measured, String against, String reference, double ratio, String aim, boolean met) {

	static Row of(String what, double measured, String against, double reference, String unit, double aim,
			boolean atMost) {
		double ratio = measured / reference;
		return new Row(what, figure(measured, unit), against, figure(reference, unit), ratio,
				(atMost ? "≤ " : "≥ ") + plain(aim), atMost ? ratio <= aim : ratio >= aim);
	}

	/**
	 * A row that explains another one.
	 */
	static Row reported(String what, double measured, String against, double reference, String unit) {
		return new Row(what, figure(measured, unit), against, figure(reference, unit), measured / reference, "", true);
	}

	static String figure(double value, String unit) {
		return plain(value) + " " + unit;
	}

	static String plain(double value) {
		return String.format(Locale.ROOT, (value >= 100) ? "%.0f" : (value >= 10) ? "%.1f" : "%.2f", value);
	}

}
