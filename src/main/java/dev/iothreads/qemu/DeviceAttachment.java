package dev.iothreads.qemu;

import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.QemuVersion;
import dev.iothreads.machine.NewImage;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Attaches a device to a QEMU. What can be known beforehand is asked beforehand; QEMU's
 * texts are no interface, and are read only where nothing else says the reason.
 */
final class DeviceAttachment {

	private static final Duration RELEASE_WAIT = Duration.ofSeconds(1);

	private static final Pattern BUSY_NODE = Pattern
		.compile("Node '.*' is busy|Block node is read-only|Cannot change iothread of active block backend");

	private static final Pattern NO_BUS = Pattern
		.compile("Bus '|No '|PCI: |Hot-plug failed|A '.*' bus was found but is full");

	private static final String MAPPING = "iothread-vq-mapping";

	private static final String BALLOON = "virtio-balloon";

	private final QemuSession session;

	private final BlockingQmp qemu;

	private final BlockNodes nodes;

	private final ImageNodes images;

	DeviceAttachment(QemuSession session, BlockingQmp qemu) {
		this.session = session;
		this.qemu = qemu;
		this.nodes = new BlockNodes(qemu);
		this.images = new ImageNodes(qemu);
	}

	void attach(NewDevice device) {
		device.requireNoTarget();
		Migration.requireNone(this.qemu);
		List<Qom.Child> present = this.qemu.children(Qom.PERIPHERAL);
		if (present.stream().anyMatch((child) -> child.name().equals(device.id()))) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_EXISTS,
					"%s has a device '%s' already. Choose another id.".formatted(this.qemu.machine(), device.id()));
		}
		List<Qom.Child> anonymous = this.qemu.children(Qom.PERIPHERAL_ANON);
		if (device.driver().startsWith(BALLOON) && Stream.concat(present.stream(), anonymous.stream())
			.anyMatch((child) -> child.type().startsWith(BALLOON))) {
			throw new InvalidRequestException("driver",
					"%s has a balloon already, and one is all that a machine can have.".formatted(this.qemu.machine()));
		}
		if (device.isBehindController()) {
			requireController(device, Stream.concat(present.stream(), anonymous.stream()));
		}
		Set<String> known = propertiesOf(device.driver());
		NewImage image = device.image();
		if (image == null) {
			attach(device, known);
			return;
		}
		requireDrive(device, known, "image");
		String node = this.images.add(device, image);
		try {
			attach(device.serving(node), known);
		}
		catch (MachineTimeoutException ex) {
			throw ex; // it may be plugged all the same
		}
		catch (RuntimeException ex) {
			this.images.remove(node);
			throw ex;
		}
	}

	private void attach(NewDevice device, Set<String> known) {
		Map<String, Object> arguments = new LinkedHashMap<>();
		arguments.put("driver", device.driver());
		arguments.put("id", device.id());
		putIOThreads(device, known, arguments);
		putDrive(device, known, arguments);
		device.properties().forEach((property, value) -> {
			requireSupport(device, known, property.qemuName());
			arguments.put(property.qemuName(), value);
		});
		String port = putBus(device, arguments);
		plug(device, Command.DEVICE_ADD.with(arguments));
		if (port != null) {
			this.session.ports().onOccupied(Qom.PERIPHERAL + "/" + device.id(), port);
		}
	}

	// A disk on another bus is shown nowhere: only virtio-scsi can run on an IOThread.
	private void requireController(NewDevice device, Stream<Qom.Child> devices) {
		List<String> buses = devices.filter((child) -> child.type().startsWith("virtio-scsi"))
			.flatMap((child) -> Stream.of(child.path(), child.path() + "/virtio-backend"))
			.flatMap((path) -> this.qemu.children(path).stream())
			.filter((child) -> child.type().equals("SCSI"))
			.map(Qom.Child::name)
			.toList();
		if (!buses.contains(device.bus())) {
			throw new InvalidRequestException("bus",
					"%s has no virtio-scsi controller with the bus '%s'. %s.".formatted(this.qemu.machine(),
							device.bus(),
							buses.isEmpty() ? "Attach a virtio-scsi-pci first, whose bus is its id with .0"
									: "Name one of these: " + String.join(", ", buses)));
		}
	}

	// A device that was unplugged is off the tree at once, and keeps its node and its
	// place in the boot order until DEVICE_DELETED, some 50 ms later.
	private void plug(NewDevice device, QmpCommand command) {
		long end = System.nanoTime() + RELEASE_WAIT.toNanos();
		boolean free = false;
		while (true) {
			boolean leaving = this.session.unplugs().isAnyLeaving();
			try {
				this.qemu.run(command);
				return;
			}
			catch (QmpCommandException ex) {
				String drive = device.drive();
				boolean kept = leaving && ex.description().startsWith("The bootindex");
				if (!free && drive != null && isNodeConflict(ex)) {
					List<JsonNode> backends = this.nodes.backendsOf(drive);
					// It may have become free meanwhile. If not, no device is in the way.
					free = backends.isEmpty();
					kept = backends.stream().allMatch(BlockNodes::servesNoDevice);
				}
				if (!kept || System.nanoTime() > end || !pause()) {
					throw explained(device, ex);
				}
			}
		}
	}

	private static boolean pause() {
		try {
			TimeUnit.MILLISECONDS.sleep(10);
			return true;
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			return false;
		}
	}

	private static boolean isNodeConflict(QmpCommandException refused) {
		String words = refused.description();
		return words.startsWith("Permission conflict on node") || words.startsWith("Conflicts with use by")
				|| (words.startsWith("Drive '") && words.contains("already in use"));
	}

	private Set<String> propertiesOf(String driver) {
		JsonNode properties = this.qemu.ask(Command.DEVICE_LIST_PROPERTIES.with(Map.of("typename", driver)));
		if (properties == null) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
					"%s is QEMU %s, which has no driver '%s'. Choose another one.".formatted(this.qemu.machine(),
							this.session.version(), driver));
		}
		return Qom.names(properties);
	}

	private void requireSupport(NewDevice device, Set<String> known, String property) {
		if (!known.contains(property)) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
					"%s is QEMU %s, whose %s has no %s. Leave it out.".formatted(this.qemu.machine(),
							this.session.version(), device.driver(), property));
		}
	}

	private void putIOThreads(NewDevice device, Set<String> known, Map<String, Object> arguments) {
		if (device.isBehindController()) {
			return;
		}
		if (device.iothreads().size() == 1) {
			requireSupport(device, known, "iothread");
			arguments.put("iothread", device.iothreads().get(0));
		}
		else {
			// QEMU 7.2 ignores a mapping that it does not know.
			if (!known.contains(MAPPING)) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
						"%s is QEMU %s, whose %s runs on one IOThread only. Name one.".formatted(this.qemu.machine(),
								this.session.version(), device.driver()));
			}
			requireEnoughQueues(device, known);
			arguments.put(MAPPING,
					device.iothreads().stream().map((iothread) -> Map.of("iothread", iothread)).toList());
		}
	}

	// An IOThread without a virtqueue does nothing for the device, and is in use.
	private void requireEnoughQueues(NewDevice device, Set<String> known) {
		DeviceProperty property = known.contains(DeviceProperty.NUM_QUEUES_SCSI.qemuName())
				? DeviceProperty.NUM_QUEUES_SCSI : DeviceProperty.NUM_QUEUES;
		Object given = device.properties().get(property);
		long queues = (given instanceof Long number) ? number : defaultQueues(device.driver());
		if (device.iothreads().size() > queues) {
			throw new InvalidRequestException("iothreads",
					"More IOThreads are named (%d) than the device has virtqueues (%d). Name fewer, or set %s to at least %1$d."
						.formatted(device.iothreads().size(), queues, property.qemuName()));
		}
	}

	// A device on PCI gets one for each vCPU that QEMU was started with, others get one.
	private long defaultQueues(String driver) {
		JsonNode topology = driver.contains("-pci") ? this.qemu.ask(Qom.get("/machine", "smp")) : null;
		return (topology != null) ? topology.path("cpus").asLong(1) : 1;
	}

	private static void requireDrive(NewDevice device, Set<String> known, String member) {
		if (!known.contains("drive")) {
			throw new InvalidRequestException(member,
					"A %s has no %s. Leave it out.".formatted(device.driver(), member));
		}
	}

	private void putDrive(NewDevice device, Set<String> known, Map<String, Object> arguments) {
		String drive = device.drive();
		if (drive != null) {
			requireDrive(device, known, "drive");
		}
		else if (!known.contains("drive")) {
			return;
		}
		if (drive == null) {
			throw new InvalidRequestException("drive",
					"A %s needs the block node or the image it is to serve. Name one.".formatted(device.driver()));
		}
		JsonNode inUse = this.nodes.used(drive);
		if (inUse == null && !this.nodes.exists(drive)) {
			throw new InvalidRequestException("drive",
					"%s has no block node '%s'. Add it first, by blockdev-add.".formatted(this.qemu.machine(), drive));
		}
		String user = this.nodes.user(drive);
		if (user != null) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
					"Block node %s of %s is in use by %s.".formatted(drive, this.qemu.machine(), user));
		}
		boolean shared = Boolean.TRUE.equals(device.properties().get(DeviceProperty.SHARE_RW));
		if (inUse != null && !shared && !inUse.path("inserted").path("ro").asBoolean(false)) {
			throw nodeInUse(drive, Qom.name(Qom.device(inUse.path("qdev").asString(""))));
		}
		if (inUse != null) {
			requireSameIOThread(device, drive, Qom.device(Qom.ofDisk(inUse.path("qdev").asString(""))));
		}
		arguments.put("drive", drive);
	}

	// Below 11 a node has one IOThread: QEMU 7.2 aborts when one of two devices goes that
	// share a node and have IOThreads of their own. A SCSI disk's is its controller's.
	private void requireSameIOThread(NewDevice device, String drive, String user) {
		Set<String> theirs = this.session.iothreadsOf(user);
		boolean same = !device.isBehindController() && theirs.equals(Set.copyOf(device.iothreads()));
		if (!same && !QemuVersion.isAtLeast(this.session.version(), 11)) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
					"Block node %s of %s is in use by %s on %s, and QEMU %s serves a node from one place. %s."
						.formatted(drive, this.qemu.machine(), Qom.name(user),
								theirs.isEmpty() ? "no IOThread that is known"
										: "IOThread " + String.join(", ", theirs),
								this.session.version(), (theirs.isEmpty() || device.isBehindController())
										? "Name another node" : "Name the same IOThread, or none"));
		}
	}

	private ChangeRefusedException nodeInUse(String drive, String user) {
		return new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
				"Block node %s of %s is in use by %s. Detach that first, name another node, or give both share-rw."
					.formatted(drive, this.qemu.machine(), user.isEmpty() ? "another user" : user));
	}

	private @Nullable String putBus(NewDevice device, Map<String, Object> arguments) {
		String bus = device.bus();
		if (bus != null) {
			arguments.put("bus", bus);
		}
		PciPorts.Port port = device.driver().contains("-pci") ? new PciPorts(this.qemu, this.session.ports()).find(bus)
				: null;
		if (port == null) {
			return null;
		}
		arguments.put("bus", port.bus());
		if (!port.isBridge()) {
			// Without it QEMU 7.2 takes a second device in another slot, where no guest
			// finds it, and ejects both at once.
			arguments.put("addr", "0");
		}
		return port.bus();
	}

	private MachineException explained(NewDevice device, QmpCommandException refused) {
		String words = refused.description();
		List<String> objects = this.qemu.children(Qom.OBJECTS).stream().map(Qom.Child::name).toList();
		for (String iothread : device.iothreads()) {
			if (!objects.contains(iothread)) {
				return new NotFoundException(NotFoundException.Kind.IOTHREAD,
						"%s has no IOThread '%s' any more.".formatted(this.qemu.machine(), iothread));
			}
		}
		NewImage image = device.image();
		MachineException locked = this.images
			.locked((image != null) ? image.file() : Objects.requireNonNullElse(device.drive(), "?"), words);
		if (locked != null) {
			return locked;
		}
		if (isNodeConflict(refused)) {
			return nodeInUse(Objects.requireNonNullElse(device.drive(), "?"), "");
		}
		if (BUSY_NODE.matcher(words).lookingAt()) {
			return new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
					"Block node %s of %s cannot be served now: QEMU says: %s. Wait until the job or export that uses it has ended, or name another node."
						.formatted(device.drive(), this.qemu.machine(), words));
		}
		if (words.contains("not allowed while migrating")) {
			Migration.requireNone(this.qemu);
		}
		if (words.startsWith("Duplicate device ID")) {
			return new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_EXISTS,
					"%s has a device '%s' already. Choose another id.".formatted(this.qemu.machine(), device.id()));
		}
		if (NO_BUS.matcher(words).lookingAt()) {
			return new InvalidRequestException("bus",
					"QEMU says: %s. Name a bus that takes devices while the machine runs.".formatted(words));
		}
		return device.properties()
			.keySet()
			.stream()
			.filter((property) -> place(property, words) >= 0)
			.min(Comparator.comparingInt((property) -> place(property, words)))
			.<MachineException>map((property) -> new InvalidRequestException("properties." + property.qemuName(),
					"QEMU says: %s.".formatted(words)))
			.orElseGet(() -> this.qemu.refused(refused));
	}

	// What QEMU complains of is what it was given by that name.
	private static int place(DeviceProperty property, String words) {
		if (property == DeviceProperty.DISABLE_MODERN && words.contains("neither modern nor legacy")) {
			return 0;
		}
		Matcher name = Pattern.compile("(?<![\\w-])" + Pattern.quote(property.qemuName()) + "(?![\\w-])")
			.matcher(words);
		return name.find() ? name.start() : -1;
	}

}
