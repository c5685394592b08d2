package dev.iothreads.qemu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Plugs and unplugs devices. What can be known beforehand is asked beforehand; QEMU's
 * texts are no interface, and are looked into only where nothing else tells.
 */
final class DevicePlug {

	private static final Duration LETTING_GO = Duration.ofSeconds(1);

	private static final String PCI = "-pci";

	private static final String PCI_BUS = "PCI";

	private static final String SCSI_BUS = "SCSI";

	private static final Pattern NO_BUS = Pattern
		.compile("Bus '|No '|PCI: |Hot-plug failed|A '.*' bus was found but is full");

	private static final String BALLOON = "virtio-balloon";

	// Ports: what is beneath one has room for one device.
	private static final Set<String> PORT_TYPES = Set.of("pcie-root-port", "ioh3420", "xio3130-downstream");

	// Names that end in numbers are taken in their order: rp2 before rp10.
	private static final Comparator<Port> BY_NAME = Comparator
		.comparing((Port port) -> port.bus().replaceAll("\\d+$", ""))
		.thenComparing((port) -> port.bus().length())
		.thenComparing(Port::bus);

	private final QemuSession session;

	private final Dialogue qemu;

	DevicePlug(QemuSession session, Dialogue qemu) {
		this.session = session;
		this.qemu = qemu;
	}

	void attach(NewDevice device) {
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
		Set<String> known = propertiesOf(device.driver());
		Map<String, Object> arguments = new LinkedHashMap<>();
		arguments.put("driver", device.driver());
		arguments.put("id", device.id());
		putIOThreads(device, known, arguments);
		putDrive(device, known, arguments);
		device.properties().forEach((property, value) -> {
			requireSupport(device, known, property.qemuName());
			arguments.put(property.qemuName(), value);
		});
		putBus(device, present, arguments);
		plug(device, Command.DEVICE_ADD.with(arguments));
	}

	// A device that was unplugged is off the tree at once, and keeps its node and its
	// place in the boot order until DEVICE_DELETED is told, some 50 ms later.
	private void plug(NewDevice device, QmpCommand command) {
		long end = System.nanoTime() + LETTING_GO.toNanos();
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
					List<JsonNode> backends = backends(drive).toList();
					// It may have been let go meanwhile. If not, no device is in the way.
					free = backends.isEmpty();
					kept = backends.stream().allMatch(DevicePlug::servesNobody);
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
		if (device.iothreads().size() == 1) {
			requireSupport(device, known, "iothread");
			arguments.put("iothread", device.iothreads().get(0));
		}
		else {
			// QEMU 7.2 ignores a mapping that it does not know.
			requireSupport(device, known, "iothread-vq-mapping");
			arguments.put("iothread-vq-mapping",
					device.iothreads().stream().map((iothread) -> Map.of("iothread", iothread)).toList());
		}
	}

	private void putDrive(NewDevice device, Set<String> known, Map<String, Object> arguments) {
		String drive = device.drive();
		if (!known.contains("drive")) {
			if (drive != null) {
				throw new InvalidRequestException("drive",
						"A %s has no drive. Leave it out.".formatted(device.driver()));
			}
			return;
		}
		if (drive == null) {
			throw new InvalidRequestException("drive",
					"A %s needs the block node it is to serve. Name one.".formatted(device.driver()));
		}
		JsonNode inUse = user(drive);
		if (inUse == null && !exists(drive)) {
			throw new InvalidRequestException("drive",
					"%s has no block node '%s'. Add it first, by blockdev-add.".formatted(this.qemu.machine(), drive));
		}
		boolean shared = Boolean.TRUE.equals(device.properties().get(DeviceProperty.SHARE_RW));
		if (inUse != null && !shared && !inUse.path("inserted").path("ro").asBoolean(false)) {
			throw nodeInUse(drive, Qom.name(Qom.device(inUse.path("qdev").asString(""))));
		}
		arguments.put("drive", drive);
	}

	private boolean exists(String drive) {
		JsonNode nodes = this.qemu.ask(Command.QUERY_NAMED_BLOCK_NODES.with(Map.of("flat", true)));
		return (nodes != null
				&& nodes.valueStream().anyMatch((node) -> drive.equals(node.path("node-name").asString(""))))
				|| backends(drive).findAny().isPresent();
	}

