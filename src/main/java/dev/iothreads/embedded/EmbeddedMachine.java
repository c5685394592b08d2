package dev.iothreads.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.DiskImage;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Identity;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NewImage;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * A machine that exists in this process only: a q35 of QEMU 10, with root ports and a
 * guest that releases every device at once, but those that are simulated to be slow.
 */
public final class EmbeddedMachine implements Machine, Changes {

	private static final String VERSION = "embedded";

	private static final String ROOT_BUS = "pcie.0";

	private static final long SECTOR = 512;

	// The defaults of a QEMU before 11.1.
	private static final IOThreadSettings DEFAULTS = new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 32768L,
			IOThreadProperty.POLL_GROW, 0L, IOThreadProperty.POLL_SHRINK, 0L, IOThreadProperty.AIO_MAX_BATCH, 0L,
			IOThreadProperty.THREAD_POOL_MIN, 0L, IOThreadProperty.THREAD_POOL_MAX, 64L));

	private static final Activity ACTIVITY = new Activity(Map.of(),
			"This machine is embedded: its IOThreads are no threads. Point the service at a QEMU.", Map.of(), null);

	private static final Identity SIMULATED = new Identity("running", null, null, null, null,
			new Identity.Reading("simulated",
					"This machine and its load are simulated: a day takes ten minutes. Point the service at a QEMU.",
					false));

	private static final String SLOW = "slow0";

	private static final String STUCK = "stuck0";

	private static final long SLOW_SECONDS = 4;

	// So that the next IOThread has the number that the README shows.
	private static final long SIMULATED_THREAD = 5250;

	private final Map<String, IOThread> iothreads = new TreeMap<>();

	private final Map<String, Plugged> devices = new TreeMap<>();

	private final Set<String> nodes = new LinkedHashSet<>();

	private final Set<String> ports = new LinkedHashSet<>();

	private final Map<String, CompletableFuture<Void>> detaching = new TreeMap<>();

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private final @Nullable Simulation simulation;

	private long nextThreadId = 5281;

	private EmbeddedMachine(int nodes, int ports, @Nullable Simulation simulation) {
		this.simulation = simulation;
		for (int i = 0; i < nodes; i++) {
			this.nodes.add("disk" + i);
		}
		for (int i = 0; i < ports; i++) {
			this.ports.add("rp" + i);
		}
	}

	/**
	 * Creates the machine of QEMU's own example: {@code blk0} and {@code blk1} run on
	 * {@code iothread0}, {@code blk3} on {@code iothread1}. Block nodes {@code disk0} to
	 * {@code disk15} and root ports {@code rp0} to {@code rp15} are there, of which those
	 * three have taken the first.
	 * @return the machine
	 */
	public static EmbeddedMachine demo() {
		return demo(null);
	}

	/**
	 * Creates the same machine with a guest that works. It has three devices more:
	 * {@code slow0} on {@code iothread2} takes 4 s to let go, {@code stuck0} there never
	 * does, and {@code lost0} has lost its IOThread.
	 * @return the machine
	 */
	public static EmbeddedMachine simulated() {
		EmbeddedMachine machine = demo(new Simulation());
		long next = machine.nextThreadId;
		machine.nextThreadId = SIMULATED_THREAD;
		machine.addIOThread("iothread2", IOThreadSettings.NONE);
		machine.nextThreadId = next;
		machine.plug(disk(SLOW, "disk13", "iothread2"), "rp13", null);
		machine.plug(disk(STUCK, "disk14", "iothread2"), "rp14", null);
		machine.devices.put("lost0",
				new Plugged(
						new Device("lost0", "virtio-blk-pci", "/machine/peripheral/lost0/virtio-backend", List.of(),
								DeviceState.ORPHANED,
								"Its IOThread was deleted underneath it. Detach it and attach it again.", "disk15"),
						"rp15", Map.of()));
		return machine;
	}

	private static EmbeddedMachine demo(@Nullable Simulation simulation) {
		EmbeddedMachine machine = new EmbeddedMachine(16, 16, simulation);
		machine.addIOThread("iothread0", IOThreadSettings.NONE);
		machine.addIOThread("iothread1", IOThreadSettings.NONE);
		machine.plug(disk("blk0", "disk0", "iothread0"), "rp0", null);
		machine.plug(disk("blk1", "disk1", "iothread0"), "rp1", null);
		machine.plug(disk("blk3", "disk3", "iothread1"), "rp2", null);
		return machine;
	}

	private static NewDevice disk(String id, String drive, String iothread) {
		return new NewDevice(id, "virtio-blk-pci", List.of(iothread), drive, null, Map.of());
	}

	@Override
	public String monitor() {
		return "embedded";
	}

	@Override
	public MachineStatus status() {
		return MachineStatus.UP;
	}

	@Override
	public synchronized CompletableFuture<Snapshot> read() {
		work();
		List<IOThread> present = List.copyOf(this.iothreads.values());
		Snapshot snapshot = Snapshot.join(Instant.now(), VERSION, null, present, plugged());
		return CompletableFuture.completedFuture(
				(this.simulation != null) ? snapshot.with(this.simulation.activity(present, plugged())).with(SIMULATED)
						: snapshot.with(ACTIVITY));
	}

	private List<Device> plugged() {
		return this.devices.values().stream().map(Plugged::device).toList();
	}

	private void work() {
		if (this.simulation != null) {
			this.simulation.advance(plugged());
		}
	}

	@Override
	public Changes changes() {
		return this;
	}

	@Override
	public synchronized void addIOThread(String id, IOThreadSettings settings) {
		requireSupport(settings);
		if (this.iothreads.containsKey(id)) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_EXISTS,
					"There is an object '%s' already. Choose another id.".formatted(id));
		}
		IOThreadSettings all = DEFAULTS.changedBy(settings);
		this.iothreads.put(id, new IOThread(id, this.nextThreadId++, all, List.of()));
	}

	@Override
	public synchronized void tuneIOThread(String id, IOThreadSettings settings) {
		requireSupport(settings);
		IOThread before = require(id);
		IOThreadSettings all = before.settings().changedBy(settings);
		this.iothreads.put(id, new IOThread(id, before.threadId(), all, List.of()));
	}

	@Override
	public synchronized void removeIOThread(String id) {
		require(id);
		this.iothreads.remove(id);
	}

	@Override
	public Long processId(Snapshot now) {
		return ProcessHandle.current().pid();
	}

	@Override
	public synchronized void attach(NewDevice device) {
		device.requireNoTarget();
		NewImage image = device.image();
		if (image == null) {
			attach(device, null);
			return;
		}
		DiskImage opened = open(image);
		if (DeviceKind.of(device.driver()).filter(DeviceKind::hasDrive).isEmpty()) {
			throw new InvalidRequestException("image", "A %s has no image. Leave it out.".formatted(device.driver()));
		}
		String node = IMAGE_NODE + device.id();
		this.nodes.add(node);
		try {
			attach(device.serving(node), opened);
		}
		catch (MachineException ex) {
			this.nodes.remove(node);
			throw ex;
		}
	}

	private DiskImage open(NewImage image) {
		if (this.devices.values()
			.stream()
			.map((plugged) -> plugged.device().image())
			.anyMatch((other) -> other != null && image.file().equals(other.file()))) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
					"%s is in use by another device. Detach that first, or name another image."
						.formatted(image.file()));
		}
		try {
			long size = image.format().equals("qcow2") ? image.directories().requireOwnChain(image)
					: Files.size(Path.of(image.file()));
			return DiskImage.of(image.file(), image.format(), size);
		}
		catch (IOException ex) {
			throw new InvalidRequestException("image.file",
					"%s cannot be read: %s. Name another one.".formatted(image.file(), ex.getMessage()));
		}
	}

	private void attach(NewDevice device, @Nullable DiskImage image) {
		if (this.devices.containsKey(device.id()) || this.ports.contains(device.id())) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_EXISTS,
					"There is a device '%s' already. Choose another id.".formatted(device.id()));
		}
		DeviceKind kind = DeviceKind.of(device.driver())
			.filter((known) -> !device.driver().endsWith("-ccw"))
			.orElseThrow(() -> new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
					"The embedded machine is a q35, which has no driver '%s'. Choose another one."
						.formatted(device.driver())));
		if (kind == DeviceKind.BALLOON && this.devices.values().stream().anyMatch(Plugged::isBalloon)) {
			throw new InvalidRequestException("driver",
					"There is a balloon already, and one is all that a machine can have.");
		}
		device.iothreads().forEach(this::require);
		if (device.iothreads().size() > 1 && !kind.hasMapping()) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
					"A %s runs on one IOThread only. Name one.".formatted(device.driver()));
		}
		requireDrive(device, kind);
		requireProperties(device, kind);
		plug(device, bus(device), image);
	}

	@Override
	public synchronized Attachable attachable() {
		Set<String> used = this.devices.values()
			.stream()
			.map((plugged) -> plugged.device().drive())
			.collect(Collectors.toSet());
		return new Attachable(Instant.now(), this.nodes.stream().filter((node) -> !used.contains(node)).toList(),
				this.ports.stream().filter(this::isEmpty).toList());
	}

	@Override
	public synchronized CompletableFuture<Void> detach(String device, boolean force) {
		Plugged plugged = this.devices.get(device);
		if (plugged == null) {
			throw new NotFoundException(NotFoundException.Kind.DEVICE,
					"There is no device '%s' any more.".formatted(device));
		}
		if (!isSimulated(device)) {
			unplug(plugged);
			return CompletableFuture.completedFuture(null);
		}
		return this.detaching.computeIfAbsent(device, (id) -> {
			CompletableFuture<Void> gone = new CompletableFuture<>();
			this.devices.put(id, plugged.detaching());
			if (id.equals(SLOW)) {
				gone.completeOnTimeout(null, SLOW_SECONDS, TimeUnit.SECONDS);
			}
			gone.thenRun(() -> release(plugged));
			return gone;
		});
	}

	private boolean isSimulated(String device) {
		return this.simulation != null && (device.equals(SLOW) || device.equals(STUCK));
	}

	private void release(Plugged plugged) {
		synchronized (this) {
			this.detaching.remove(plugged.device().id());
			unplug(plugged);
		}
		this.listeners.forEach(Runnable::run);
	}

	private void unplug(Plugged plugged) {
		work();
		this.devices.remove(plugged.device().id());
		if (plugged.device().image() != null) {
			this.nodes.remove(IMAGE_NODE + plugged.device().id());
		}
		if (this.simulation != null) {
			this.simulation.forget(plugged.device());
		}
		// It is taken last: the port that has been empty for longest comes first.
		this.ports.remove(plugged.bus());
		this.ports.add(plugged.bus());
	}

	private void plug(NewDevice device, String bus, @Nullable DiskImage image) {
		work();
		this.devices.put(device.id(), new Plugged(
				new Device(device.id(), device.driver(), "/machine/peripheral/" + device.id() + "/virtio-backend",
						device.iothreads(), DeviceState.ATTACHED, null, device.drive())
					.with(image),
				bus, device.properties()));
	}

	private void requireDrive(NewDevice device, DeviceKind kind) {
		String drive = device.drive();
		if (!kind.hasDrive()) {
			if (drive != null) {
				throw new InvalidRequestException("drive",
						"A %s has no drive. Leave it out.".formatted(device.driver()));
			}
			return;
		}
		if (drive == null) {
			throw new InvalidRequestException("drive",
					"A %s needs the block node or the image it is to serve. Name one.".formatted(device.driver()));
		}
		if (!this.nodes.contains(drive)) {
			throw new InvalidRequestException("drive", "There is no block node '%s'. These are there: %s."
				.formatted(drive, String.join(", ", this.nodes)));
		}
		boolean shares = Boolean.TRUE.equals(device.properties().get(DeviceProperty.SHARE_RW));
		for (Plugged user : this.devices.values()) {
			if (drive.equals(user.device().drive())
					&& !(shares && Boolean.TRUE.equals(user.properties().get(DeviceProperty.SHARE_RW)))) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
						"Block node %s is in use by %s. Detach that first, name another node, or give both share-rw."
							.formatted(drive, user.device().id()));
			}
		}
	}

	private void requireProperties(NewDevice device, DeviceKind kind) {
		Map<DeviceProperty, Object> properties = device.properties();
		for (DeviceProperty property : properties.keySet()) {
			if (!kind.has(device.driver(), property)) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
						"A %s has no %s. Leave it out.".formatted(device.driver(), property.qemuName()));
			}
		}
		device.requireValid(SECTOR);
		if (Boolean.TRUE.equals(properties.get(DeviceProperty.DISABLE_MODERN))
				&& !"off".equals(properties.get(DeviceProperty.DISABLE_LEGACY))) {
			throw wrong(DeviceProperty.DISABLE_MODERN,
					"On a PCI Express port legacy is off unless it is given, and without both nothing is left.");
		}
		Object place = properties.get(DeviceProperty.BOOTINDEX);
		if (place != null && this.devices.values()
			.stream()
			.anyMatch((plugged) -> place.equals(plugged.properties().get(DeviceProperty.BOOTINDEX)))) {
			throw wrong(DeviceProperty.BOOTINDEX,
					"Another device has that place in the boot order. Choose another one.");
		}
	}

	private static InvalidRequestException wrong(DeviceProperty property, String message) {
		return new InvalidRequestException("properties." + property.qemuName(), message);
	}

	private String bus(NewDevice device) {
		if (!device.driver().contains("-pci")) {
			throw new InvalidRequestException("bus",
					"There is no bus for a %s here. Choose a driver that ends in -pci.".formatted(device.driver()));
		}
		String bus = device.bus();
		if (bus == null) {
			return this.ports.stream()
				.filter((port) -> isEmpty(port))
				.findFirst()
				.orElseThrow(() -> new InvalidRequestException("bus",
						"None of the %d root ports is empty. Detach something.".formatted(this.ports.size())));
		}
		if (bus.equals(ROOT_BUS)) {
			throw new InvalidRequestException("bus",
					"pcie.0 does not take devices while the machine runs. Name another bus, or none.");
		}
		if (!this.ports.contains(bus)) {
			throw new InvalidRequestException("bus", "There is no bus '%s'. Name another bus, or none.".formatted(bus));
		}
		if (!isEmpty(bus)) {
			throw new InvalidRequestException("bus", "%s is occupied. Name another bus, or none.".formatted(bus));
		}
		return bus;
	}

	private boolean isEmpty(String port) {
		return this.devices.values().stream().noneMatch((plugged) -> plugged.bus().equals(port));
	}

	private IOThread require(String id) {
		IOThread iothread = this.iothreads.get(id);
		if (iothread == null) {
			throw new NotFoundException(NotFoundException.Kind.IOTHREAD,
					"There is no IOThread '%s' any more.".formatted(id));
		}
		return iothread;
	}

	private static void requireSupport(IOThreadSettings settings) {
		for (IOThreadProperty property : settings.values().keySet()) {
			if (DEFAULTS.get(property) == null) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
						"The embedded machine is as a QEMU before 11.1, whose IOThreads have no %s. Leave it out."
							.formatted(property.qemuName()));
			}
		}
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	@Override
	public void close() {
		// There is nothing to close.
	}

	/**
	 * A device where it is plugged.
	 */
	private record Plugged(Device device, String bus, Map<DeviceProperty, Object> properties) {

		Plugged detaching() {
			return new Plugged(new Device(this.device.id(), this.device.driver(), this.device.qomPath(),
					this.device.iothreads(), DeviceState.DETACHING,
					"The guest has yet to let it go. This machine is simulated: slow0 takes 4 s, and stuck0 stays.",
					this.device.drive()), this.bus, this.properties);
		}

		boolean isBalloon() {
			return DeviceKind.of(this.device.driver()).filter((kind) -> kind == DeviceKind.BALLOON).isPresent();
		}

	}

}
