package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import dev.iothreads.machine.DiskImage;
import dev.iothreads.machine.IOThreadSettings;
import org.jspecify.annotations.Nullable;

/**
 * All that one reading goes by: what it has listed, and what was read now or before of
 * what is listed.
 *
 * @param lists what is there
 * @param threadIds the thread ids of the IOThreads by their ids
 * @param devices the devices that can run on an IOThread, by QOM path
 * @param disks the disks on SCSI buses, by QOM path
 * @param objects the other objects that can, by QOM path
 * @param settings what only an IOThread's object has
 * @param backends the names of the drives that were given by {@code -drive}
 * @param images the images beneath the drives, by the names of these; of those that have
 * none, too. Empty where QEMU was not asked
 * @param known the images that were read before
 * @param unread what was listed and did not answer
 */
record ReadResult(ReadingPlan.Lists lists, Map<String, Long> threadIds, Map<String, KnownDevice> devices,
		Map<String, Knowledge.KnownDisk> disks, Map<String, Knowledge.KnownObject> objects,
		Map<ThreadKey, IOThreadSettings> settings, Set<String> backends, Map<String, Optional<DiskImage>> images,
		Map<String, Optional<DiskImage>> known, List<Qom.Child> unread) {

	ReadResult(ReadingPlan.Lists lists, Map<String, Long> threadIds, Map<String, Optional<DiskImage>> images) {
		this(lists, threadIds, new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(), new HashMap<>(),
				new HashSet<>(), new HashMap<>(), images, new ArrayList<>());
	}

	/**
	 * Returns the names of the drives of its devices and disks.
	 */
	Stream<String> drives() {
		return Stream
			.concat(this.devices.values().stream().map(KnownDevice::drive),
					this.disks.values().stream().map(Knowledge.KnownDisk::drive))
			.flatMap(Stream::ofNullable);
	}

	@Nullable DiskImage image(@Nullable String drive) {
		return (drive == null) ? null
				: (this.images.isEmpty() ? this.known : this.images).getOrDefault(drive, Optional.empty()).orElse(null);
	}

	ThreadKey key(String iothread) {
		return new ThreadKey(iothread, this.threadIds.getOrDefault(iothread, ThreadKey.GONE));
	}

}