	private @Nullable JsonNode user(String drive) {
		return backends(drive).filter((backend) -> !servesNobody(backend)).findFirst().orElse(null);
	}

	private static boolean servesNobody(JsonNode backend) {
		return backend.path("qdev").asString("").isEmpty();
	}

	// What serves a node, as query-block has it.
	private Stream<JsonNode> backends(String drive) {
		JsonNode backends = this.qemu.ask(Command.QUERY_BLOCK.plain());
		return (backends == null) ? Stream.empty()
				: backends.valueStream()
					.filter((backend) -> drive.equals(backend.path("inserted").path("node-name").asString(""))
							|| drive.equals(backend.path("device").asString("")));
	}

	private ChangeRefusedException nodeInUse(String drive, String user) {
		return new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
				"Block node %s of %s is in use by %s. Detach that first, name another node, or give both share-rw."
					.formatted(drive, this.qemu.machine(), user.isEmpty() ? "somebody else" : user));
	}

	private void putBus(NewDevice device, List<Qom.Child> present, Map<String, Object> arguments) {
		String bus = device.bus();
		if (bus != null) {
			arguments.put("bus", bus);
		}
		if (!device.driver().contains(PCI)) {
			return;
		}
		List<Port> ports = ports(present);
		Port port;
		if (bus != null) {
			// Of buses that are no port's QEMU itself knows.
			port = ports.stream().filter((candidate) -> candidate.bus().equals(bus)).findFirst().orElse(null);
			String obstacle = (port != null) ? obstacle(port) : null;
			if (obstacle != null) {
				throw new InvalidRequestException("bus", obstacle);
			}
		}
		else {
			port = (ports.isEmpty() || rootBusTakesDevices()) ? null : firstFree(ports);
		}
		if (port != null) {
			arguments.put("bus", port.bus());
			// Left to itself QEMU 7.2 takes a second device in another slot, where no
			// guest will ever find it, and lets go of both at once.
			arguments.put("addr", "0");
		}
	}

	// The bus beneath a port has the port's id. That of one without an id is named as
	// others are.
	private static List<Port> ports(List<Qom.Child> present) {
		return present.stream()
			.filter((child) -> PORT_TYPES.contains(child.type()))
			.map((child) -> new Port(child.path(), child.name()))
			.sorted(BY_NAME)
			.toList();
	}

	/**
	 * Finds the buses that a device could be put on, where it is not left to QEMU.
	 * @return the names of the buses, none where QEMU finds a place itself
	 */
	List<String> freeBuses() {
		if (rootBusTakesDevices()) {
			return List.of();
		}
		return ports(this.qemu.children(Qom.PERIPHERAL)).stream()
			.filter((port) -> obstacle(port) == null)
			.map(Port::bus)
			.toList();
	}

	private Port firstFree(List<Port> ports) {
		return ports.stream()
			.filter((port) -> obstacle(port) == null)
			.findFirst()
			.orElseThrow(() -> new InvalidRequestException("bus",
					"None of the %d root ports of %s is empty and hot-pluggable. Detach something, or start it with more pcie-root-port devices."
						.formatted(ports.size(), this.qemu.machine())));
	}

	private @Nullable String obstacle(Port port) {
		String bus = port.path() + "/" + port.bus();
		JsonNode hotplug = this.qemu.ask(Qom.get(port.path(), "hotplug"));
		if ((hotplug != null && !hotplug.asBoolean(true)) || this.qemu.text(bus, "hotplug-handler").isEmpty()) {
			return "%s does not take devices while the machine runs. Name another bus, or none.".formatted(port.bus());
		}
		return occupants(bus).isEmpty() ? null : "%s is occupied. Name another bus, or none.".formatted(port.bus());
	}

	/**
	 * Finds the devices on a bus.
	 * @param bus the path of the bus
	 * @return the paths of the devices
	 */
	private List<String> occupants(String bus) {
		JsonNode onBus = this.qemu.ask(Qom.list(bus));
		return (onBus == null) ? List.of()
				: Qom.names(onBus)
					.stream()
					.filter((name) -> name.startsWith("child["))
					.map((name) -> this.qemu.text(bus, name))
					.filter((path) -> !path.isEmpty())
					.sorted()
					.toList();
	}

	// A conventional one may. That of PCI Express never does, though with ACPI hot-plug
	// QEMU 8 and later give it a handler.
	private boolean rootBusTakesDevices() {
		return this.qemu.children("/machine")
			.stream()
			.filter((child) -> child.type().toLowerCase(Locale.ROOT).endsWith("pcihost"))
			.flatMap((host) -> this.qemu.children(host.path()).stream())
			.filter((bus) -> bus.type().equals(PCI_BUS))
			.anyMatch((bus) -> !this.qemu.text(bus.path(), "hotplug-handler").isEmpty());
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
		if (isNodeConflict(refused)) {
			return nodeInUse(Objects.requireNonNullElse(device.drive(), "?"), "");
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

	CompletableFuture<Void> detach(String id) {
		Qom.Child device = find(id);
		String hazard = this.session.unplugHazard(device.path());
		if (hazard != null) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED, hazard);
		}
		boolean hasNoId = device.path().startsWith(Qom.PERIPHERAL_ANON);
		Unplugs unplugs = this.session.unplugs();
		boolean again = unplugs.isUnderWay(device.path());
		if (!again) {
			requireNoCompanions(device);
		}
		CompletableFuture<Void> gone = unplugs.begin(device.path());
		try {
			this.qemu.run(Command.DEVICE_DEL.with(Map.of("id", hasNoId ? device.path() : id)));
			return gone;
		}
		catch (QmpCommandException ex) {
			String words = ex.description();
			if (gone.isDone() || words.contains("already in the process of unplug")) {
				return gone;
			}
			if (!again) {
				unplugs.cancel(device.path());
			}
			if ("DeviceNotFound".equals(ex.errorClass())) {
				throw noSuchDevice(id);
			}
			if (words.contains("does not support hotplugging") || words.contains("cannot be hot-unplugged")
					|| words.contains("is not hotpluggable")) {
				throw new InvalidRequestException("device",
						"%s cannot be unplugged while %s runs: QEMU says: %s. It goes when the machine is shut down."
							.formatted(id, this.qemu.machine(), words));
			}
			throw this.qemu.refused(ex);
		}
	}

	/**
	 * Makes sure that no other device goes with it. A guest lets go of a whole slot, and
	 * QEMU then takes everything that is in it, without having asked.
	 * @param device the device that is to go
	 */
	private void requireNoCompanions(Qom.Child device) {
		List<String> companions = new ArrayList<>();
		String bus = this.qemu.text(device.path(), "parent_bus");
		if (!bus.isEmpty() && device.type().contains(PCI)) {
			long slot = slot(device.path());
			occupants(bus).stream()
				.filter((other) -> !other.equals(device.path()) && slot(other) == slot)
				.forEach(companions::add);
		}
		for (Qom.Child backend : this.qemu.children(device.path() + "/virtio-backend")) {
			if (backend.type().equals(SCSI_BUS)) {
				companions.addAll(occupants(backend.path()));
			}
		}
		if (!companions.isEmpty()) {
			throw new InvalidRequestException("device",
					"%s of %s cannot go alone: %s would be unplugged with it. Unplug that first, by device_del, or shut the machine down."
						.formatted(device.name(), this.qemu.machine(),
								String.join(", ", companions.stream().map(Qom::name).toList())));
		}
	}

	// docs: a PCI address is a slot of five bits and a function of three
	private long slot(String device) {
		JsonNode address = this.qemu.ask(Qom.get(device, "addr"));
		return (address != null) ? address.asLong(0) >> 3 : 0;
	}

	private Qom.Child find(String id) {
		for (String container : List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON)) {
			for (Qom.Child child : this.qemu.children(container)) {
				if (child.name().equals(id)) {
					return child;
				}
			}
		}
		throw noSuchDevice(id);
	}

	private NotFoundException noSuchDevice(String id) {
		return new NotFoundException(NotFoundException.Kind.DEVICE,
				"%s has no device '%s' any more.".formatted(this.qemu.machine(), id));
	}

	/**
	 * A port that takes one device.
	 *
	 * @param path where it is in the QOM tree
	 * @param bus the name of the bus beneath it
	 */
	private record Port(String path, String bus) {

	}

}
