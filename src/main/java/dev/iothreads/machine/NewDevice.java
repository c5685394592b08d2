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
 */
public record NewDevice(String id, String driver, List<String> iothreads, @Nullable String drive, @Nullable String bus,
		Map<DeviceProperty, Object> properties) {

	public NewDevice {
		iothreads = List.copyOf(iothreads);
		Map<DeviceProperty, Object> copy = new EnumMap<>(DeviceProperty.class);
		copy.putAll(properties);
		properties = copy;
	}

	/**
	 * Returns the same device on other IOThreads.
	 * @param ids the ids of the IOThreads
	 * @return the device
	 */
	public NewDevice on(List<String> ids) {
		return new NewDevice(this.id, this.driver, ids, this.drive, this.bus, this.properties);
	}

}
