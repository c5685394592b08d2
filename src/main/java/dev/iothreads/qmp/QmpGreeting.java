package dev.iothreads.qmp;

import java.util.List;

/**
 * What QEMU says of itself before anything else.
 *
 * @param major the major version, 11 in 11.1.3
 * @param minor the minor version
 * @param micro the micro version; 50 and above is a development version
 * @param packageName the distribution's name for this build, empty if it has none
 * @param capabilities the protocol's optional features this monitor offers, such as
 * {@code oob}; the client uses none of them
 */
public record QmpGreeting(int major, int minor, int micro, String packageName, List<String> capabilities) {

	/**
	 * Copies the list.
	 */
	public QmpGreeting {
		capabilities = List.copyOf(capabilities);
	}

	/**
	 * The version as QEMU prints it.
	 * @return for example {@code 11.1.3}
	 */
	public String version() {
		return this.major + "." + this.minor + "." + this.micro;
	}

}
