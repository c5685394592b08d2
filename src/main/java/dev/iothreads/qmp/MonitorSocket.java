package dev.iothreads.qmp;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpConnectException.Reason;
import org.jspecify.annotations.Nullable;
import jdk.net.ExtendedSocketOptions;

/**
 * Opens sockets, and says in words why one could not be connected.
 */
final class MonitorSocket {

	private static final Duration RETRY_PAUSE = Duration.ofMillis(20);

	private MonitorSocket() {
	}

	/**
	 * The address with its host resolved.
	 * @throws QmpConnectException if the host is unknown
	 */
	private static SocketAddress resolve(MonitorAddress address) {
		SocketAddress resolved = address.socketAddress();
		if (resolved instanceof InetSocketAddress inet && inet.isUnresolved()) {
			throw failure(address + ": the host '" + inet.getHostString()
					+ "' is unknown. Check its name, or write its address", null);
		}
		return resolved;
	}

	/**
	 * Connects, and tries again as long as too many clients wait to be accepted.
	 * @param opened given each socket before it is connected; closes it to end the
	 * attempt
	 * @throws QmpConnectException if there is no connection
	 * @throws IOException if the socket was closed
	 */
	static SocketChannel connect(MonitorAddress address, Consumer<SocketChannel> opened) throws IOException {
		SocketAddress target = resolve(address);
		while (true) {
			SocketChannel socket = open(target);
			try {
				opened.accept(socket);
				socket.connect(target);
				return socket;
			}
			catch (ClosedChannelException ex) {
				throw ex;
			}
			catch (IOException ex) {
				socket.close();
				if (!isBacklogFull(ex)) {
					throw failed(address, ex);
				}
			}
			catch (RuntimeException ex) {
				socket.close();
				throw ex;
			}
			LockSupport.parkNanos(RETRY_PAUSE.toNanos());
		}
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

	// A client that waits to be greeted sends nothing, and would wait without end for a
	// host
	// that has vanished. The system's own limit is two hours.
	private static void keepAlive(SocketChannel channel) throws IOException {
		channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
		if (channel.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
			channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, 30);
			channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, 10);
			channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, 3);
		}
	}

	/**
	 * Whether connecting failed only because too many already wait to be accepted. A
	 * virtual thread connects without blocking (JDK 21 and newer), and gets {@code
	 * EAGAIN} where a platform thread would wait.
	 */
	private static boolean isBacklogFull(IOException failure) {
		String message = failure.getMessage();
		return message != null && message.contains("Resource temporarily unavailable");
	}

	/**
	 * What the end of the time for connecting means. A Unix socket makes a client wait
	 * for nothing but room in the backlog.
	 */
	static QmpConnectException timedOut(MonitorAddress address, Duration timeout) {
		if (address instanceof UnixAddress) {
			return new QmpConnectException(Reason.NOT_GREETED,
					address + ": other clients already wait for this monitor, "
							+ "which serves one at a time, and no more may queue. Give the service a -qmp of its own",
					null);
		}
		return failure(address + ": no connection within " + seconds(timeout)
				+ ". Check the host, the port and the firewalls; "
				+ "or other clients already wait for this monitor, which serves one at a time", null);
	}

	static QmpConnectException failed(MonitorAddress address, IOException failure) {
		String message = String.valueOf(failure.getMessage());
		if (address instanceof UnixAddress unix) {
			return failed(unix, message, failure);
		}
		if (failure instanceof NoRouteToHostException || message.contains("unreachable")) {
			return failure(
					address + ": there is no route to this host (" + message + "). Check the address and the network",
					failure);
		}
		if (failure instanceof ConnectException && message.contains("refused")) {
			return failure(address + ": no process listens on this port. Start QEMU with -qmp " + address
					+ ",server=on,wait=off", failure);
		}
		if (message.contains("timed out")) {
			return failure(address + ": the host does not answer. Check the host, the port and the firewalls", failure);
		}
		return failure(address + ": cannot connect (" + message + ")", failure);
	}

	private static QmpConnectException failed(UnixAddress address, String message, IOException failure) {
		Path path = address.path();
		if (message.contains("too long")) {
			return failure(address + ": the path is too long for the JDK, which leaves one byte of the 107 unused. "
					+ "Use a shorter one", failure);
		}
		if (message.contains("Permission denied")) {
			return failure(address + ": permission denied. The user '" + System.getProperty("user.name")
					+ "' that runs this service must be allowed to enter " + path.getParent()
					+ " and to write to the socket", failure);
		}
		if (Files.notExists(path)) {
			return failure(address + ": there is no such socket. Is QEMU running? Start it with -qmp " + address
					+ ",server=on,wait=off", failure);
		}
		if (failure instanceof ConnectException) {
			return failure(address
					+ ": the file exists, but no process listens on it. QEMU has ended and left it behind, or it is not a socket",
					failure);
		}
		return failure(address + ": cannot connect (" + message + ")", failure);
	}

	private static QmpConnectException failure(String message, @Nullable Throwable cause) {
		return new QmpConnectException(Reason.NOT_CONNECTED, message, cause);
	}

	/**
	 * A duration in words.
	 */
	static String seconds(Duration duration) {
		return (duration.toMillis() % 1000 == 0) ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
	}

}
