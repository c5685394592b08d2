package dev.iothreads.inventory;

import java.time.Duration;
import java.util.ArrayList;
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
import java.util.function.Predicate;
import java.util.regex.Pattern;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.InvalidRequestException.Violation;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.ObjectId;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * What can be changed on a machine, and the guards that QEMU does not have. Changes to
 * one machine are made one after another, each on a reading of its own; machines do not
 * wait for each other.
 */
public final class ChangeService {

	// What a new IOThread has unless it is given (source: QEMU's block/aio.h).
	private static final IOThreadSettings POOL_DEFAULT = new IOThreadSettings(
			Map.of(IOThreadProperty.THREAD_POOL_MAX, 64L));

	private static final Pattern BUS = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

	private final Inventory inventory;

	private final Set<String> drivers;

	private final Duration detachWait;

	private final Duration maxAge;

	/**
	 * Creates the service.
	 * @param inventory the machines
	 * @param drivers the drivers of devices that may be attached
	 * @param detachWait how long to wait for a guest to let go of a device
	 * @param maxAge how old may be what is told of the places for devices
	 */
	public ChangeService(Inventory inventory, Set<String> drivers, Duration detachWait, Duration maxAge) {
		this.inventory = inventory;
		this.detachWait = detachWait;
		this.maxAge = maxAge;
		this.drivers = Set.copyOf(drivers);
	}

