package dev.iothreads.web;

/**
 * Where clients are.
 */
final class Addresses {

	private Addresses() {
	}

	/**
	 * Tells whether a client is on this machine, or says so.
	 * @param address the client's address
	 */
	static boolean isLoopback(String address) {
		return address.startsWith("127.") || address.equals("0:0:0:0:0:0:0:1") || address.equals("::1");
	}

}
