package dev.iothreads.metrics;

import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

import dev.iothreads.history.Balance;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.PoolState;
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
				new MachineGauge<>(registry, "iothread.machine.up", null, "Whether the machine's QEMU answers: 1, or 0",
						Function.identity(), (machine) -> Map.of(Tags.empty(), machine.status().isUp() ? 1.0 : 0.0)));
		gauge(registry, "iothread.observed.timestamp", "seconds",
				"When the reading began that the machine's series are from, since 1970",
				(snapshot) -> Map.of(Tags.empty(), snapshot.observedAt().toEpochMilli() / 1e3));
		this.inventory.listen(new MachineGauge<>(registry, "iothread.uneven", null,
				"Whether one IOThread is loaded and does far more than the others, as balance says: 1, or 0",
				Function.identity(), (machine) -> (machine.snapshot() == null) ? Map.of()
						: Map.of(Tags.empty(), (machine.balance().state() == Balance.State.UNEVEN) ? 1.0 : 0.0)));
		gauge(registry, "iothread.machine.info", null, "The machine's QEMU, and who else manages it",
				(snapshot) -> Map.of(Tags.of("qemu_version", snapshot.qemuVersion(), "managed_by",
						Objects.requireNonNullElse(snapshot.managedBy(), ""), "run_state",
						Objects.requireNonNullElse(snapshot.identity().runState(), "")), 1.0));
		this.inventory.listen(new MachineGauge<>(registry, "iothread.pool.missing", null,
				"IOThreads of the machine's pool that it does not have", Function.identity(), (machine) -> {
					PoolState pool = machine.pool();
					return (pool != null) ? Map.of(Tags.empty(), (double) pool.missing()) : Map.of();
				}));
		gauge(registry, "iothread.orphaned.devices", null, "Devices whose IOThread was deleted underneath them",
				(snapshot) -> Map.of(Tags.empty(), orphans(snapshot)));
		gauge(registry, "iothread.orphaned.threads", null,
				"Threads that devices hold though their IOThread was deleted underneath them",
				(snapshot) -> Map.of(Tags.empty(), (double) snapshot.activity().orphanedThreads()));
	}

	private void gauge(MeterRegistry registry, String name, @Nullable String unit, String description,
			Function<Snapshot, Map<Tags, Double>> rows) {
		this.inventory.listen(new MachineGauge<>(registry, name, unit, description, Function.identity(), (machine) -> {
			Snapshot snapshot = machine.snapshot();
			return (snapshot != null) ? rows.apply(snapshot) : Map.of();
		}));
	}

	private static double orphans(Snapshot snapshot) {
		return snapshot.devices().stream().filter((device) -> device.state() == DeviceState.ORPHANED).count();
	}

}
