package dev.iothreads.qmp;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a monitor listens, written as QEMU's {@code -qmp} option has it:
 * {@code unix:/run/vm.sock}, {@code tcp:127.0.0.1:4444} or {@code tcp:[::1]:4444},
 * without the options that follow a comma there.
 */
public sealed interface MonitorAddress {

	/**
	 * Reads an address.
	 * @param text the address as {@code toString()} writes it
	 * @return the address; nothing is resolved, and the file need not exist
	 * @throws IllegalArgumentException if it is not an address; the message says what is
	 * wrong and shows the right form
	 */
	static MonitorAddress parse(String text) {
		if (text.startsWith("unix:")) {
			return UnixAddress.parse(text, text.substring("unix:".length()));
		}
		if (text.startsWith("tcp:")) {
			return TcpAddress.parse(text, text.substring("tcp:".length()));
		}
		if (text.startsWith("/")) {
			throw invalid(text, "does not say what kind of socket it is: write unix:" + text);
		}
		throw invalid(text,
				"is no monitor's address: write unix:/run/vm.sock, " + "tcp:127.0.0.1:4444 or tcp:[::1]:4444");
	}

	/**
	 * The address to connect a socket to. A host name is resolved here, each time anew,
	 * which can block for as long as the name service takes.
	 * @return the address, an unresolved one if the host is unknown
	 */
	SocketAddress socketAddress();

	private static IllegalArgumentException invalid(Object text, String problem) {
		return new IllegalArgumentException("'" + text + "' " + problem);
	}

	/**
	 * A monitor on a Unix socket.
	 *
	 * @param path the socket's file: absolute, at most 107 bytes, which is what fits into
	 * a {@code sockaddr_un}
	 */
	record UnixAddress(Path path) implements MonitorAddress {

		private static final int MAX_PATH_BYTES = 107;

		/**
		 * @throws IllegalArgumentException if it is relative or too long
		 */
		public UnixAddress {
			if (!path.isAbsolute()) {
				throw invalid(path, "is a relative path: " + "write the socket's whole path, as in unix:/run/vm.sock");
			}
			int bytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
			if (bytes > MAX_PATH_BYTES) {
				throw invalid(path, "has " + bytes + " bytes, but a Unix socket's path " + "has at most "
						+ MAX_PATH_BYTES + ": use a shorter one, as in unix:/run/vm.sock");
			}
		}

		private static UnixAddress parse(String text, String path) {
			if (path.isBlank()) {
				throw invalid(text, "lacks the path: write unix:/run/vm.sock");
			}
			int options = path.indexOf(",server");
			if (options < 0) {
				options = path.indexOf(",wait");
			}
			if (options >= 0) {
				throw invalid(text, "carries options of QEMU's side: write unix:" + path.substring(0, options));
			}
			try {
				return new UnixAddress(Path.of(path));
			}
			catch (InvalidPathException ex) {
				throw invalid(text, "holds no valid path (" + ex.getReason() + "): write it as in unix:/run/vm.sock");
			}
		}

		@Override
		public SocketAddress socketAddress() {
			return UnixDomainSocketAddress.of(this.path);
		}

		@Override
		public String toString() {
			return "unix:" + this.path;
		}

	}

	/**
	 * A monitor on a TCP port.
	 *
	 * @param host a host name, an IPv4 address, or an IPv6 address without brackets
	 * @param port 1 to 65535
	 */
	record TcpAddress(String host, int port) implements MonitorAddress {

		private static final Pattern HOST_AND_PORT = Pattern.compile("(?:\\[([^\\[\\]]*)]|([^:\\[\\]]*)):([^:]*)");

		private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,255}");

		private static final Pattern IPV6 = Pattern.compile("([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(%[A-Za-z0-9._-]+)?");

		/**
		 * @throws IllegalArgumentException if the host is neither a name nor an address,
		 * or the port is out of range
		 */
		public TcpAddress {
			if (host.isEmpty()) {
				throw new IllegalArgumentException(
						"tcp::" + port + " lacks the host: write the one to connect to, as in tcp:127.0.0.1:4444");
			}
			if (host.contains(":") ? !isIPv6(host) : !NAME.matcher(host).matches()) {
				throw invalid(host, "is neither a host name nor an address: "
						+ "write tcp:127.0.0.1:4444, tcp:[::1]:4444 or tcp:vmhost:4444");
			}
			if (port < 1 || port > 65535) {
				throw new IllegalArgumentException(
						port + " is no port: write one from 1 to 65535, as in tcp:127.0.0.1:4444");
			}
		}

		private static boolean isIPv6(String host) {
			Matcher matcher = IPV6.matcher(host);
			if (!matcher.matches()) {
				return false;
			}
			try {
				// In brackets it is a literal for the JDK, and no name is looked up.
				InetAddress.getByName("[" + matcher.group(1) + "]");
				return true;
			}
			catch (UnknownHostException ex) {
				return false;
			}
		}

		private static TcpAddress parse(String text, String hostAndPort) {
			if (hostAndPort.startsWith("//")) {
				throw invalid(text, "is written like a URL: write tcp:127.0.0.1:4444");
			}
			int options = hostAndPort.indexOf(',');
			if (options >= 0) {
				throw invalid(text, "carries options of QEMU's side: write tcp:" + hostAndPort.substring(0, options));
			}
			Matcher matcher = HOST_AND_PORT.matcher(hostAndPort);
			if (!matcher.matches()) {
				throw invalid(text,
						(hostAndPort.indexOf(':') != hostAndPort.lastIndexOf(':'))
								? "has too many colons: write an IPv6 address in brackets, as in tcp:[::1]:4444"
								: "lacks the port: write tcp:127.0.0.1:4444");
			}
			String bracketed = matcher.group(1);
			if (bracketed != null && !bracketed.contains(":")) {
				throw invalid(text, "has no IPv6 address in its brackets: "
						+ "write tcp:[::1]:4444, or tcp:127.0.0.1:4444 without brackets");
			}
			String host = (bracketed != null) ? bracketed : matcher.group(2);
			String port = matcher.group(3);
			if (!port.matches("[0-9]{1,9}")) {
				throw new IllegalArgumentException(
						port.isEmpty() ? "'" + text + "' lacks the port: write tcp:127.0.0.1:4444"
								: "'" + port + "' is no port: write one from 1 to 65535, as in tcp:127.0.0.1:4444");
			}
			return new TcpAddress(host, Integer.parseInt(port));
		}

		@Override
		public SocketAddress socketAddress() {
			return new InetSocketAddress(this.host, this.port);
		}

		@Override
		public String toString() {
			return "tcp:" + (this.host.contains(":") ? "[" + this.host + "]" : this.host) + ":" + this.port;
		}

	}

}
