package dev.iothreads.qmp;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpConnectException.Reason;
import jdk.net.ExtendedSocketOptions;

/**
 * Opens sockets, and says in words why one could not be connected.
 */
final class MonitorSocket {

	static final int KEEP_IDLE_SECONDS = 30;

	static final int KEEP_INTERVAL_SECONDS = 10;

	static final int KEEP_COUNT = 3;

	private MonitorSocket() {
	}

	/**
	 * The address with its host resolved.
	 * @throws QmpConnectException if the host is unknown
	 */
	static SocketAddress resolve(MonitorAddress address) {
		SocketAddress resolved = address.socketAddress();
		if (resolved instanceof InetSocketAddress inet && inet.isUnresolved()) {
			throw new QmpConnectException(Reason.UNKNOWN_HOST, address + ": the host '" + inet.getHostString()
					+ "' is unknown. Check its name, or write its address", null);
		}
		return resolved;
	}

	/**
	 * A socket that is not connected yet, and can hold every command that may be
	 * unanswered.
	 */
	static SocketChannel open(SocketAddress address) throws IOException {
		boolean inet = address instanceof InetSocketAddress;
		SocketChannel channel = inet ? SocketChannel.open() : SocketChannel.open(StandardProtocolFamily.UNIX);
		try {
			channel.setOption(StandardSocketOptions.SO_SNDBUF, 2 * QmpClient.MAX_UNANSWERED_BYTES);
			if (inet) {
				channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
				keepAlive(channel);
			}
			return channel;
		}
		catch (IOException | RuntimeException ex) {
			channel.close();
			throw ex;
		}
	}

	// Whoever waits to be greeted sends nothing, and would wait for ever for a host that
	// has vanished. The system's own patience is two hours.
	private static void keepAlive(SocketChannel channel) throws IOException {
		channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
		if (channel.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
			channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEP_IDLE_SECONDS);
			channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEP_INTERVAL_SECONDS);
			channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEP_COUNT);
		}
	}

	/**
	 * Whether connecting failed only because too many already wait to be accepted. A
	 * virtual thread connects without blocking (JDK 21 and newer), and gets {@code
	 * EAGAIN} where a platform thread would wait.
	 */
	static boolean isBacklogFull(IOException failure) {
		String message = failure.getMessage();
		return message != null && message.contains("Resource temporarily unavailable");
	}

	/**
	 * What the end of the time for connecting means. A Unix socket makes a client wait
	 * for nothing but room in the backlog.
	 */
	static QmpConnectException timedOut(MonitorAddress address, Duration timeout) {
		if (address instanceof UnixAddress) {
			return new QmpConnectException(Reason.BACKLOG_FULL,
					address + ": other clients already wait for this monitor, "
							+ "which serves one at a time, and no more may queue. Give the service a -qmp of its own",
					null);
		}
		return new QmpConnectException(Reason.TIMED_OUT,
				address + ": no connection within " + seconds(timeout)
						+ ". Check the host, the port and the firewalls; "
						+ "or other clients already wait for this monitor, which serves one at a time",
				null);
	}

	static QmpConnectException failed(MonitorAddress address, IOException failure) {
		String message = String.valueOf(failure.getMessage());
		if (address instanceof UnixAddress unix) {
			return failed(unix, message, failure);
		}
		if (failure instanceof NoRouteToHostException || message.contains("unreachable")) {
			return new QmpConnectException(Reason.UNREACHABLE,
					address + ": there is no way to this host (" + message + "). Check the address and the network",
					failure);
		}
		if (failure instanceof ConnectException && message.contains("refused")) {
			return new QmpConnectException(Reason.NOBODY_LISTENS, address + ": nobody listens on this port. "
					+ "Start QEMU with -qmp " + address + ",server=on,wait=off", failure);
		}
		if (message.contains("timed out")) {
			return new QmpConnectException(Reason.TIMED_OUT,
					address + ": the host does not answer. Check the host, the port and the firewalls", failure);
		}
		return other(address, message, failure);
	}

	private static QmpConnectException failed(UnixAddress address, String message, IOException failure) {
		Path path = address.path();
		if (message.contains("too long")) {
			return new QmpConnectException(Reason.PATH_TOO_LONG,
					address + ": the path is too long for the JDK, which leaves one byte of the 107 unused. "
							+ "Use a shorter one",
					failure);
		}
		if (message.contains("Permission denied")) {
			return new QmpConnectException(Reason.PERMISSION_DENIED,
					address + ": permission denied. The user '" + System.getProperty("user.name")
							+ "' that runs this service must be allowed to enter " + path.getParent()
							+ " and to write to the socket",
					failure);
		}
		if (Files.notExists(path)) {
			return new QmpConnectException(Reason.NO_SUCH_SOCKET,
					address + ": there is no such socket. Is QEMU running? Start it with -qmp " + address
							+ ",server=on,wait=off",
					failure);
		}
		if (failure instanceof ConnectException) {
			return new QmpConnectException(Reason.NOBODY_LISTENS, address
					+ ": the file exists, but nobody listens on it. QEMU has ended and left it behind, or it is no socket",
					failure);
		}
		return other(address, message, failure);
	}

	private static QmpConnectException other(MonitorAddress address, String message, IOException failure) {
		return new QmpConnectException(Reason.OTHER, address + ": cannot connect (" + message + ")", failure);
	}

	/**
	 * A duration as people write it.
	 */
	static String seconds(Duration duration) {
		return (duration.toMillis() % 1000 == 0) ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
	}

}
