package dev.iothreads.machine;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Compares QEMU's versions, such as {@code 10.0.13}.
 */
public final class QemuVersion {

	private static final Pattern MAJOR = Pattern.compile("(\\d{1,3})\\..*");

	private QemuVersion() {
	}

	/**
	 * Tells whether a QEMU is new enough.
	 * @param version its version
	 * @param major the first major version that is
	 * @return {@code false} also where the version is none
	 */
	public static boolean isAtLeast(String version, int major) {
		Matcher matcher = MAJOR.matcher(version);
		return matcher.matches() && Integer.parseInt(matcher.group(1)) >= major;
	}

}
