package dev.iothreads.web.api;

/**
 * Where clients are.
 */
public final class Addresses {

	private Addresses() {
	}

	/**
	 * Tells whether a client is on this machine, or says so.
	 * @param address the client's address
	 */
	public static boolean isLoopback(String address) {
		return address.startsWith("127.") || address.equals("0:0:0:0:0:0:0:1") || address.equals("::1");
	}

}
