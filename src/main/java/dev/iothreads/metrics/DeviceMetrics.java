package dev.iothreads.metrics;

import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
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
		SortedMap<Labels, Counted> devices = new TreeMap<>();
		SortedMap<Labels, Counted> disks = new TreeMap<>();
		this.inventory.views().forEach((machine) -> add(machine, devices, disks));
		return new MetricSnapshots(Stream
			.concat(families("iothread_device", "the device has completed; a SCSI controller's are those of its disks",
					devices), families("iothread_device_disk", "the disk of a SCSI controller has completed", disks))
			.toList());
	}

	// The disks have names of their own: a sum over devices does not count them twice.
	private static Stream<MetricSnapshot> families(String prefix, String done, SortedMap<Labels, Counted> rows) {
		CounterSnapshot.Builder operations = counter(prefix + "_operations", "Operations that " + done);
		CounterSnapshot.Builder bytes = counter(prefix + "_bytes",
				"Bytes that these operations have moved, or given back");
		CounterSnapshot.Builder seconds = counter(prefix + "_operation_seconds",
				"Time that these operations took, each for itself: times that overlap count twice");
		rows.forEach((labels, counted) -> {
			operations.dataPoint(counted.point(labels, IoCount::operations));
			if (counted.operation().hasBytes()) {
				bytes.dataPoint(counted.point(labels, IoCount::bytes));
			}
			seconds.dataPoint(counted.point(labels, (count) -> count.nanoseconds() / NANOSECONDS));
		});
		return Stream.of(operations.build(), bytes.build(), seconds.build());
	}

	private static CounterSnapshot.Builder counter(String name, String help) {
		return CounterSnapshot.builder().name(name).help(help);
	}

	// Of two devices with the same id the first counts: the client refuses such a page.
	private static void add(MachineView machine, SortedMap<Labels, Counted> devices, SortedMap<Labels, Counted> disks) {
		Snapshot snapshot = machine.snapshot();
		if (snapshot == null) {
			return;
		}
		Map<String, Map<IoOperation, IoCount>> io = snapshot.activity().io();
		for (Device device : snapshot.devices()) {
			add(io.getOrDefault(device.qomPath(), Map.of()),
					Labels.of("device", device.id(), "machine", machine.name()), devices);
			for (Disk disk : device.disks()) {
				add(io.getOrDefault(disk.qomPath(), Map.of()),
						Labels.of("controller", device.id(), "device", disk.id(), "machine", machine.name()), disks);
			}
		}
	}

	private static void add(Map<IoOperation, IoCount> counts, Labels labels, SortedMap<Labels, Counted> rows) {
		counts.forEach((operation, count) -> rows.putIfAbsent(
				labels.add("operation", operation.name().toLowerCase(Locale.ROOT)), new Counted(operation, count)));
	}

	private record Counted(IoOperation operation, IoCount count) {

		CounterDataPointSnapshot point(Labels labels, ToDoubleFunction<IoCount> value) {
			return new CounterDataPointSnapshot(value.applyAsDouble(this.count), labels, null, 0);
		}

	}

}
