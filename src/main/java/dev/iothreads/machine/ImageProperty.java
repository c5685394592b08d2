package dev.iothreads.machine;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What an image can be given when it is attached (docs: {@code qapi/block-core.json},
 * BlockdevOptions). No other option is passed on to QEMU.
 */
public enum ImageProperty {

	/** Never probed, so that no guest can choose it by what it writes. */
	FORMAT("format", "raw", "qcow2"),

	/** The host's page cache: writethrough also turns the device's write cache off. */
	CACHE("cache", "none", "writeback", "writethrough"),

	/** How QEMU reads and writes the file; native needs the cache none. */
	AIO("aio", "threads", "native", "io_uring"),

	DISCARD("discard", "ignore", "unmap"),

	/** What is done with zeroes that are written; unmap needs the discard unmap. */
	DETECT_ZEROES("detect-zeroes", "off", "on", "unmap"),

	/** There is no off: without the lock two machines can write to one file. */
	LOCKING("locking", "auto", "on");

	private final String qemuName;

	private final List<String> choices;

	ImageProperty(String qemuName, String... choices) {
		this.qemuName = qemuName;
		this.choices = List.of(choices);
	}

	/**
	 * Returns its name.
	 * @return the name in requests, which is QEMU's
	 */
	public String qemuName() {
		return this.qemuName;
	}

	/**
	 * Returns what it can be.
	 * @return the values
	 */
	public List<String> choices() {
		return this.choices;
	}

	/**
	 * Finds a property by its name.
	 * @param name the name, such as {@code detect-zeroes}
	 * @return the property, or nothing when there is none of that name
	 */
	public static Optional<ImageProperty> named(String name) {
		return Arrays.stream(values()).filter((property) -> property.qemuName.equals(name)).findFirst();
	}

	/**
	 * Returns the names of all properties.
	 * @return the names, joined by commas
	 */
	public static String names() {
		return Arrays.stream(values()).map(ImageProperty::qemuName).collect(Collectors.joining(", "));
	}

}
