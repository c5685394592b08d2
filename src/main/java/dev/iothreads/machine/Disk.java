package dev.iothreads.machine;

import java.util.Comparator;

import org.jspecify.annotations.Nullable;

/**
 * A disk behind a SCSI controller. It runs where its controller does.
 *
 * @param id its id, or its place among those without one, such as {@code device[0]}
 * @param driver its type in QEMU, such as {@code scsi-hd}
 * @param qomPath its QOM path
 * @param target the SCSI target that it is, from 0 ({@code scsi-id} in QEMU)
 * @param lun its logical unit number there, from 0
 * @param drive the block node it serves, {@code null} when it has none
 * @param driveGoesWithIt whether QEMU removes the drive together with the disk
 * @param image the image beneath the drive, {@code null} where there is none that is
 * known
 */
public record Disk(String id, String driver, String qomPath, long target, long lun, @Nullable String drive,
		boolean driveGoesWithIt, @Nullable DiskImage image) implements Comparable<Disk> {

	private static final Comparator<Disk> ORDER = Comparator.comparingLong(Disk::target)
		.thenComparingLong(Disk::lun)
		.thenComparing(Disk::qomPath, NaturalOrder.OF_IDS);

	/**
	 * Orders by target and LUN.
	 */
	@Override
	public int compareTo(Disk other) {
		return ORDER.compare(this, other);
	}

}
