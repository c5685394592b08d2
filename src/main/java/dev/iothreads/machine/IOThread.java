package dev.iothreads.machine;

import java.util.List;

/**
 * An IOThread of a machine, as it was at the time of the snapshot it is part of.
 *
 * @param id the id of its object, unique in its machine
 * @param threadId the thread's id in the kernel, as QEMU sees it: in a container this is
 * the number inside of it
 * @param settings the values of its properties
 * @param attached what runs on it, sorted by QOM path, each once
 */
public record IOThread(String id, long threadId, IOThreadSettings settings, List<Attachment> attached) {

	public IOThread {
		attached = List.copyOf(attached);
	}

}
