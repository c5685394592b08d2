package dev.iothreads.machine;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

/**
 * An image that a device is to serve.
 *
 * @param file its path on the host of the machine
 * @param readOnly whether the machine must not write to it
 * @param properties what it is given, each one of the property's values
 * @param blockDevice whether it is a block device of the host, and no regular file
 * @param directories where it and everything beneath it must be
 */
public record NewImage(String file, boolean readOnly, Map<ImageProperty, String> properties, boolean blockDevice,
		ImageDirectories directories) {

	public NewImage {
		Map<ImageProperty, String> copy = new EnumMap<>(ImageProperty.class);
		copy.putAll(properties);
		properties = copy;
	}

	/**
	 * Creates an image that has yet to be looked for.
	 * @param file its path on the host of the machine
	 * @param readOnly whether the machine must not write to it
	 * @param properties what it is given
	 */
	public NewImage(String file, boolean readOnly, Map<ImageProperty, String> properties) {
		this(file, readOnly, properties, false, ImageDirectories.NONE);
	}

	/**
	 * Returns its format.
	 * @return the format, such as {@code raw}
	 */
	public String format() {
		return Objects.requireNonNullElse(get(ImageProperty.FORMAT), "raw");
	}

	/**
	 * Returns what it is given.
	 * @param property the property
	 * @return the value, {@code null} for the machine's default
	 */
	public @Nullable String get(ImageProperty property) {
		return this.properties.get(property);
	}

	/**
	 * Checks values that depend on each other, as QEMU does when it opens the image.
	 * @throws InvalidRequestException when they do not go together
	 */
	public void requireValid() {
		if ("native".equals(get(ImageProperty.AIO)) && !"none".equals(get(ImageProperty.CACHE))) {
			throw wrong(ImageProperty.AIO, "native goes past the host's page cache. Set cache to none with it.");
		}
		if ("unmap".equals(get(ImageProperty.DETECT_ZEROES)) && !"unmap".equals(get(ImageProperty.DISCARD))) {
			throw wrong(ImageProperty.DETECT_ZEROES, "unmap discards zeroes. Set discard to unmap with it.");
		}
	}

	private static InvalidRequestException wrong(ImageProperty property, String message) {
		return new InvalidRequestException("image." + property.qemuName(), message);
	}

}
