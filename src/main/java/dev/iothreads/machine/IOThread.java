package dev.iothreads.machine;

import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * An IOThread of a machine, as it was at the time of the snapshot it is part of.
 *
 * @param id the id of its object, unique in its machine
 * @param threadId the thread's id in the kernel, as QEMU sees it: in a container this is
 * the number inside of it
 * @param settings the values of its properties
 * @param attached what runs on it, sorted by QOM path, each once
 * @param cpusAllowed the host's CPUs that its thread may run on, as the kernel lists
 * them, such as {@code 0-3,8}; {@code null} where neither this host nor libvirt shows the
 * thread
 * @param pool the pool that it is one of, {@code null} for none
 */
public record IOThread(String id, long threadId, IOThreadSettings settings, List<Attachment> attached,
		@Nullable String cpusAllowed, @Nullable String pool) {

	public IOThread {
		attached = List.copyOf(attached);
	}

	/**
	 * Creates an IOThread whose thread this host does not show.
	 * @param id the id of its object
	 * @param threadId the thread's id, as QEMU sees it
	 * @param settings the values of its properties
	 * @param attached what runs on it
	 */
	public IOThread(String id, long threadId, IOThreadSettings settings, List<Attachment> attached) {
		this(id, threadId, settings, attached, null, null);
	}

	IOThread allowedOn(@Nullable String cpus) {
		return new IOThread(this.id, this.threadId, this.settings, this.attached, cpus, this.pool);
	}

	IOThread in(Pool wanted) {
		return new IOThread(this.id, this.threadId, this.settings, this.attached, this.cpusAllowed,
				wanted.ids().contains(this.id) ? wanted.name() : null);
	}

}
