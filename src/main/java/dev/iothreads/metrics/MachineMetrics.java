package dev.iothreads.metrics;

import java.util.List;
import java.util.Objects;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.MachineMeter.Row;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * Which machines there are, whether they answer, and whether something is wrong with one.
 */
@Component
class MachineMetrics implements MeterBinder {

	private final Inventory inventory;

	MachineMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		MachineMeter up = MachineMeter.gauge(registry, "iothread.machine.up", null,
				"Whether the machine's QEMU answers: 1, or 0");
		MachineMeter info = MachineMeter.gauge(registry, "iothread.machine.info", null,
				"The machine's QEMU, and who else manages it", "qemu_version", "managed_by");
		MachineMeter orphaned = MachineMeter.gauge(registry, "iothread.orphaned.devices", null,
				"Devices whose IOThread was deleted underneath them");
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				up.set(machine.name(), List.of(Row.of(machine.status().isUp() ? 1 : 0)));
				Snapshot snapshot = machine.snapshot();
				if (snapshot == null) {
					info.remove(machine.name());
					orphaned.remove(machine.name());
					return;
				}
				info.set(machine.name(), List
					.of(Row.of(1, snapshot.qemuVersion(), Objects.requireNonNullElse(snapshot.managedBy(), ""))));
				orphaned.set(machine.name(),
						List.of(Row.of(snapshot.devices()
							.stream()
							.filter((device) -> device.state() == DeviceState.ORPHANED)
							.count())));
			}

			@Override
			public void removed(String machine) {
				up.remove(machine);
				info.remove(machine);
				orphaned.remove(machine);
			}

		});
	}

}
