package dev.iothreads.qemu;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.NaturalOrder;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The places for PCI devices in one QEMU: each root port has a bus beneath it with room
 * for one device, and each bridge one with room for many. Bridges are taken where no root
 * port is empty.
 */
final class PciPorts {

	private static final Set<String> TYPES = Set.of("pcie-root-port", "ioh3420", "xio3130-downstream");

	// Not an i82801b11-bridge: Linux puts memory of a device behind it where the bridge
	// does not lead.
	private static final Set<String> BRIDGES = Set.of("pci-bridge");

	// Of 32 slots one may be reserved.
	private static final int SLOTS = 31;

	private final BlockingQmp qemu;

	private final PortHistory history;

	PciPorts(BlockingQmp qemu, PortHistory history) {
		this.qemu = qemu;
		this.history = history;
	}

	/**
	 * Finds the buses that a device could be put on, where QEMU does not find one itself.
	 * @return the names of the buses, none where QEMU finds a place itself
	 */
	List<String> freeBuses() {
		List<Port> bridges = all(BRIDGES);
		return rootBusTakesDevices(bridges) ? List.of() : freeBuses(bridges);
	}

	private List<String> freeBuses(List<Port> bridges) {
		return Stream.concat(all(TYPES).stream(), bridges.stream())
			.map(this::look)
			.filter(Look::isFree)
			.map((look) -> look.port().bus())
			.toList();
	}

	/**
	 * Finds the port for a new device: of the empty ports the one that has been empty for
	 * longest; where no port is empty, of the bridges with room the one that no device
	 * has left for longest. Where a late eject could take the device it waits for the
	 * first port that is safe, 3 s, or up to 10 s where the guest is slow.
	 * @param bus the bus that was asked for, {@code null} for any
	 * @return the port, {@code null} where QEMU finds a place itself, or {@code bus} is
	 * that of no port
	 * @throws InvalidRequestException when that bus, or any, has no room
	 */
	@Nullable Port find(@Nullable String bus) {
		List<Port> ports = all(TYPES);
		List<Port> bridges = all(BRIDGES);
		if (bus != null) {
			List<Port> named = Stream.concat(ports.stream(), bridges.stream())
				.filter((port) -> port.bus().equals(bus))
				.toList();
			return named.isEmpty() ? null : settled(named, List.of());
		}
		if ((ports.isEmpty() && bridges.isEmpty()) || rootBusTakesDevices(bridges)) {
			return null;
		}
		return settled(ports, bridges);
	}

	private Port settled(List<Port> ports, List<Port> bridges) {
		while (true) {
			List<Look> looks = look(ports);
			List<Look> free = looks.stream().filter(Look::isFree).toList();
			if (free.isEmpty() && !bridges.isEmpty()) {
				looks = Stream.concat(looks.stream(), look(bridges).stream()).toList();
				free = looks.stream().filter(Look::isFree).toList();
			}
			if (free.isEmpty()) {
				throw new InvalidRequestException("bus", refusal(looks));
			}
			// The order of their names decides among ports in which no device was seen.
			Optional<Look> best = free.stream()
				.filter((look) -> wait(look) <= 0)
				.max(Comparator.comparingLong((look) -> this.history.emptyFor(look.port().bus())));
			if (best.isPresent()) {
				return best.get().port();
			}
			this.qemu.pause(Duration.ofNanos(free.stream().mapToLong(this::wait).min().orElseThrow()));
		}
	}

	// A port with native hot-plug ejects what is in it when the guest says so, and
	// handles one unplug at a time.
	private long wait(Look look) {
		return look.ejectsByAcpi() ? this.history.unsettledFor(look.port().bus()) : 0;
	}

	private String refusal(List<Look> looks) {
		String obstacle = looks.get(0).obstacle();
		if (looks.size() == 1 && obstacle != null) {
			List<String> room = freeBuses(all(BRIDGES));
			return room.isEmpty() ? obstacle + " Name another bus, or none."
					: "%s There is room on %s: name that, or none.".formatted(obstacle, String.join(", ", room));
		}
		long bridges = looks.stream().filter((look) -> look.port().isBridge()).count();
		return ((bridges == 0)
				? "None of the %d root ports of %s is empty and hot-pluggable. Detach something, or start it with more pcie-root-port devices."
				: "None of the %d root ports and bridges of %s has room for a device while it runs. Detach something, or start it with more pcie-root-port devices.")
			.formatted(looks.size(), this.qemu.machine());
	}

	// The bus beneath a port has the port's id. That of a port without an id is named
	// otherwise.
	private List<Port> all(Set<String> types) {
		return this.qemu.children(Qom.PERIPHERAL)
			.stream()
			.filter((child) -> types.contains(child.type()))
			.map((child) -> new Port(child.path(), child.name(), BRIDGES.contains(child.type())))
			.sorted(Comparator.comparing(Port::bus, NaturalOrder.OF_IDS))
			.toList();
	}

	private List<Look> look(List<Port> ports) {
		return ports.stream().map(this::look).toList();
	}

	private Look look(Port port) {
		String bus = port.path() + "/" + port.bus();
		JsonNode hotplug = this.qemu.ask(Qom.get(port.path(), "hotplug"));
		String handler = this.qemu.text(bus, "hotplug-handler");
		if ((hotplug != null && !hotplug.asBoolean(true)) || handler.isEmpty()) {
			return new Look(port, false, "%s does not take devices while the machine runs.".formatted(port.bus()));
		}
		boolean ejectsByAcpi = !handler.equals(port.path());
		List<String> occupants = this.qemu.occupants(bus);
		if (occupants.isEmpty()) {
			this.history.onEmpty(port.bus());
			return new Look(port, ejectsByAcpi, null);
		}
		occupants.forEach((device) -> this.history.onOccupied(device, port.bus()));
		return new Look(port, ejectsByAcpi, (port.isBridge() && occupants.size() < SLOTS) ? null
				: "%s is %s.".formatted(port.bus(), port.isBridge() ? "full" : "occupied"));
	}

	// A conventional PCI bus may. That of PCI Express never does, though with ACPI
	// hot-plug QEMU 8 and later give it a handler.
	private boolean rootBusTakesDevices(List<Port> bridges) {
		return this.qemu.children("/machine")
			.stream()
			.filter((child) -> child.type().toLowerCase(Locale.ROOT).endsWith("pcihost"))
			.flatMap((host) -> this.qemu.children(host.path()).stream())
			.filter((bus) -> bus.type().equals("PCI"))
			.anyMatch((bus) -> !this.qemu.text(bus.path(), "hotplug-handler").isEmpty()
					&& (bridges.isEmpty() || this.qemu.occupants(bus.path()).size() < SLOTS));
	}

	/**
	 * A port.
	 *
	 * @param path its QOM path
	 * @param bus the name of the bus beneath it
	 * @param isBridge whether that has room for many devices
	 */
	record Port(String path, String bus, boolean isBridge) {

	}

	/**
	 * How a port was found.
	 *
	 * @param port the port
	 * @param ejectsByAcpi whether the guest ejects what is in it by ACPI
	 * @param obstacle why it takes no device now, {@code null} when it does
	 */
	private record Look(Port port, boolean ejectsByAcpi, @Nullable String obstacle) {

		boolean isFree() {
			return this.obstacle == null;
		}

	}

}
