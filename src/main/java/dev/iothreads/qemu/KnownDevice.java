package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * What was read of a device once, because it does not change while the device exists.
 *
 * @param type its QOM type
 * @param worker the QOM path of the device that does the work
 * @param links the IOThreads it was made with
 * @param mapped whether the links are those of an {@code iothread-vq-mapping}, which
 * names IOThreads and holds no reference to them
 * @param drive the block node it serves
 * @param driveGoesWithIt whether the drive was given by {@code -drive}: QEMU removes it
 * together with the device
 * @param virtqueues which virtqueues each IOThread of a mapping serves; empty where that
 * is not known
 * @param hotpluggable {@code false} where QEMU refuses to unplug it while the machine
 * runs
 * @param isReadable whether QEMU gave its properties
 */
record KnownDevice(String type, String worker, List<ThreadKey> links, boolean mapped, @Nullable String drive,
		boolean driveGoesWithIt, Map<String, List<Integer>> virtqueues, boolean hotpluggable, boolean isReadable) {

	static KnownDevice unreadable(Qom.Child device) {
		return new KnownDevice(device.type(), device.path(), List.of(), false, null, false, Map.of(), true, false);
	}

	/**
	 * Returns it with the threads that it was known to run on, where it may be the same
	 * device. Of a mapping QEMU names the IOThreads by their ids, which others may have
	 * by now; of a deleted IOThread it names none.
	 * @param before what was known at its path
	 */
	KnownDevice sameAs(@Nullable KnownDevice before) {
		boolean same = before != null && before.type.equals(this.type)
				&& (this.links.isEmpty() || (this.mapped && ids(before).equals(ids(this))));
		return (before != null && same) ? withLinks(before.links) : this;
	}

	private static List<String> ids(KnownDevice device) {
		return device.links.stream().map(ThreadKey::id).toList();
	}

	KnownDevice withLinks(List<ThreadKey> iothreads) {
		return new KnownDevice(this.type, this.worker, iothreads, this.mapped, this.drive, this.driveGoesWithIt,
				this.virtqueues, this.hotpluggable, this.isReadable);
	}

	KnownDevice withDrive(String node) {
		return new KnownDevice(this.type, this.worker, this.links, this.mapped, node.isEmpty() ? null : node,
				this.driveGoesWithIt, this.virtqueues, this.hotpluggable, this.isReadable);
	}

	/**
	 * Returns the ids of IOThreads that were deleted under it and given to others since.
	 * QEMU 10.0 to 11.1 abort when it is unplugged then: they find the IOThread by its
	 * name and drop a reference that they never took.
	 */
	List<String> reusedIds(Map<String, Long> threadIds) {
		return this.links.stream()
			.filter((link) -> this.mapped && threadIds.containsKey(link.id()) && !link.isAlive(threadIds))
			.map(ThreadKey::id)
			.toList();
	}

	/**
	 * Says why it must not be unplugged now.
	 * @return the reason and the way out, {@code null} when it may be unplugged
	 */
	@Nullable String unplugHazard(Map<String, Long> threadIds) {
		List<String> reused = reusedIds(threadIds);
		return reused.isEmpty() ? null
				: "It runs on IOThread %s, which was deleted while the device used it, and its id was given to another one since: QEMU aborts when the device is unplugged now. Remove that IOThread first, then unplug the device."
					.formatted(String.join(", ", reused));
	}

}
