package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.machine.IOThreadSettings;

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
 * @param unread what was listed and did not answer
 */
record ReadResult(ReadingPlan.Lists lists, Map<String, Long> threadIds, Map<String, KnownDevice> devices,
		Map<String, Knowledge.KnownDisk> disks, Map<String, Knowledge.KnownObject> objects,
		Map<ThreadKey, IOThreadSettings> settings, Set<String> backends, List<Qom.Child> unread) {

	ReadResult(ReadingPlan.Lists lists, Map<String, Long> threadIds) {
		this(lists, threadIds, new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(), new HashMap<>(),
				new HashSet<>(), new ArrayList<>());
	}

	ThreadKey key(String iothread) {
		return new ThreadKey(iothread, this.threadIds.getOrDefault(iothread, ThreadKey.GONE));
	}

}
