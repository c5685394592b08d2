package dev.iothreads.inventory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.CpuList;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.ImageDirectories;
import dev.iothreads.machine.ImageFile;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.InvalidRequestException.Violation;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.NaturalOrder;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NewImage;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.ObjectId;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * Changes machines, with the checks that QEMU does not make. The changes of one machine
 * are made one after another, each on a reading of its own.
 * <p>
 * Every change fails with {@link NotFoundException} when there is no such machine,
 * IOThread or device, {@link InvalidRequestException} when a value is not allowed,
 * {@link ChangeRefusedException} when it must not be made now, and another
 * {@link MachineException} when the machine cannot be asked, refuses, or does not answer.
 */
public final class ChangeService {

	// The default of a new IOThread (source: QEMU's block/aio.h).
	private static final IOThreadSettings POOL_DEFAULT = new IOThreadSettings(
			Map.of(IOThreadProperty.THREAD_POOL_MAX, 64L));

	private static final Pattern BUS = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

	private final Inventory inventory;

	private final Set<String> drivers;

	private final ImageDirectories images;

	private final Duration detachWait;

	private final Duration maxAge;

	private final boolean live;

	/**
	 * Creates the service.
	 * @param inventory the machines
	 * @param drivers the drivers of devices that may be attached
	 * @param images where images may be attached from
	 * @param detachWait how long to wait for a guest to release a device
	 * @param maxAge how old the list of free block nodes and buses may be
	 */
	public ChangeService(Inventory inventory, Set<String> drivers, ImageDirectories images, Duration detachWait,
			Duration maxAge) {
		this(inventory, drivers, images, detachWait, maxAge, false);
	}

	private ChangeService(Inventory inventory, Set<String> drivers, ImageDirectories images, Duration detachWait,
			Duration maxAge, boolean live) {
		this.images = images;
		this.inventory = inventory;
		this.detachWait = detachWait;
		this.maxAge = maxAge;
		this.drivers = Set.copyOf(drivers);
		this.live = live;
	}

	/**
	 * Returns the same service for changes that are to last, or not.
	 * @param persistent whether the definition that a machine's next start uses is to be
	 * changed as well, where there is one
	 * @return the service
	 */
	public ChangeService persisting(boolean persistent) {
		return new ChangeService(this.inventory, this.drivers, this.images, this.detachWait, this.maxAge, !persistent);
	}

	private Snapshot change(ChangeQueue queue, BiConsumer<Snapshot, Changes> change) {
		return queue.change((before, changes) -> change.accept(before, this.live ? changes.liveOnly() : changes));
	}

