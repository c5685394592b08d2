package dev.iothreads.machine;

import java.util.BitSet;
import java.util.regex.Pattern;

/**
 * Sets of a host's CPUs as the kernel lists them, such as {@code 0-3,8}.
 */
public final class CpuList {

	/** The highest CPU that can be named. */
	static final int LAST = 8191;

	private static final Pattern LIST = Pattern.compile("\\d{1,4}(-\\d{1,4})?(,\\d{1,4}(-\\d{1,4})?)*");

	private CpuList() {
	}

	/**
	 * Reads a list.
	 * @param text the list
	 * @return the CPUs
	 * @throws IllegalArgumentException if it is none, with a sentence that says what one
	 * is
	 */
	public static BitSet parse(String text) {
		BitSet cpus = new BitSet();
		if (!LIST.matcher(text).matches()) {
			throw new IllegalArgumentException("It must be a list of CPUs, such as 0-3,8.");
		}
		for (String range : text.split(",")) {
			String[] ends = range.split("-");
			int first = Integer.parseInt(ends[0]);
			int last = Integer.parseInt(ends[ends.length - 1]);
			if (last < first || last > LAST) {
				throw new IllegalArgumentException(
						"%s is no range of CPUs: it must ascend, to %d at most.".formatted(range, LAST));
			}
			cpus.set(first, last + 1);
		}
		return cpus;
	}

	/**
	 * Writes a list.
	 * @param cpus the CPUs
	 * @return the list, empty when there are none
	 */
	public static String format(BitSet cpus) {
		StringBuilder list = new StringBuilder();
		for (int first = cpus.nextSetBit(0); first >= 0;) {
			int end = cpus.nextClearBit(first);
			list.append(list.isEmpty() ? "" : ",").append(first);
			if (end - 1 > first) {
				list.append('-').append(end - 1);
			}
			first = cpus.nextSetBit(end);
		}
		return list.toString();
	}

}
