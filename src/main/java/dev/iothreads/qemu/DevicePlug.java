package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.InvalidRequestException.Violation;
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

	private static final String PCI = "-pci";

	private static final Set<String> PORT_TYPES = Set.of("pcie-root-port", "ioh3420");

	// Ids that end in numbers are given in their order: rp2 before rp10.
	private static final Comparator<Qom.Child> BY_ID = Comparator
		.comparing((Qom.Child port) -> port.name().replaceAll("\\d+$", ""))
		.thenComparing((port) -> port.name().length())
		.thenComparing(Qom.Child::name);

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
		String bus = bus(device, present);
		if (bus != null) {
			arguments.put("bus", bus);
		}
		try {
			this.qemu.run(QmpCommand.of("device_add", arguments));
		}
		catch (QmpCommandException ex) {
			throw explained(device, ex);
		}
	}

	private Set<String> propertiesOf(String driver) {
		JsonNode properties = this.qemu.ask(QmpCommand.of("device-list-properties", Map.of("typename", driver)));
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
		JsonNode nodes = this.qemu.ask(QmpCommand.of("query-named-block-nodes", Map.of("flat", true)));
		if (nodes != null) {
			for (JsonNode node : nodes) {
				if (drive.equals(node.path("node-name").asString(""))) {
					return true;
				}
			}
		}
		JsonNode backends = this.qemu.ask(QmpCommand.of("query-block"));
		if (backends != null) {
			for (JsonNode backend : backends) {
				if (drive.equals(backend.path("device").asString(""))) {
					return true;
				}
			}
		}
		return false;
	}

	// The device that serves a node, as query-block has it.
	private @Nullable JsonNode user(String drive) {
		JsonNode backends = this.qemu.ask(QmpCommand.of("query-block"));
		if (backends != null) {
			for (JsonNode backend : backends) {
				boolean serves = drive.equals(backend.path("inserted").path("node-name").asString(""))
						|| drive.equals(backend.path("device").asString(""));
				if (serves && !backend.path("qdev").asString("").isEmpty()) {
					return backend;
				}
			}
		}
		return null;
	}

	private ChangeRefusedException nodeInUse(String drive, String user) {
		return new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
				"Block node %s of %s is in use by %s. Detach that first, name another node, or give both share-rw."
					.formatted(drive, this.qemu.machine(), user.isEmpty() ? "somebody else" : user));
	}

	/**
	 * Chooses the bus.
	 * @return the bus to name to QEMU, {@code null} to leave it to QEMU
	 */
	private @Nullable String bus(NewDevice device, List<Qom.Child> present) {
		if (!device.driver().contains(PCI)) {
			return device.bus();
		}
		List<Qom.Child> ports = present.stream()
			.filter((child) -> PORT_TYPES.contains(child.type()))
			.sorted(BY_ID)
			.toList();
		String bus = device.bus();
		if (bus != null) {
			// A port's bus has the port's id. Of other buses QEMU itself knows.
			for (Qom.Child port : ports) {
				String obstacle = port.name().equals(bus) ? obstacle(port) : null;
				if (obstacle != null) {
					throw new InvalidRequestException("bus", obstacle);
				}
			}
			return bus;
		}
		if (ports.isEmpty() || rootBusTakesDevices()) {
			return null;
		}
		return ports.stream()
			.filter((port) -> obstacle(port) == null)
			.findFirst()
			.map(Qom.Child::name)
			.orElseThrow(() -> new InvalidRequestException("bus",
					"None of the %d root ports of %s is empty and hot-pluggable. Detach something, or start it with more pcie-root-port devices."
						.formatted(ports.size(), this.qemu.machine())));
	}

	// QEMU 7.2 takes a second device on a port, where no guest will ever find it.
	private @Nullable String obstacle(Qom.Child port) {
		String bus = port.path() + "/" + port.name();
		JsonNode hotplug = this.qemu.ask(Qom.get(port.path(), "hotplug"));
		if ((hotplug != null && !hotplug.asBoolean(true)) || this.qemu.text(bus, "hotplug-handler").isEmpty()) {
			return "%s does not take devices while the machine runs. Name another bus, or none.".formatted(port.name());
		}
		JsonNode onBus = this.qemu.ask(Qom.list(bus));
		if (onBus != null && Qom.names(onBus).stream().anyMatch((name) -> name.startsWith("child["))) {
			return "%s is occupied. Name another bus, or none.".formatted(port.name());
		}
		return null;
	}

	// A conventional one may. That of PCI Express never does, though with ACPI hot-plug
	// it
	// has a handler from QEMU 8 on.
	private boolean rootBusTakesDevices() {
		return this.qemu.children("/machine")
			.stream()
			.filter((child) -> child.type().toLowerCase(Locale.ROOT).endsWith("pcihost"))
			.flatMap((host) -> this.qemu.children(host.path()).stream())
			.filter((child) -> child.type().equals("PCI"))
			.anyMatch((bus) -> !this.qemu.text(bus.path(), "hotplug-handler").isEmpty());
	}

	private MachineException explained(NewDevice device, QmpCommandException refused) {
		String words = refused.description();
		if (words.startsWith("Permission conflict on node") || words.startsWith("Conflicts with use by")) {
			return nodeInUse(Objects.requireNonNullElse(device.drive(), "?"), "");
		}
		if (words.startsWith("Duplicate device ID")) {
			return new ChangeRefusedException(ChangeRefusedException.Reason.DEVICE_EXISTS,
					"%s has a device '%s' already. Choose another id.".formatted(this.qemu.machine(), device.id()));
		}
		List<Violation> violations = new ArrayList<>();
		if (words.startsWith("Bus '") || words.startsWith("No '") || words.startsWith("PCI: ")
				|| words.startsWith("Hot-plug failed")) {
			violations.add(new Violation("bus",
					"QEMU says: %s. Name a bus that takes devices while the machine runs.".formatted(words)));
		}
		return violations.isEmpty() ? this.qemu.refused(refused) : new InvalidRequestException(violations);
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
		CompletableFuture<Void> gone = unplugs.begin(device.path());
		try {
			this.qemu.run(QmpCommand.of("device_del", Map.of("id", hasNoId ? device.path() : id)));
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

}
