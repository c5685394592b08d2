package dev.iothreads.embedded;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

import dev.iothreads.machine.DeviceProperty;

/**
 * The kinds of virtio devices that can run on an IOThread, with what QEMU 10 has for
 * each.
 */
enum DeviceKind {

	DISK("virtio-blk", true, true, EnumSet.of(DeviceProperty.SERIAL, DeviceProperty.BOOTINDEX,
			DeviceProperty.NUM_QUEUES, DeviceProperty.QUEUE_SIZE, DeviceProperty.WRITE_CACHE, DeviceProperty.CONFIG_WCE,
			DeviceProperty.SHARE_RW, DeviceProperty.DISCARD, DeviceProperty.DISCARD_GRANULARITY,
			DeviceProperty.WRITE_ZEROES, DeviceProperty.MAX_DISCARD_SECTORS, DeviceProperty.MAX_WRITE_ZEROES_SECTORS,
			DeviceProperty.LOGICAL_BLOCK_SIZE, DeviceProperty.PHYSICAL_BLOCK_SIZE, DeviceProperty.MIN_IO_SIZE,
			DeviceProperty.OPT_IO_SIZE, DeviceProperty.RERROR, DeviceProperty.WERROR, DeviceProperty.ACCOUNT_FAILED,
			DeviceProperty.ACCOUNT_INVALID, DeviceProperty.REQUEST_MERGING)),

	SCSI_CONTROLLER("virtio-scsi", false, true,
			EnumSet.of(DeviceProperty.NUM_QUEUES_SCSI, DeviceProperty.VIRTQUEUE_SIZE, DeviceProperty.MAX_SECTORS,
					DeviceProperty.CMD_PER_LUN)),

	BALLOON("virtio-balloon", false, false,
			EnumSet.of(DeviceProperty.DEFLATE_ON_OOM, DeviceProperty.FREE_PAGE_REPORTING));

	private static final Set<DeviceProperty> OF_ALL = EnumSet.of(DeviceProperty.VECTORS, DeviceProperty.PACKED,
			DeviceProperty.EVENT_IDX, DeviceProperty.INDIRECT_DESC, DeviceProperty.IOEVENTFD,
			DeviceProperty.IOMMU_PLATFORM, DeviceProperty.ATS);

	// The -transitional and -non-transitional drivers have neither.
	private static final Set<DeviceProperty> OF_PLAIN_PCI = EnumSet.of(DeviceProperty.DISABLE_LEGACY,
			DeviceProperty.DISABLE_MODERN);

	private static final String PCI = "-pci";

	private final String prefix;

	private final boolean drive;

	private final boolean mapping;

	private final Set<DeviceProperty> properties;

	DeviceKind(String prefix, boolean drive, boolean mapping, Set<DeviceProperty> properties) {
		this.prefix = prefix;
		this.drive = drive;
		this.mapping = mapping;
		this.properties = properties;
	}

	boolean hasDrive() {
		return this.drive;
	}

	/**
	 * Tells whether virtqueues can be spread over IOThreads.
	 */
	boolean hasMapping() {
		return this.mapping;
	}

	boolean has(String driver, DeviceProperty property) {
		return this.properties.contains(property) || OF_ALL.contains(property)
				|| (driver.endsWith(PCI) && OF_PLAIN_PCI.contains(property));
	}

	static Optional<DeviceKind> of(String driver) {
		return Arrays.stream(values()).filter((kind) -> driver.startsWith(kind.prefix + "-")).findFirst();
	}

}