	/**
	 * Adds an IOThread.
	 * @param machine the machine's name
	 * @param id the id of the IOThread, {@code null} for the next that is free
	 * @param settings the properties to give it
	 * @return the id, and the machine with the IOThread
	 */
	public Changed add(String machine, @Nullable String id, IOThreadSettings settings) {
		ChangeQueue queue = this.inventory.entry(machine).changes();
		List<Violation> violations = new ArrayList<>();
		if (id != null) {
			checkId(id, violations);
		}
		checkRanges(settings, violations);
		refuse(violations);
		POOL_DEFAULT.changedBy(settings);
		AtomicReference<String> added = new AtomicReference<>();
		Snapshot after = change(queue, (before, changes) -> {
			String chosen = (id != null) ? id : changes.freeIOThreadId(before);
			if (before.iothread(chosen).isPresent()) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_EXISTS,
						"%s has an IOThread '%s' already. Choose another id, or change that one.".formatted(machine,
								chosen));
			}
			changes.addIOThread(chosen, settings);
			added.set(chosen);
		});
		return new Changed(added.get(), after);
	}

	/**
	 * Lets the thread of an IOThread run on some CPUs of the host only.
	 * @param machine the machine's name
	 * @param id the id of the IOThread
	 * @param cpus the CPUs, such as {@code 0-3,8}
	 * @param precondition what must hold for the IOThread as it is
	 * @return the machine with the changed IOThread
	 */
	public Snapshot pin(String machine, String id, String cpus, Predicate<IOThread> precondition) {
		ChangeQueue queue = this.inventory.entry(machine).changes();
		BitSet chosen;
		try {
			chosen = CpuList.parse(cpus);
		}
		catch (IllegalArgumentException ex) {
			throw new InvalidRequestException("cpus", String.valueOf(ex.getMessage()));
		}
		return change(queue,
				(before, changes) -> changes.pinIOThread(require(machine, before, id, precondition), chosen));
	}

	/**
	 * Changes properties of an IOThread, all or none.
	 * @param machine the machine's name
	 * @param id the id of the IOThread
	 * @param settings the properties to change
	 * @param precondition what must hold for the IOThread as it is
	 * @return the machine with the changed IOThread
	 */
	public Snapshot tune(String machine, String id, IOThreadSettings settings, Predicate<IOThread> precondition) {
		ChangeQueue queue = this.inventory.entry(machine).changes();
		List<Violation> violations = new ArrayList<>();
		checkRanges(settings, violations);
		refuse(violations);
		return change(queue, (before, changes) -> {
			require(machine, before, id, precondition);
			changes.tuneIOThread(id, settings);
		});
	}

	/**
	 * Removes an IOThread that nothing uses.
	 * @param machine the machine's name
	 * @param id the id of the IOThread
	 * @param force whether to remove it although a block export may run on it
	 * @param precondition what must hold for the IOThread as it is
	 */
	public void remove(String machine, String id, boolean force, Predicate<IOThread> precondition) {
		ChangeQueue queue = this.inventory.entry(machine).changes();
		change(queue, (before, changes) -> {
			IOThread iothread = require(machine, before, id, precondition);
			if (!iothread.attached().isEmpty()) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_IN_USE,
						"IOThread %s of %s is in use by %s. Detach what runs on it first.".formatted(id, machine,
								String.join(", ", iothread.attached().stream().map(Attachment::id).toList())),
						iothread.attached());
			}
			changes.removeIOThread(id, force);
		});
	}

	/**
	 * Attaches a device. Where it names no IOThread it goes to the least loaded one of
	 * the pool, or of all where there is no pool. A SCSI disk goes to its controller's.
	 * @param machine the machine's name
	 * @param device the device
	 * @return the device's id, or that of the SCSI disk's controller, and the machine
	 * with it
	 */
	public Changed attach(String machine, NewDevice device) {
		ChangeQueue queue = this.inventory.entry(machine).changes();
		refuse(check(device));
		device.requireValid(Long.MAX_VALUE);
		if (device.image() != null) {
			device.image().requireValid();
		}
		AtomicReference<String> id = new AtomicReference<>();
		Snapshot after = change(queue, (before, changes) -> {
			NewDevice named = driven(device, changes).named(changes.deviceId(device.id()));
			named.iothreads().forEach((iothread) -> require(machine, before, iothread, (present) -> true));
			before.device(named.id()).ifPresent((present) -> {
				throw taken(machine, present);
			});
			NewDevice found = find(before, named, changes);
			boolean placed = !found.iothreads().isEmpty() || found.isBehindController();
			changes.attach(placed ? found : found.on(choose(machine, before, found)));
			id.set(named.id());
		});
		return after.runnerOf(id.get())
			.map((runner) -> new Changed(runner.id(), after))
			.orElseThrow(() -> new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_GONE,
					"Device %s of %s was attached and went again before this answer: its guest ejected it, or another client unplugged it. Attach it again."
						.formatted(id.get(), machine)));
	}

	/**
	 * Returns what a device could be attached with.
	 * @param machine the machine's name
	 * @return the block nodes and buses of the machine that are free, no older than the
	 * service's maximum age
	 */
	public Attachable attachable(String machine) {
		return this.inventory.entry(machine).changes().attachable(this.maxAge);
	}

	/**
	 * Returns what may be attached.
	 * @return the drivers, sorted
	 */
	public List<String> drivers() {
		return this.drivers.stream().sorted().toList();
	}

	/**
	 * Returns the files that may be attached as images.
	 * @return the files, as far as the service sees them
	 */
	public List<ImageFile> images() {
		return this.images.list();
	}

	/**
	 * Returns which files the machines are known to use.
	 * @return the paths of the files
	 */
	public Set<String> imagesInUse() {
		return this.inventory.views()
			.stream()
			.flatMap((view) -> (view.snapshot() != null) ? view.snapshot().devices().stream() : Stream.empty())
			.flatMap((device) -> Stream.concat(Stream.ofNullable(device.image()),
					device.disks().stream().flatMap((disk) -> Stream.ofNullable(disk.image()))))
			.flatMap((image) -> Stream.ofNullable(image.file()))
			.collect(Collectors.toSet());
	}

	private NewDevice find(Snapshot before, NewDevice device, Changes changes) {
		NewImage image = device.image();
		return (image != null) ? device.with(this.images.find(image, before.qemuVersion(), changes.processId(before)))
				: device;
	}

	/**
	 * Detaches a device.
	 * @param machine the machine's name
	 * @param id the device's id
	 * @param wait how long to wait for the guest, {@code null} for as long as configured
	 * @param force whether to unplug it where nothing tells whether the machine survives
	 * that
	 * @return whether it has gone, and the machine as it is then
	 */
	public Detachment detach(String machine, String id, @Nullable Duration wait, boolean force) {
		return detach(machine, id, (snapshot) -> snapshot.runnerOf(id), wait, force);
	}

	/**
	 * Detaches a device that runs on an IOThread.
	 * @param machine the machine's name
	 * @param iothread the id of the IOThread
	 * @param id the device's id
	 * @param wait how long to wait for the guest, {@code null} for as long as configured
	 * @param force whether to unplug it where nothing tells whether the machine survives
	 * that
	 * @return whether it has gone, and the machine as it is then
	 */
	public Detachment detach(String machine, String iothread, String id, @Nullable Duration wait, boolean force) {
		return detach(machine, id, (snapshot) -> {
			require(machine, snapshot, iothread, (present) -> true);
			return snapshot.device(id).filter((device) -> device.iothreads().contains(iothread));
		}, wait, force);
	}

	private Detachment detach(String machine, String id, Lookup lookup, @Nullable Duration wait, boolean force) {
		MachineEntry entry = this.inventory.entry(machine);
		ChangeQueue queue = entry.changes();
		AtomicReference<CompletableFuture<Void>> begun = new AtomicReference<>();
		Snapshot asked = change(queue, (before, changes) -> {
			if (lookup.in(before).isEmpty()) {
				throw IOThreadService.noSuchDevice(before, machine, id, "there");
			}
			begun.set(changes.detach(id, force));
		});
		CompletableFuture<Void> departure = begun.get();
		Duration limit = (wait != null) ? wait : this.detachWait;
		boolean gone = await(entry, departure, limit);
		// The reading from before the wait may be outdated.
		boolean shown = gone ? asked.runnerOf(id).isEmpty() : limit.isZero();
		Snapshot after = shown ? asked : queue.readBack();
		return new Detachment(gone || after.runnerOf(id).isEmpty(), after, departure);
	}

	private static boolean await(MachineEntry entry, CompletableFuture<Void> departure, Duration wait) {
		try {
			entry.changes().awaitGuest(departure, wait);
			return true;
		}
		catch (TimeoutException ex) {
			return false;
		}
		catch (ExecutionException ex) {
			if (ex.getCause() instanceof ChangeRefusedException refused) {
				throw refused;
			}
			throw new MachineTimeoutException(
					"%s was lost while its guest was to release the device, which may still happen. Look again when it is back: %s"
						.formatted(entry.name(), entry.view().status().reason()));
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			return false;
		}
	}

	// Devices that share a block node share its IOThread.
	private static List<String> choose(String machine, Snapshot snapshot, NewDevice device) {
		return snapshot.devices()
			.stream()
			.filter((other) -> device.drive() != null && other.drives().anyMatch(device.drive()::equals))
			.map(Device::iothreads)
			.filter((iothreads) -> !iothreads.isEmpty())
			.findFirst()
			.orElseGet(() -> List.of(leastLoaded(machine, snapshot)));
	}

	private static String leastLoaded(String machine, Snapshot snapshot) {
		boolean pool = snapshot.iothreads().stream().anyMatch((iothread) -> iothread.pool() != null);
		return snapshot.iothreads()
			.stream()
			.filter((iothread) -> !pool || iothread.pool() != null)
			.min(Comparator.comparingInt((IOThread iothread) -> iothread.attached().size())
				.thenComparing(IOThread::id, NaturalOrder.OF_IDS))
			.map(IOThread::id)
			.orElseThrow(() -> new InvalidRequestException("iothreads",
					"%s has no IOThread to attach to. Add one first.".formatted(machine)));
	}

	private static IOThread require(String machine, Snapshot snapshot, String id, Predicate<IOThread> precondition) {
		IOThread iothread = snapshot.iothread(id).orElseThrow(() -> IOThreadService.noSuchIOThread(machine, id));
		if (!precondition.test(iothread)) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.CHANGED_SINCE,
					"IOThread %s of %s has changed since you looked.".formatted(id, machine));
		}
		return iothread;
	}

	private static ChangeRefusedException taken(String machine, Device present) {
		if (present.state() == DeviceState.DETACHING) {
			return new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_DETACHING,
					"Device %s of %s is being unplugged and its guest has yet to release it. Wait until it is gone, or choose another id."
						.formatted(present.id(), machine));
		}
		return new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_EXISTS,
				"%s has a device '%s' already. Choose another id.".formatted(machine, present.id()));
	}

	private List<Violation> check(NewDevice device) {
		List<Violation> violations = new ArrayList<>();
		checkId(device.id(), violations);
		if (!device.driver().equals(NewDevice.DISK)) {
			checkDriver(device.driver(), violations);
		}
		if (new HashSet<>(device.iothreads()).size() < device.iothreads().size()) {
			violations.add(new Violation("iothreads", "An IOThread is named twice. Name each once."));
		}
		if (device.isBehindController() && !device.iothreads().isEmpty()) {
			violations.add(new Violation("iothreads",
					"A %s runs where its controller does. Leave it out, and name the controller's bus as bus."
						.formatted(device.driver())));
		}
		if (device.isBehindController() && device.bus() == null) {
			violations
				.add(new Violation("bus", "It is missing. Name the bus of a virtio-scsi controller, such as scsi0.0."));
		}
		// QEMU would take a path too, which passes the check of buses.
		if (device.bus() != null && !BUS.matcher(device.bus()).matches()) {
			violations.add(new Violation("bus", "It must be the name of a bus, such as that of a root port."));
		}
		device.properties().forEach((property, value) -> {
			String wrong = property.check(value);
			if (wrong != null) {
				violations.add(new Violation("properties." + property.qemuName(), wrong));
			}
		});
		return violations;
	}

	private NewDevice driven(NewDevice device, Changes changes) {
		if (!device.driver().equals(NewDevice.DISK)) {
			return device;
		}
		NewDevice driven = device.as(changes.diskDriver());
		List<Violation> violations = new ArrayList<>();
		checkDriver(driven.driver(), violations);
		refuse(violations);
		return driven;
	}

	private void checkDriver(String driver, List<Violation> violations) {
		if (!this.drivers.contains(driver)) {
			violations.add(new Violation("driver",
					"'%s' may not be attached here. These may: %s.".formatted(driver, String.join(", ", drivers()))));
		}
	}

	private static void checkId(String id, List<Violation> violations) {
		if (!ObjectId.isWellFormed(id)) {
			violations.add(new Violation("id",
					"It must be a letter followed by letters, digits, '-', '.' or '_', %d characters at most."
						.formatted(ObjectId.LONGEST)));
		}
	}

	private static void checkRanges(IOThreadSettings settings, List<Violation> violations) {
		settings.values().forEach((property, value) -> {
			if (!property.allows(value)) {
				violations.add(new Violation(property.qemuName(),
						"It must be from %d to %d.".formatted(property.min(), property.max())));
			}
		});
		Long min = settings.get(IOThreadProperty.THREAD_POOL_MIN);
		Long max = settings.get(IOThreadProperty.THREAD_POOL_MAX);
		if (min != null && max != null && min > max) {
			violations.add(new Violation(IOThreadProperty.THREAD_POOL_MIN.qemuName(),
					"It must be no more than thread-pool-max."));
		}
	}

	private static void refuse(List<Violation> violations) {
		if (!violations.isEmpty()) {
			throw new InvalidRequestException(violations);
		}
	}

	/**
	 * What a change has made.
	 *
	 * @param id its id
	 * @param snapshot the machine with it
	 */
	public record Changed(String id, Snapshot snapshot) {

	}

	private interface Lookup {

		Optional<Device> in(Snapshot snapshot);

	}

}
