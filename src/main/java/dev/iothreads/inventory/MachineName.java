package dev.iothreads.inventory;

import java.util.regex.Pattern;

/**
 * The names that machines can have: unreserved characters of a URL, so that a machine's
 * address needs no encoding.
 */
public final class MachineName {

	/** The rule, as the end of a sentence. */
	public static final String RULE = "use up to 128 letters, digits, '.', '_', '-', '~', beginning with a letter or digit";

	private static final Pattern PATTERN = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._~-]{0,127}");

	private MachineName() {
	}

	/**
	 * Checks a name.
	 * @param name the name
	 * @return whether a machine can have it
	 */
	public static boolean isValid(String name) {
		return PATTERN.matcher(name).matches();
	}

}
