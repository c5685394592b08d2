package dev.iothreads.web;

import java.net.InetAddress;
import java.nio.channels.SocketChannel;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;

import org.apache.coyote.Processor;
import org.apache.coyote.http11.Http11NioProtocol;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;

/**
 * HTTP with a limit to patience. Tomcat's {@code connectionTimeout} is for each reading,
 * so that a client that sends a byte now and then holds its connection for ever: here the
 * head of a request, or a TLS handshake, may take {@value #TIMEOUTS} times as long in
 * all. And no address may have more than some of the connections, unless it is of
 * loopback.
 */
public final class PatientProtocol extends Http11NioProtocol {

	/** How many times the connection timeout a request may take to come. */
	static final int TIMEOUTS = 3;

	public PatientProtocol() {
		super(new Endpoint());
	}

	void setConnectionsPerAddress(int connections) {
		((Endpoint) getEndpoint()).connectionsPerAddress = connections;
	}

	/**
	 * Looks at each connection when something comes over it.
	 */
	private static final class Endpoint extends NioEndpoint {

		// The latest of whoever has gone in the middle is forgotten with the connection.
		private final Map<SocketWrapperBase<NioChannel>, Long> handshakes = Collections
			.synchronizedMap(new WeakHashMap<>());

		private volatile int connectionsPerAddress = Integer.MAX_VALUE;

		@Override
		protected boolean setSocketOptions(SocketChannel socket) {
			InetAddress address = socket.socket().getInetAddress();
			if (address == null || address.isLoopbackAddress() || connections(address) < this.connectionsPerAddress) {
				return super.setSocketOptions(socket);
			}
			// It is none of those yet that are closed because of the answer.
			destroySocket(socket);
			return false;
		}

		private long connections(InetAddress address) {
			return this.connections.keySet()
				.stream()
				.filter((socket) -> address.equals(socket.socket().getInetAddress()))
				.count();
		}

		@Override
		public boolean processSocket(SocketWrapperBase<NioChannel> socket, SocketEvent event, boolean dispatch) {
			// Whoever asks closes it then.
			return !(event == SocketEvent.OPEN_READ && isOverdue(socket))
					&& super.processSocket(socket, event, dispatch);
		}

		private boolean isOverdue(SocketWrapperBase<NioChannel> socket) {
			long now = System.nanoTime();
			NioChannel channel = socket.getSocket();
			if (channel != null && !channel.isHandshakeComplete()) {
				return isOverdue(this.handshakes.computeIfAbsent(socket, (begun) -> now), now);
			}
			// There is one while a request is coming, and as long as an answer is being
			// made without a thread.
			return socket.getCurrentProcessor() instanceof Processor processor && !processor.isAsync()
					&& !processor.isUpgrade() && processor.getRequest() != null
					&& processor.getRequest().getStartTimeNanos() != -1
					&& isOverdue(processor.getRequest().getStartTimeNanos(), now);
		}

		private boolean isOverdue(long since, long now) {
			return getConnectionTimeout() > 0 && now - since > TIMEOUTS * getConnectionTimeout() * 1_000_000L;
		}

	}

}
