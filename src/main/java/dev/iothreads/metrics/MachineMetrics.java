package dev.iothreads.metrics;

import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.jspecify.annotations.Nullable;

import org.springframework.stereotype.Component;

/**
 * Whether each machine answers, and what it is.
 */
@Component
class MachineMetrics implements MeterBinder {

	private final Inventory inventory;

	MachineMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		this.inventory.listen(
				new MachineGauge(registry, "iothread.machine.up", null, "Whether the machine's QEMU answers: 1, or 0",
						(machine) -> Map.of(Tags.empty(), machine.status().isUp() ? 1.0 : 0.0)));
		this.inventory.listen(
				new MachineGauge(registry, "iothread.machine.info", null, "The machine's QEMU, and who else manages it",
						(machine) -> row(machine.snapshot(), MachineMetrics::tags, (snapshot) -> 1.0)));
		this.inventory.listen(new MachineGauge(registry, "iothread.orphaned.devices", null,
				"Devices whose IOThread was deleted underneath them",
				(machine) -> row(machine.snapshot(), (snapshot) -> Tags.empty(), MachineMetrics::orphans)));
	}

	private static Map<Tags, Double> row(@Nullable Snapshot snapshot, Function<Snapshot, Tags> tags,
			Function<Snapshot, Double> value) {
		return (snapshot != null) ? Map.of(tags.apply(snapshot), value.apply(snapshot)) : Map.of();
	}

	private static Tags tags(Snapshot snapshot) {
		return Tags.of("qemu_version", snapshot.qemuVersion(), "managed_by",
				Objects.requireNonNullElse(snapshot.managedBy(), ""));
	}

	private static double orphans(Snapshot snapshot) {
		return snapshot.devices().stream().filter((device) -> device.state() == DeviceState.ORPHANED).count();
	}

}
