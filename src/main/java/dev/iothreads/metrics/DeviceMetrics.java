package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.MachineMeter.Row;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.jspecify.annotations.Nullable;

import org.springframework.stereotype.Component;

/**
 * What the devices on IOThreads have read and written.
 */
@Component
class DeviceMetrics implements MeterBinder {

	private static final double NANOSECONDS = 1e9;

	private final Inventory inventory;

	DeviceMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		MachineMeter operations = MachineMeter.counter(registry, "iothread.device.operations", null,
				"Operations that the device has completed; a SCSI controller's are those of its disks", "device",
				"operation");
		MachineMeter bytes = MachineMeter.counter(registry, "iothread.device.bytes", "bytes",
				"Bytes that these operations have moved, or given back", "device", "operation");
		MachineMeter seconds = MachineMeter.counter(registry, "iothread.device.operation", "seconds",
				"Time that these operations took, each for itself: times that overlap count twice", "device",
				"operation");
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				Rows rows = Rows.of(machine.snapshot());
				operations.set(machine.name(), rows.operations());
				bytes.set(machine.name(), rows.bytes());
				seconds.set(machine.name(), rows.seconds());
			}

			@Override
			public void removed(String machine) {
				operations.remove(machine);
				bytes.remove(machine);
				seconds.remove(machine);
			}

		});
	}

	private record Rows(List<Row> operations, List<Row> bytes, List<Row> seconds) {

		static Rows of(@Nullable Snapshot snapshot) {
			Rows rows = new Rows(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
			if (snapshot != null) {
				Map<String, Map<IoOperation, IoCount>> io = snapshot.activity().io();
				for (Device device : snapshot.devices()) {
					io.getOrDefault(device.qomPath(), Map.of())
						.forEach((operation, count) -> rows.add(device, operation, count));
				}
			}
			return rows;
		}

		private void add(Device device, IoOperation operation, IoCount count) {
			String[] labels = { device.id(), operation.name().toLowerCase(Locale.ROOT) };
			this.operations.add(Row.of(count.operations(), labels));
			if (operation.hasBytes()) {
				this.bytes.add(Row.of(count.bytes(), labels));
			}
			this.seconds.add(Row.of(count.nanoseconds() / NANOSECONDS, labels));
		}

	}

}
