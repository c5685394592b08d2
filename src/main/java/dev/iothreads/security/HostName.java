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
	 * Reads it.
	 * @param authority a host and, it may be, a port
	 * @return the host, or {@code null} when there is none
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
	 * Tells whether nobody but this machine itself can be meant.
	 */
	boolean isLoopback() {
		return this.text.equals("localhost") || this.text.endsWith(".localhost") || this.text.equals("[::1]")
				|| (this.text.startsWith("127.") && IPV4.matcher(this.text).matches());
	}

	/**
	 * Tells whether a peer is this machine itself.
	 * @param address the peer's literal address
	 */
	static boolean isLoopbackAddress(String address) {
		String plain = address.replaceFirst("%.*", "");
		return plain.equals("0:0:0:0:0:0:0:1")
				|| new HostName(plain.contains(":") ? "[" + plain + "]" : plain).isLoopback();
	}

	/**
	 * Tells whether it is an address, which no name server can point elsewhere.
	 */
	boolean isAddress() {
		return this.text.startsWith("[") || IPV4.matcher(this.text).matches();
	}

}
