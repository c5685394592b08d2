package dev.iothreads.machine;

import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

/**
 * A device that can run on IOThreads.
 *
 * @param id its id, or its place among those without one, such as {@code device[0]}
 * @param driver its type in QEMU, such as {@code virtio-blk-pci}
 * @param qomPath the QOM path of the device that does the work: the
 * {@code virtio-backend} of a PCI or CCW proxy
 * @param iothreads the ids of the IOThreads it runs on, sorted, each once; none when it
 * runs in QEMU's main loop
 * @param state whether it is attached to them
 * @param reason why it is in that state, where there is something to say
 * @param drive the block node it serves, {@code null} when it has none
 * @param driveGoesWithIt whether QEMU removes the drive together with the device
 * @param hotpluggable {@code false} where QEMU refuses to unplug it while the machine
 * runs; {@code true} where it does not, and where that is not known
 * @param virtqueues which of its virtqueues each IOThread serves, by the IOThread's id;
 * empty where QEMU does not say
 * @param disks the disks behind it, sorted by target and LUN; only a SCSI controller has
 * any
 * @param image the image beneath the drive, {@code null} where there is none that is
 * known
 */
public record Device(String id, String driver, String qomPath, List<String> iothreads, DeviceState state,
		@Nullable String reason, @Nullable String drive, boolean driveGoesWithIt, boolean hotpluggable,
		Map<String, List<Integer>> virtqueues, List<Disk> disks,
		@Nullable DiskImage image) implements Comparable<Device> {

	/**
	 * Creates a device with a drive that stays, and virtqueues that are not known.
	 * @param id its id
	 * @param driver its type in QEMU
	 * @param qomPath the QOM path of the device that does the work
	 * @param iothreads the ids of the IOThreads it runs on
	 * @param state whether it is attached to them
	 * @param reason why it is in that state
	 * @param drive the block node it serves
	 */
	public Device(String id, String driver, String qomPath, List<String> iothreads, DeviceState state,
			@Nullable String reason, @Nullable String drive) {
		this(id, driver, qomPath, iothreads, state, reason, drive, false, true, Map.of(), List.of(), null);
	}

	public Device {
		virtqueues = Map.copyOf(virtqueues);
		disks = NaturalOrder.sorted(disks, Comparator.naturalOrder());
		iothreads = NaturalOrder.sorted(List.copyOf(new LinkedHashSet<>(iothreads)), NaturalOrder.OF_IDS);
	}

	/**
	 * Returns the same device with a reason.
	 * @param known why it is in its state, or has gone
	 * @return the device
	 */
	public Device because(String known) {
		return as(this.state, known);
	}

	/**
	 * Returns the same device in another state.
	 * @param current whether it is attached to its IOThreads
	 * @param known why it is in that state
	 * @return the device
	 */
	public Device as(DeviceState current, @Nullable String known) {
		return new Device(this.id, this.driver, this.qomPath, this.iothreads, current, known, this.drive,
				this.driveGoesWithIt, this.hotpluggable, this.virtqueues, this.disks, this.image);
	}

	/**
	 * Returns the block nodes that it serves, itself or by its disks.
	 * @return the names of the nodes
	 */
	public Stream<String> drives() {
		return Stream.concat(Stream.ofNullable(this.drive),
				this.disks.stream().flatMap((disk) -> Stream.ofNullable(disk.drive())));
	}

	/**
	 * Returns the same device with the image beneath its drive.
	 * @param known the image, {@code null} where there is none
	 * @return the device
	 */
	public Device with(@Nullable DiskImage known) {
		return new Device(this.id, this.driver, this.qomPath, this.iothreads, this.state, this.reason, this.drive,
				this.driveGoesWithIt, this.hotpluggable, this.virtqueues, this.disks, known);
	}

	/**
	 * Orders by QOM path.
	 */
	@Override
	public int compareTo(Device other) {
		return NaturalOrder.OF_IDS.compare(this.qomPath, other.qomPath);
	}

}
