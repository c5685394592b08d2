package dev.iothreads.machine;

import java.util.regex.Pattern;

/**
 * The rule for the ids of objects and devices: a letter, followed by letters, digits,
 * {@code -}, {@code .} and {@code _} (source: QEMU's {@code id_wellformed}). QEMU knows
 * no longest id; here it is {@value #LONGEST} characters.
 */
public final class ObjectId {

	/** The longest id that can be given, in characters. */
	public static final int LONGEST = 128;

	/** What an id must match, as a regular expression. */
	public static final String PATTERN = "[A-Za-z][A-Za-z0-9._-]{0,127}";

	private static final Pattern WELL_FORMED = Pattern.compile(PATTERN);

	private ObjectId() {
	}

	/**
	 * Tells whether an id can be given.
	 * @param id the id
	 * @return {@code true} when QEMU would take it, and it is not too long
	 */
	public static boolean isWellFormed(String id) {
		return WELL_FORMED.matcher(id).matches();
	}

}
