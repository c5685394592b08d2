package dev.iothreads.qemu;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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
		return rootBusTakesDevices() ? List.of() : look(all()).stream().filter(Look::isFree).map(Look::bus).toList();
	}

	/**
	 * Finds the bus of a port for a new device: of those that are empty the one that has
	 * been so for longest. Where a late eject could take the device it waits for the
	 * first port that is safe, 3 s at most.
	 * @param bus the bus that was asked for, {@code null} for any
	 * @return the bus, {@code null} where QEMU finds a place itself, or {@code bus} is
	 * that of no port
	 * @throws InvalidRequestException when that bus, or any, has no room
	 */
	@Nullable String find(@Nullable String bus) {
		List<Port> ports = all();
		if (bus != null) {
			List<Port> named = ports.stream().filter((port) -> port.bus().equals(bus)).toList();
			return named.isEmpty() ? null : settled(named);
		}
		if (ports.isEmpty() || rootBusTakesDevices()) {
			return null;
		}
		return settled(ports);
	}

	private String settled(List<Port> ports) {
		while (true) {
			List<Look> looks = look(ports);
			List<Look> free = looks.stream().filter(Look::isFree).toList();
			if (free.isEmpty()) {
				throw new InvalidRequestException("bus", refusal(looks));
			}
			// The order of their names decides among ports in which no device was seen.
			Optional<Look> best = free.stream()
				.filter((look) -> wait(look) <= 0)
				.max(Comparator.comparingLong((look) -> this.history.emptyFor(look.bus())));
			if (best.isPresent()) {
				return best.get().bus();
			}
			this.qemu.pause(Duration.ofNanos(free.stream().mapToLong(this::wait).min().orElseThrow()));
		}
	}

	// A port with native hot-plug ejects what is in it when the guest says so, and
	// handles one unplug at a time.
	private long wait(Look look) {
		return look.ejectsByAcpi() ? this.history.unsettledFor(look.bus()) : 0;
	}

	private String refusal(List<Look> looks) {
		String obstacle = looks.get(0).obstacle();
		return (looks.size() == 1 && obstacle != null) ? obstacle
				: "None of the %d root ports of %s is empty and hot-pluggable. Detach something, or start it with more pcie-root-port devices."
					.formatted(looks.size(), this.qemu.machine());
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

	private List<Look> look(List<Port> ports) {
		return ports.stream().map(this::look).toList();
	}

	private Look look(Port port) {
		String bus = port.path() + "/" + port.bus();
		JsonNode hotplug = this.qemu.ask(Qom.get(port.path(), "hotplug"));
		String handler = this.qemu.text(bus, "hotplug-handler");
		if ((hotplug != null && !hotplug.asBoolean(true)) || handler.isEmpty()) {
			return new Look(port.bus(), false,
					"%s does not take devices while the machine runs. Name another bus, or none."
						.formatted(port.bus()));
		}
		boolean ejectsByAcpi = !handler.equals(port.path());
		List<String> occupants = this.qemu.occupants(bus);
		if (occupants.isEmpty()) {
			this.history.onEmpty(port.bus());
			return new Look(port.bus(), ejectsByAcpi, null);
		}
		occupants.forEach((device) -> this.history.onOccupied(device, port.bus()));
		return new Look(port.bus(), ejectsByAcpi, "%s is occupied. Name another bus, or none.".formatted(port.bus()));
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

	/**
	 * How a port was found.
	 *
	 * @param bus the name of the bus beneath it
	 * @param ejectsByAcpi whether the guest ejects what is in it by ACPI
	 * @param obstacle why it takes no device now, {@code null} when it does
	 */
	private record Look(String bus, boolean ejectsByAcpi, @Nullable String obstacle) {

		boolean isFree() {
			return this.obstacle == null;
		}

	}

}
