package dev.iothreads.qemu;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.NaturalOrder;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The ports of one QEMU: each has a bus beneath it with room for one device.
 */
final class PciPorts {

	private static final Set<String> TYPES = Set.of("pcie-root-port", "ioh3420", "xio3130-downstream");

	private final BlockingQmp qemu;

	PciPorts(BlockingQmp qemu) {
		this.qemu = qemu;
	}

	/**
	 * Finds the buses that a device could be put on, where QEMU does not find one itself.
	 * @return the names of the buses, none where QEMU finds a place itself
	 */
	List<String> freeBuses() {
		return rootBusTakesDevices() ? List.of()
				: all().stream().filter((port) -> obstacle(port) == null).map(Port::bus).toList();
	}

	/**
	 * Finds the bus of a port for a new device.
	 * @param bus the bus that was asked for, {@code null} for any
	 * @return the bus, {@code null} where QEMU finds a place itself, or {@code bus} is
	 * that of no port
	 * @throws InvalidRequestException when that bus, or any, has no room
	 */
	@Nullable String find(@Nullable String bus) {
		List<Port> ports = all();
		if (bus != null) {
			Port port = ports.stream().filter((candidate) -> candidate.bus().equals(bus)).findFirst().orElse(null);
			String obstacle = (port != null) ? obstacle(port) : null;
			if (obstacle != null) {
				throw new InvalidRequestException("bus", obstacle);
			}
			return (port != null) ? bus : null;
		}
		if (ports.isEmpty() || rootBusTakesDevices()) {
			return null;
		}
		return ports.stream()
			.filter((port) -> obstacle(port) == null)
			.findFirst()
			.map(Port::bus)
			.orElseThrow(() -> new InvalidRequestException("bus",
					"None of the %d root ports of %s is empty and hot-pluggable. Detach something, or start it with more pcie-root-port devices."
						.formatted(ports.size(), this.qemu.machine())));
	}

	// The bus beneath a port has the port's id. That of a port without an id is named
	// otherwise.
	private List<Port> all() {
		return this.qemu.children(Qom.PERIPHERAL)
			.stream()
			.filter((child) -> TYPES.contains(child.type()))
			.map((child) -> new Port(child.path(), child.name()))
			.sorted(Comparator.comparing(Port::bus, NaturalOrder.OF_IDS))
			.toList();
	}

	private @Nullable String obstacle(Port port) {
		String bus = port.path() + "/" + port.bus();
		JsonNode hotplug = this.qemu.ask(Qom.get(port.path(), "hotplug"));
		if ((hotplug != null && !hotplug.asBoolean(true)) || this.qemu.text(bus, "hotplug-handler").isEmpty()) {
			return "%s does not take devices while the machine runs. Name another bus, or none.".formatted(port.bus());
		}
		return this.qemu.occupants(bus).isEmpty() ? null
				: "%s is occupied. Name another bus, or none.".formatted(port.bus());
	}

	// A conventional PCI bus may. That of PCI Express never does, though with ACPI
	// hot-plug QEMU 8 and later give it a handler.
	private boolean rootBusTakesDevices() {
		return this.qemu.children("/machine")
			.stream()
			.filter((child) -> child.type().toLowerCase(Locale.ROOT).endsWith("pcihost"))
			.flatMap((host) -> this.qemu.children(host.path()).stream())
			.filter((bus) -> bus.type().equals("PCI"))
			.anyMatch((bus) -> !this.qemu.text(bus.path(), "hotplug-handler").isEmpty());
	}

	/**
	 * A port.
	 *
	 * @param path its QOM path
	 * @param bus the name of the bus beneath it
	 */
	private record Port(String path, String bus) {

	}

}
