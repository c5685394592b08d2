package dev.iothreads.machine;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * A device to be attached.
 *
 * @param id the id it is to have
 * @param driver its driver, such as {@code virtio-blk-pci}, or {@value #DISK}
 * @param iothreads the ids of the IOThreads it is to run on, in the order in which its
 * virtqueues go round them; none of a {@value #SCSI_DISK}
 * @param drive the block node it serves, {@code null} for none
 * @param bus the bus it goes on, {@code null} for one that has room
 * @param properties further properties, each with a {@link String}, {@link Boolean} or
 * {@link Long}
 * @param image the image file it serves, {@code null} for none
 * @param target the name that libvirt is to give the disk, such as {@code vdb},
 * {@code null} for the first that is free
 */
public record NewDevice(String id, String driver, List<String> iothreads, @Nullable String drive, @Nullable String bus,
		Map<DeviceProperty, Object> properties, @Nullable NewImage image, @Nullable String target) {

	/** A disk on the bus that the machine's devices are on. */
	public static final String DISK = "virtio-blk";

	/** A disk on PCI. */
	public static final String PCI_DISK = "virtio-blk-pci";

	/** A disk behind a SCSI controller, which runs where that does. */
	public static final String SCSI_DISK = "scsi-hd";

	private static final long SMALLEST_BLOCK = 512;

	private static final long MAX_MIN_IO = 65535;

	private static final long UNSET = 4294967295L;

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
	 * @param bus the bus it goes on, {@code null} for one that has room
	 * @param properties further properties
	 */
	public NewDevice(String id, String driver, List<String> iothreads, @Nullable String drive, @Nullable String bus,
			Map<DeviceProperty, Object> properties) {
		this(id, driver, iothreads, drive, bus, properties, null, null);
	}

	/**
	 * Returns whether it goes behind a SCSI controller, and has no IOThreads of its own.
	 * @return whether it does
	 */
	public boolean isBehindController() {
		return this.driver.equals(SCSI_DISK);
	}

	/**
	 * Returns the same device on other IOThreads.
	 * @param ids the ids of the IOThreads
	 * @return the device
	 */
	public NewDevice on(List<String> ids) {
		return new NewDevice(this.id, this.driver, ids, this.drive, this.bus, this.properties, this.image, this.target);
	}

	/**
	 * Returns the same device with another driver.
	 * @param other the driver
	 * @return the device
	 */
	public NewDevice as(String other) {
		return new NewDevice(this.id, other, this.iothreads, this.drive, this.bus, this.properties, this.image,
				this.target);
	}

	/**
	 * Returns the same device with another id.
	 * @param other the id
	 * @return the device
	 */
	public NewDevice named(String other) {
		return new NewDevice(other, this.driver, this.iothreads, this.drive, this.bus, this.properties, this.image,
				this.target);
	}

	/**
	 * Returns the same device with the block node that its image was opened as.
	 * @param node the block node
	 * @return the device
	 */
	public NewDevice serving(String node) {
		Map<DeviceProperty, Object> all = new EnumMap<>(DeviceProperty.class);
		if (this.image != null && "writethrough".equals(this.image.get(ImageProperty.CACHE))) {
			all.put(DeviceProperty.WRITE_CACHE, "off");
		}
		all.putAll(this.properties);
		return new NewDevice(this.id, this.driver, this.iothreads, node, this.bus, all, this.image, this.target);
	}

	/**
	 * Returns the same device with another image.
	 * @param other the image
	 * @return the device
	 */
	public NewDevice with(NewImage other) {
		return new NewDevice(this.id, this.driver, this.iothreads, this.drive, this.bus, this.properties, other,
				this.target);
	}

	/**
	 * Checks that it leaves out what only libvirt can give it.
	 * @throws InvalidRequestException when it has a target
	 */
	public void requireNoTarget() {
		if (this.target != null) {
			throw new InvalidRequestException("target",
					"Only libvirt names its disks, and this machine is not libvirt's. Leave it out.");
		}
	}

	/**
	 * Checks values that depend on each other, as QEMU does when it realizes the device
	 * (source: {@code hw/block/block.c}). QEMU 10.0 keeps the block node in use when it
	 * refuses there.
	 * @param unsetPhysical the size of a physical block where none is given, in bytes
	 * @throws InvalidRequestException when they do not go together
	 */
	public void requireValid(long unsetPhysical) {
		long logical = size(DeviceProperty.LOGICAL_BLOCK_SIZE, SMALLEST_BLOCK);
		long physical = size(DeviceProperty.PHYSICAL_BLOCK_SIZE, unsetPhysical);
		if (logical > physical) {
			throw wrong(DeviceProperty.LOGICAL_BLOCK_SIZE,
					"It must be no more than physical_block_size, which is %d.".formatted(physical));
		}
		for (DeviceProperty property : List.of(DeviceProperty.MIN_IO_SIZE, DeviceProperty.OPT_IO_SIZE,
				DeviceProperty.DISCARD_GRANULARITY)) {
			long size = size(property, 0);
			if (size % logical != 0 && !(property == DeviceProperty.DISCARD_GRANULARITY && size == UNSET)) {
				throw wrong(property, "It must be a multiple of logical_block_size.");
			}
		}
		if (size(DeviceProperty.MIN_IO_SIZE, 0) / logical > MAX_MIN_IO) {
			throw wrong(DeviceProperty.MIN_IO_SIZE, "It must be no more than %d logical blocks.".formatted(MAX_MIN_IO));
		}
		if ("on".equals(this.properties.get(DeviceProperty.DISABLE_LEGACY))
				&& Boolean.TRUE.equals(this.properties.get(DeviceProperty.DISABLE_MODERN))) {
			throw wrong(DeviceProperty.DISABLE_MODERN,
					"Without legacy and modern there is nothing left. Leave one of them out.");
		}
	}

	private long size(DeviceProperty property, long otherwise) {
		return (this.properties.get(property) instanceof Long given) ? given : otherwise;
	}

	private static InvalidRequestException wrong(DeviceProperty property, String message) {
		return new InvalidRequestException("properties." + property.qemuName(), message);
	}

}
