package dev.iothreads.page;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A port that leads to another one, until it is cut: then clients that are connected are
 * cut off, and others are turned away.
 */
final class TcpRelay implements AutoCloseable {

	private static final int NOWHERE = 0;

	private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

	private final ServerSocket server;

	private int target;

	TcpRelay(int target) throws IOException {
		this.target = target;
		this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
		start(this::serve);
	}

	int port() {
		return this.server.getLocalPort();
	}

	synchronized void cut() throws IOException {
		this.target = NOWHERE;
		for (Socket socket : this.sockets) {
			socket.close();
		}
		this.sockets.clear();
	}

	synchronized void mend(int newTarget) {
		this.target = newTarget;
	}

	private void serve() throws IOException {
		while (true) {
			lead(this.server.accept());
		}
	}

	private synchronized void lead(Socket client) throws IOException {
		if (this.target == NOWHERE) {
			client.close();
			return;
		}
		Socket service = new Socket(InetAddress.getLoopbackAddress(), this.target);
		this.sockets.add(client);
		this.sockets.add(service);
		start(() -> pump(client, service));
		start(() -> pump(service, client));
	}

	private static void pump(Socket from, Socket to) throws IOException {
		try (from; to) {
			from.getInputStream().transferTo(to.getOutputStream());
		}
	}

	private static void start(Work work) {
		Thread thread = new Thread(() -> {
			try {
				work.run();
			}
			catch (IOException ex) {
				// It was cut, or one of the two has gone.
			}
		}, "tcp-relay");
		thread.setDaemon(true);
		thread.start();
	}

	@Override
	public void close() throws IOException {
		this.server.close();
		cut();
	}

	private interface Work {

		void run() throws IOException;

	}

}
