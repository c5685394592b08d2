package dev.iothreads.machine;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

/**
 * A machine's IOThreads and devices at one moment.
 *
 * @param observedAt when the reading began: nothing in it is older
 * @param qemuVersion the version of that QEMU, such as {@code 11.1.3}
 * @param managedBy who else manages that QEMU, such as {@code libvirt}, or {@code null}
 * @param iothreads its IOThreads, sorted by id
 * @param devices the devices that can run on an IOThread, sorted by QOM path
 * @param activity how busy they are
 * @param identity which guest it is, and whether that runs
 * @param departures why devices have gone that no client of the service asked to go, by
 * their QOM paths; of the last ones only
 */
public record Snapshot(Instant observedAt, String qemuVersion, @Nullable String managedBy, List<IOThread> iothreads,
		List<Device> devices, Activity activity, Identity identity, Map<String, String> departures) {

	/** It is a domain of libvirt's. */
	public static final String LIBVIRT = "libvirt";

	/** It is a VM of Proxmox VE. */
	public static final String PROXMOX = "proxmox";

	public Snapshot {
		iothreads = NaturalOrder.sorted(iothreads, Comparator.comparing(IOThread::id, NaturalOrder.OF_IDS));
		devices = NaturalOrder.sorted(devices, Comparator.naturalOrder());
		departures = Map.copyOf(departures);
	}

	/**
	 * Creates a snapshot of a machine whose activity is unknown.
	 * @param observedAt when the reading began
	 * @param qemuVersion the version of that QEMU
	 * @param managedBy who else manages it, or {@code null}
	 * @param iothreads its IOThreads
	 * @param devices the devices that can run on an IOThread
	 */
	public Snapshot(Instant observedAt, String qemuVersion, @Nullable String managedBy, List<IOThread> iothreads,
			List<Device> devices) {
		this(observedAt, qemuVersion, managedBy, iothreads, devices, Activity.UNKNOWN, Identity.UNKNOWN, Map.of());
	}

	/**
	 * Joins what a machine says of its IOThreads with what its devices say of theirs. A
	 * device that both speak of is there once, known by its QOM path.
	 * @param observedAt when the reading began
	 * @param qemuVersion the version of that QEMU
	 * @param managedBy who else manages it, or {@code null}
	 * @param iothreads its IOThreads, each with what the machine itself reports to be on
	 * it
	 * @param devices its devices, each with the IOThreads it runs on
	 * @return the snapshot, in which every IOThread has all that runs on it
	 */
	public static Snapshot join(Instant observedAt, String qemuVersion, @Nullable String managedBy,
			List<IOThread> iothreads, List<Device> devices) {
		List<IOThread> joined = new ArrayList<>(iothreads.size());
		for (IOThread iothread : iothreads) {
			Map<String, Attachment> attached = new TreeMap<>(NaturalOrder.OF_IDS);
			iothread.attached().forEach((attachment) -> attached.put(attachment.place(), attachment));
			for (Device device : devices) {
				if (device.iothreads().contains(iothread.id())) {
					attached.put(device.qomPath(), new Attachment(Attachment.DEVICE, device.id(), device.driver(),
							device.qomPath(), device.virtqueues().get(iothread.id())));
				}
			}
			joined.add(new IOThread(iothread.id(), iothread.threadId(), iothread.settings(),
					attached.values().stream().sorted().toList()));
		}
		return new Snapshot(observedAt, qemuVersion, managedBy, joined, devices);
	}

	/**
	 * Returns the same snapshot with how busy the machine is.
	 * @param known what is known of that
	 * @return the snapshot
	 */
	public Snapshot with(Activity known) {
		return with(known, this.identity, this.departures);
	}

	/**
	 * Returns the same snapshot with all that is known besides its IOThreads and devices.
	 * @param busy how busy the machine is
	 * @param guest which guest it is, and whether that runs
	 * @param unasked why devices have gone, by their QOM paths
	 * @return the snapshot
	 */
	public Snapshot with(Activity busy, Identity guest, Map<String, String> unasked) {
		return new Snapshot(this.observedAt, this.qemuVersion, this.managedBy, this.iothreads, this.devices, busy,
				guest, unasked);
	}

	/**
	 * Returns the same snapshot with the CPUs that IOThreads may run on.
	 * @param allowed the host's CPUs by the id of the IOThread
	 * @return the snapshot
	 */
	public Snapshot withCpus(Map<String, String> allowed) {
		return new Snapshot(this.observedAt, this.qemuVersion, this.managedBy,
				this.iothreads.stream().map((iothread) -> iothread.allowedOn(allowed.get(iothread.id()))).toList(),
				this.devices, this.activity, this.identity, this.departures);
	}

	/**
	 * Returns the same snapshot with what is known of the guest.
	 * @param known which guest it is, and whether that runs
	 * @return the snapshot
	 */
	public Snapshot with(Identity known) {
		return with(this.activity, known, this.departures);
	}

	/**
	 * Returns the same snapshot with which IOThreads are of a pool.
	 * @param pool the pool
	 * @return the snapshot
	 */
	public Snapshot with(Pool pool) {
		return new Snapshot(this.observedAt, this.qemuVersion, this.managedBy,
				this.iothreads.stream().map((iothread) -> iothread.in(pool)).toList(), this.devices, this.activity,
				this.identity, this.departures);
	}

	/**
	 * Returns the same snapshot with the lists of another one where they are equal: a
	 * later comparison of the two snapshots is quick then.
	 * @param before the other one
	 * @return the snapshot
	 */
	public Snapshot sharing(Snapshot before) {
		return new Snapshot(this.observedAt, this.qemuVersion, this.managedBy,
				before.iothreads.equals(this.iothreads) ? before.iothreads : this.iothreads,
				before.devices.equals(this.devices) ? before.devices : this.devices, this.activity, this.identity,
				this.departures);
	}

	/**
	 * Finds an IOThread.
	 * @param id its id
	 * @return the IOThread, or nothing when there is none of that id
	 */
	public Optional<IOThread> iothread(String id) {
		return this.iothreads.stream().filter((iothread) -> iothread.id().equals(id)).findFirst();
	}

	/**
	 * Finds a device.
	 * @param id its id
	 * @return the device, or nothing when there is none of that id
	 */
	public Optional<Device> device(String id) {
		return this.devices.stream().filter((device) -> device.id().equals(id)).findFirst();
	}

	/**
	 * Finds the SCSI controller of a disk.
	 * @param disk the disk's id
	 * @return the controller, or nothing when none has a disk of that id
	 */
	public Optional<Device> controllerOf(String disk) {
		return this.devices.stream()
			.filter((device) -> device.disks().stream().anyMatch((behind) -> behind.id().equals(disk)))
			.findFirst();
	}

	/**
	 * Finds what runs on IOThreads for an id.
	 * @param id the id of a device or of a SCSI disk
	 * @return the device, or the disk's controller; nothing when there is neither
	 */
	public Optional<Device> runnerOf(String id) {
		return device(id).or(() -> controllerOf(id));
	}

	/**
	 * Counts the attachments of all IOThreads: a device that runs on two counts twice.
	 * @return the sum of the attached counts
	 */
	public int attachedCount() {
		return this.iothreads.stream().mapToInt((iothread) -> iothread.attached().size()).sum();
	}

}
