package dev.iothreads.metrics;

import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.stereotype.Component;

/**
 * What the devices on IOThreads have read and written. Most rows of the page are of this
 * kind, and as meters of Micrometer they would cost three times as much: they are on the
 * page for Prometheus only.
 */
@Component
class DeviceMetrics implements MultiCollector {

	private static final double NANOSECONDS = 1e9;

	private final Inventory inventory;

	DeviceMetrics(Inventory inventory, ObjectProvider<PrometheusRegistry> registry) {
		this.inventory = inventory;
		registry.ifAvailable((page) -> page.register(this));
	}

	@Override
	public MetricSnapshots collect() {
		SortedMap<Labels, Counted> rows = new TreeMap<>();
		this.inventory.views().forEach((machine) -> add(machine, rows));
		CounterSnapshot.Builder operations = counter("iothread_device_operations",
				"Operations that the device has completed; a SCSI controller's are those of its disks");
		CounterSnapshot.Builder bytes = counter("iothread_device_bytes",
				"Bytes that these operations have moved, or given back");
		CounterSnapshot.Builder seconds = counter("iothread_device_operation_seconds",
				"Time that these operations took, each for itself: times that overlap count twice");
		rows.forEach((labels, counted) -> {
			operations.dataPoint(counted.point(labels, IoCount::operations));
			if (counted.operation().hasBytes()) {
				bytes.dataPoint(counted.point(labels, IoCount::bytes));
			}
			seconds.dataPoint(counted.point(labels, (count) -> count.nanoseconds() / NANOSECONDS));
		});
		return MetricSnapshots.of(operations.build(), bytes.build(), seconds.build());
	}

	private static CounterSnapshot.Builder counter(String name, String help) {
		return CounterSnapshot.builder().name(name).help(help);
	}

	// Of two devices with the same id the first counts: the client refuses such a page.
	private static void add(MachineView machine, SortedMap<Labels, Counted> rows) {
		Snapshot snapshot = machine.snapshot();
		if (snapshot == null) {
			return;
		}
		Map<String, Map<IoOperation, IoCount>> io = snapshot.activity().io();
		for (Device device : snapshot.devices()) {
			io.getOrDefault(device.qomPath(), Map.of())
				.forEach((operation,
						count) -> rows.putIfAbsent(Labels.of("device", device.id(), "machine", machine.name(),
								"operation", operation.name().toLowerCase(Locale.ROOT)),
								new Counted(operation, count)));
		}
	}

	private record Counted(IoOperation operation, IoCount count) {

		CounterDataPointSnapshot point(Labels labels, ToDoubleFunction<IoCount> value) {
			return new CounterDataPointSnapshot(value.applyAsDouble(this.count), labels, null, 0);
		}

	}

}
