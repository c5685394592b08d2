import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * Asks whether each of the addresses answers 200, since the image has no shell and no curl.
 * Bare sockets start faster than an HTTP client.
 *
 * <pre>java Probe [--for=SECONDS] ADDRESS…</pre>
 *
 * An address that is a path only is asked of the service in the same container, where the
 * environment has it listen. No certificate is checked, as the kubelet's probes check none:
 * what is asked is whether there is an answer, and no secret is sent.
 */
class Probe {

	static final int TIMEOUT_MILLISECONDS = 4000;

	private static final String LONGEST_WAIT = "--for=";

	public static void main(String[] arguments) throws InterruptedException {
		long end = System.nanoTime();
		for (String argument : arguments) {
			if (argument.startsWith(LONGEST_WAIT)) {
				end += TimeUnit.SECONDS.toNanos(Integer.parseInt(argument.substring(LONGEST_WAIT.length())));
				continue;
			}
			URI address = URI.create(argument.startsWith("/") ? own(System.getenv()) + argument : argument);
			String status = status(address);
			while (!isGood(status) && System.nanoTime() < end) {
				Thread.sleep(500);
				status = status(address);
			}
			System.out.println(address + ": " + status);
			if (!isGood(status)) {
				System.exit(1);
			}
		}
	}

	private static String own(Map<String, String> environment) {
		boolean encrypted = environment.containsKey("SERVER_SSL_BUNDLE")
				|| environment.containsKey("SERVER_SSL_CERTIFICATE") || environment.containsKey("SERVER_SSL_KEYSTORE");
		return (encrypted ? "https" : "http") + "://127.0.0.1:" + environment.getOrDefault("SERVER_PORT", "8080");
	}

	private static boolean isGood(String status) {
		return status.endsWith(" 200");
	}

	private static String status(URI address) {
		boolean encrypted = "https".equals(address.getScheme());
		int port = (address.getPort() != -1) ? address.getPort() : (encrypted ? 443 : 80);
		try (Socket socket = encrypted ? trusting().getSocketFactory().createSocket() : new Socket()) {
			socket.connect(new InetSocketAddress(address.getHost(), port), TIMEOUT_MILLISECONDS);
			socket.setSoTimeout(TIMEOUT_MILLISECONDS);
			OutputStream out = socket.getOutputStream();
			out.write(("GET " + address.getRawPath() + " HTTP/1.1\r\nHost: " + address.getRawAuthority()
					+ "\r\nConnection: close\r\n\r\n")
				.getBytes(StandardCharsets.US_ASCII));
			out.flush();
			InputStream in = socket.getInputStream();
			String answer = new String(in.readNBytes(12), StandardCharsets.US_ASCII);
			in.transferTo(OutputStream.nullOutputStream());
			return answer;
		}
		catch (IOException | GeneralSecurityException ex) {
			return ex.toString();
		}
	}

	private static SSLContext trusting() throws GeneralSecurityException {
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, new TrustManager[] { new X509TrustManager() {

			@Override
			public void checkClientTrusted(X509Certificate[] chain, String type) {
				throw new IllegalStateException("this trusts servers only, not clients");
			}

			@Override
			public void checkServerTrusted(X509Certificate[] chain, String type) {
				// any certificate will do
			}

			@Override
			public X509Certificate[] getAcceptedIssuers() {
				return new X509Certificate[0];
			}

		} }, null);
		return context;
	}

}
