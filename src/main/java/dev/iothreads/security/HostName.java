package dev.iothreads.security;

import java.util.Locale;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

/**
 * The host that an authority names ({@code Host}, RFC 9110, 7.2), in lower case, without
 * the port.
 *
 * @param text the name or the literal address
 */
record HostName(String text) {

	private static final Pattern NAME = Pattern
		.compile("[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*[.]?");

	private static final Pattern IPV4 = Pattern.compile("\\d{1,3}([.]\\d{1,3}){3}");

	private static final Pattern PORT = Pattern.compile(":\\d*$");

	/**
	 * Reads the host of an authority.
	 * @param authority a host, with or without a port
	 * @return the host, or {@code null} when there is no authority
	 */
	static @Nullable HostName of(@Nullable String authority) {
		if (authority == null) {
			return null;
		}
		String host = PORT.matcher(authority.strip().toLowerCase(Locale.ROOT)).replaceFirst("");
		return new HostName(host.endsWith(".") ? host.substring(0, host.length() - 1) : host);
	}

	static boolean isName(String text) {
		return NAME.matcher(text.toLowerCase(Locale.ROOT)).matches();
	}

	/**
	 * Returns whether it always means this machine itself.
	 */
	boolean isLoopback() {
		return this.text.equals("localhost") || this.text.endsWith(".localhost") || this.text.equals("[::1]")
				|| (this.text.startsWith("127.") && IPV4.matcher(this.text).matches());
	}

	/**
	 * Returns whether it is an address, which no name server can map to another.
	 */
	boolean isAddress() {
		return this.text.startsWith("[") || IPV4.matcher(this.text).matches();
	}

}