	/**
	 * Adds an IOThread.
	 * @param machine the machine's name
	 * @param id the id of the IOThread
	 * @param settings the properties to give it
	 * @return the machine with the IOThread
	 * @throws NotFoundException when there is no such machine
	 * @throws InvalidRequestException when the id or a value is not allowed
	 * @throws ChangeRefusedException when the id is taken or the machine must not be
	 * changed
	 * @throws MachineException when the machine does not do it
	 */
	public Snapshot add(String machine, String id, IOThreadSettings settings) {
		MachineEntry entry = this.inventory.entry(machine);
		List<Violation> violations = new ArrayList<>();
		checkId(id, violations);
		checkRanges(settings, violations);
		refuse(violations);
		POOL_DEFAULT.changedBy(settings);
		return entry.change((before, changes) -> {
			if (before.iothread(id).isPresent()) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_EXISTS,
						"%s has an IOThread '%s' already. Choose another id, or PATCH that one.".formatted(machine,
								id));
			}
			changes.addIOThread(id, settings);
		});
	}

	/**
	 * Changes properties of an IOThread, all or none.
	 * @param machine the machine's name
	 * @param id the id of the IOThread
	 * @param settings the properties to change
	 * @param precondition what the caller expects of the IOThread as it is
	 * @return the machine with the changed IOThread
	 * @throws NotFoundException when there is no such machine, or no such IOThread
	 * @throws InvalidRequestException when a value is not allowed
	 * @throws ChangeRefusedException when the precondition fails or the machine must not
	 * be changed
	 * @throws MachineException when the machine does not do it
	 */
	public Snapshot tune(String machine, String id, IOThreadSettings settings, Predicate<IOThread> precondition) {
		MachineEntry entry = this.inventory.entry(machine);
		List<Violation> violations = new ArrayList<>();
		checkRanges(settings, violations);
		refuse(violations);
		return entry.change((before, changes) -> {
			require(machine, before, id, precondition);
			changes.tuneIOThread(id, settings);
		});
	}

	/**
	 * Removes an IOThread that nothing uses.
	 * @param machine the machine's name
	 * @param id the id of the IOThread
	 * @param precondition what the caller expects of the IOThread as it is
	 * @throws NotFoundException when there is no such machine, or no such IOThread
	 * @throws ChangeRefusedException when something runs on it, the precondition fails,
	 * or the machine must not be changed
	 * @throws MachineException when the machine does not do it
	 */
	public void remove(String machine, String id, Predicate<IOThread> precondition) {
		MachineEntry entry = this.inventory.entry(machine);
		entry.change((before, changes) -> {
			IOThread iothread = require(machine, before, id, precondition);
			if (!iothread.attached().isEmpty()) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_IN_USE,
						"IOThread %s of %s is in use by %s. Detach what runs on it first.".formatted(id, machine,
								String.join(", ", iothread.attached().stream().map(Attachment::id).toList())),
						iothread.attached());
			}
			changes.removeIOThread(id);
		});
	}

	/**
	 * Attaches a device. Where it names no IOThread it goes to the least loaded one.
	 * @param machine the machine's name
	 * @param device the device
	 * @return the machine with the device
	 * @throws NotFoundException when there is no such machine, or no such IOThread
	 * @throws InvalidRequestException when something in it is not allowed, or not there
	 * @throws ChangeRefusedException when the id or the block node is taken, or the
	 * machine must not be changed
	 * @throws MachineException when the machine does not do it
	 */
	public Snapshot attach(String machine, NewDevice device) {
		MachineEntry entry = this.inventory.entry(machine);
		refuse(check(device));
		return entry.change((before, changes) -> {
			device.iothreads().forEach((id) -> require(machine, before, id, (iothread) -> true));
			before.device(device.id()).ifPresent((present) -> {
				throw taken(machine, present);
			});
			changes.attach(device.iothreads().isEmpty() ? device.on(List.of(leastLoaded(machine, before))) : device);
		});
	}

	/**
	 * Looks for what a device could be attached with.
	 * @param machine the machine's name
	 * @return the block nodes and buses of the machine that are free, no older than the
	 * service's maximum age
	 * @throws NotFoundException when there is no such machine
	 * @throws MachineException when the machine cannot be asked
	 */
	public Attachable attachable(String machine) {
		return this.inventory.entry(machine).attachable(this.maxAge);
	}

	/**
	 * Tells what may be attached.
	 * @return the drivers, sorted
	 */
	public List<String> drivers() {
		return this.drivers.stream().sorted().toList();
	}

	/**
	 * Detaches a device.
	 * @param machine the machine's name
	 * @param id the device's id
	 * @param wait how long to wait for the guest to let go, {@code null} for as long as
	 * configured
	 * @return whether it has gone, and the machine as it is then
	 * @throws NotFoundException when there is no such machine, or no such device
	 * @throws ChangeRefusedException when the guest refuses, or the machine must not be
	 * changed
	 * @throws MachineException when the machine does not do it
	 */
	public Detachment detach(String machine, String id, @Nullable Duration wait) {
		return detach(machine, id, (snapshot) -> snapshot.device(id), wait);
	}

	/**
	 * Detaches a device that runs on an IOThread.
	 * @param machine the machine's name
	 * @param iothread the id of the IOThread
	 * @param id the device's id
	 * @param wait how long to wait for the guest to let go, {@code null} for as long as
	 * configured
	 * @return whether it has gone, and the machine as it is then
	 * @throws NotFoundException when there is no such machine, no such IOThread, or no
	 * such device on it
	 * @throws ChangeRefusedException when the guest refuses, or the machine must not be
	 * changed
	 * @throws MachineException when the machine does not do it
	 */
	public Detachment detach(String machine, String iothread, String id, @Nullable Duration wait) {
		return detach(machine, id, (snapshot) -> {
			require(machine, snapshot, iothread, (present) -> true);
			return snapshot.device(id).filter((device) -> device.iothreads().contains(iothread));
		}, wait);
	}

	private Detachment detach(String machine, String id, Lookup lookup, @Nullable Duration wait) {
		MachineEntry entry = this.inventory.entry(machine);
		AtomicReference<CompletableFuture<Void>> begun = new AtomicReference<>();
		Snapshot asked = entry.change((before, changes) -> {
			if (lookup.in(before).isEmpty()) {
				throw new NotFoundException(NotFoundException.Kind.DEVICE,
						"%s has no device '%s' there. GET /api/v1/machines/%1$s/devices lists those it has."
							.formatted(machine, id));
			}
			begun.set(changes.detach(id));
		});
		CompletableFuture<Void> departure = begun.get();
		Duration patience = (wait != null) ? wait : this.detachWait;
		boolean gone = await(entry, machine, departure, patience);
		// What was read before the wait may be old by now.
		boolean shown = gone ? asked.device(id).isEmpty() : patience.isZero();
		Snapshot after = shown ? asked : entry.readBack();
		return new Detachment(gone || after.device(id).isEmpty(), after, departure);
	}

	private static boolean await(MachineEntry entry, String machine, CompletableFuture<Void> departure, Duration wait) {
		try {
			entry.awaitGuest(departure, wait);
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
					"%s was lost while its guest let go of the device, which may still happen. Look again when it is back: %s"
						.formatted(machine, entry.view().status().reason()));
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			return false;
		}
	}

	private static String leastLoaded(String machine, Snapshot snapshot) {
		return snapshot.iothreads()
			.stream()
			.min(Comparator.comparingInt((IOThread iothread) -> iothread.attached().size()).thenComparing(IOThread::id))
			.map(IOThread::id)
			.orElseThrow(() -> new InvalidRequestException("iothreads",
					"%s has no IOThread to attach to. Add one first.".formatted(machine)));
	}

	private static IOThread require(String machine, Snapshot snapshot, String id, Predicate<IOThread> precondition) {
		IOThread iothread = snapshot.iothread(id).orElseThrow(() -> IOThreadService.noSuchIOThread(machine, id));
		if (!precondition.test(iothread)) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.CHANGED_SINCE,
					"IOThread %s of %s has changed since you looked. GET it again, and send its new ETag in If-Match."
						.formatted(id, machine));
		}
		return iothread;
	}

	private static ChangeRefusedException taken(String machine, Device present) {
		if (present.state() == DeviceState.DETACHING) {
			return new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_DETACHING,
					"Device %s of %s is being unplugged and its guest has yet to let go. Wait until it has gone, or choose another id."
						.formatted(present.id(), machine));
		}
		return new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_EXISTS,
				"%s has a device '%s' already. Choose another id.".formatted(machine, present.id()));
	}

	private List<Violation> check(NewDevice device) {
		List<Violation> violations = new ArrayList<>();
		checkId(device.id(), violations);
		if (!this.drivers.contains(device.driver())) {
			violations.add(new Violation("driver",
					"'%s' may not be attached here. These may: %s. The list is iothreads.attach.drivers."
						.formatted(device.driver(), String.join(", ", drivers()))));
		}
		if (new HashSet<>(device.iothreads()).size() < device.iothreads().size()) {
			violations.add(new Violation("iothreads", "An IOThread is named twice. Name each once."));
		}
		// QEMU takes a path as well, by which a bus would be reached unseen.
		if (device.bus() != null && !BUS.matcher(device.bus()).matches()) {
			violations.add(new Violation("bus", "It must be the name of a bus, such as that of a root port."));
		}
		DeviceProperty.checkAll(device.properties())
			.forEach((property, wrong) -> violations.add(new Violation("properties." + property.qemuName(), wrong)));
		return violations;
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

	private interface Lookup {

		Optional<Device> in(Snapshot snapshot);

	}

}
