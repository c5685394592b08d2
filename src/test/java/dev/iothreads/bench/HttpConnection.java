package dev.iothreads.bench;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * A connection that is kept, and a client that costs next to nothing: what is measured is
 * the server.
 */
final class HttpConnection implements AutoCloseable {

	private final Socket socket;

	private final InputStream input;

	private byte[] body = new byte[1 << 16];

	private int length;

	HttpConnection(int port) throws IOException {
		this.socket = new Socket(InetAddress.getLoopbackAddress(), port);
		this.socket.setTcpNoDelay(true);
		this.input = new BufferedInputStream(this.socket.getInputStream(), 1 << 16);
	}

	static byte[] request(String path) {
		return ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
	}

	/**
	 * Asks and reads the whole answer.
	 * @param request what {@link #request} made
	 * @return the HTTP status
	 */
	int exchange(byte[] request) throws IOException {
		this.socket.getOutputStream().write(request);
		int status = Integer.parseInt(line().substring(9, 12));
		int announced = -1;
		for (String header = line(); !header.isEmpty(); header = line()) {
			if (header.regionMatches(true, 0, "Content-Length:", 0, 15)) {
				announced = Integer.parseInt(header.substring(15).strip());
			}
		}
		this.length = 0;
		if (announced >= 0) {
			read(announced);
			return status;
		}
		for (int chunk = chunk(); chunk > 0; chunk = chunk()) {
			read(chunk);
			line();
		}
		line();
		return status;
	}

	/**
	 * Returns the body of the last answer.
	 */
	byte[] body() {
		byte[] copy = new byte[this.length];
		System.arraycopy(this.body, 0, copy, 0, this.length);
		return copy;
	}

	private int chunk() throws IOException {
		return Integer.parseInt(line(), 16);
	}

	private void read(int bytes) throws IOException {
		if (this.length + bytes > this.body.length) {
			byte[] larger = new byte[2 * (this.length + bytes)];
			System.arraycopy(this.body, 0, larger, 0, this.length);
			this.body = larger;
		}
		if (this.input.readNBytes(this.body, this.length, bytes) < bytes) {
			throw new EOFException();
		}
		this.length += bytes;
	}

	private String line() throws IOException {
		StringBuilder line = new StringBuilder();
		for (int next = this.input.read(); next != '\n'; next = this.input.read()) {
			if (next < 0) {
				throw new EOFException();
			}
			if (next != '\r') {
				line.append((char) next);
			}
		}
		return line.toString();
	}

	@Override
	public void close() throws IOException {
		this.socket.close();
	}

}
