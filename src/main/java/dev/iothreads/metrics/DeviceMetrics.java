package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.Family.Row;
import org.jspecify.annotations.Nullable;

/**
 * What the devices on IOThreads have read and written.
 */
final class DeviceMetrics implements Topic {

	private static final double NANOSECONDS = 1e9;

	private final Family operations = Family.counter("iothread_device_operations",
			"Operations that the device has completed; a SCSI controller's are those of its disks", "device",
			"operation");

	private final Family bytes = Family.counter("iothread_device_bytes",
			"Bytes that these operations have moved, or given back", "device", "operation");

	private final Family seconds = Family.counter("iothread_device_operation_seconds",
			"Time that these operations took, each for itself: times that overlap count twice", "device", "operation");

	@Override
	public List<Family> families() {
		return List.of(this.operations, this.bytes, this.seconds);
	}

	@Override
	public List<Object> told(Snapshot snapshot) {
		return List.of(snapshot.devices(), snapshot.activity().io());
	}

	@Override
	public void tell(MachineView machine) {
		Rows rows = Rows.of(machine.snapshot());
		this.operations.set(machine.name(), rows.operations());
		this.bytes.set(machine.name(), rows.bytes());
		this.seconds.set(machine.name(), rows.seconds());
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
