package dev.iothreads.machine;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * A device to be attached.
 *
 * @param id the id it is to have
 * @param driver its driver, such as {@code virtio-blk-pci}
 * @param iothreads the ids of the IOThreads it is to run on, in the order in which its
 * virtqueues go round them
 * @param drive the block node it serves, {@code null} for none
 * @param bus the bus it goes on, {@code null} for whichever has room
 * @param properties further properties, each with a {@link String}, {@link Boolean} or
 * {@link Long}
 * @param image the image file it serves, {@code null} for none
 */
public record NewDevice(String id, String driver, List<String> iothreads, @Nullable String drive, @Nullable String bus,
		Map<DeviceProperty, Object> properties, @Nullable Image image) {

	public NewDevice {
		iothreads = List.copyOf(iothreads);
		Map<DeviceProperty, Object> copy = new EnumMap<>(DeviceProperty.class);
		copy.putAll(properties);
		properties = copy;
	}

	/**
	 * Creates a device that serves no image file.
	 * @param id the id it is to have
	 * @param driver its driver
	 * @param iothreads the ids of the IOThreads it is to run on
	 * @param drive the block node it serves, {@code null} for none
	 * @param bus the bus it goes on, {@code null} for whichever has room
	 * @param properties further properties
	 */
	public NewDevice(String id, String driver, List<String> iothreads, @Nullable String drive, @Nullable String bus,
			Map<DeviceProperty, Object> properties) {
		this(id, driver, iothreads, drive, bus, properties, null);
	}

	/**
	 * Returns the same device on other IOThreads.
	 * @param ids the ids of the IOThreads
	 * @return the device
	 */
	public NewDevice on(List<String> ids) {
		return new NewDevice(this.id, this.driver, ids, this.drive, this.bus, this.properties, this.image);
	}

	/**
	 * Returns the same device with another id.
	 * @param other the id
	 * @return the device
	 */
	public NewDevice named(String other) {
		return new NewDevice(other, this.driver, this.iothreads, this.drive, this.bus, this.properties, this.image);
	}

	/**
	 * An image file.
	 *
	 * @param file its path on the host of the machine
	 * @param format its format, such as {@code raw} or {@code qcow2}
	 * @param readOnly whether the machine must not write to it
	 */
	public record Image(String file, String format, boolean readOnly) {

	}

}
