import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/**
 * Asks whether each of the addresses answers 200, since the image has no shell and no curl.
 * Bare sockets start faster than an HTTP client.
 */
class Probe {

	static final int TIMEOUT_MILLISECONDS = 4000;

	public static void main(String[] addresses) {
		for (String address : addresses) {
			String status;
			try {
				status = status(URI.create(address));
			}
			catch (IOException ex) {
				status = ex.toString();
			}
			System.out.println(address + ": " + status);
			if (!status.contains(" 200")) {
				System.exit(1);
			}
		}
	}

	private static String status(URI address) throws IOException {
		try (Socket socket = new Socket()) {
			socket.connect(new InetSocketAddress(address.getHost(), address.getPort()), TIMEOUT_MILLISECONDS);
			socket.setSoTimeout(TIMEOUT_MILLISECONDS);
			OutputStream out = socket.getOutputStream();
			out.write(("GET " + address.getRawPath() + " HTTP/1.1\r\nHost: " + address.getRawAuthority()
					+ "\r\nConnection: close\r\n\r\n")
				.getBytes(StandardCharsets.US_ASCII));
			InputStream in = socket.getInputStream();
			String answer = new String(in.readNBytes(12), StandardCharsets.US_ASCII);
			in.transferTo(OutputStream.nullOutputStream());
			return answer;
		}
	}

}
