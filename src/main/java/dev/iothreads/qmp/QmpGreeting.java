package dev.iothreads.qmp;

/**
 * What QEMU says of itself before anything else.
 *
 * @param major the major version, 11 in 11.1.3
 * @param minor the minor version
 * @param micro the micro version; 50 and above is a development version
 * @param packageName the distribution's name for this build, empty if it has none
 */
public record QmpGreeting(int major, int minor, int micro, String packageName) {

	/**
	 * The version as QEMU prints it.
	 * @return for example {@code 11.1.3}
	 */
	public String version() {
		return this.major + "." + this.minor + "." + this.micro;
	}

}
