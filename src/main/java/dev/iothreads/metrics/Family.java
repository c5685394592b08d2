package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.BiFunction;
import java.util.function.DoubleSupplier;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;

/**
 * A metric with rows for each machine, which come and go as its machine does. Labels are
 * made once for a row that stays, and are kept in the page's order: a page is to be had
 * for little more than it takes to write it. What is told of one machine is told by one
 * thread at a time.
 */
final class Family implements Collector {

	private static final String MACHINE = "machine";

	private final Map<String, Map<List<String>, Held>> machines = new ConcurrentHashMap<>();

	private final SortedMap<Labels, Held> page = new ConcurrentSkipListMap<>();

	private final MetricMetadata metadata;

	private final BiFunction<MetricMetadata, SortedMap<Labels, Held>, MetricSnapshot> kind;

	private final String[] names;

	private Family(String name, String help, BiFunction<MetricMetadata, SortedMap<Labels, Held>, MetricSnapshot> kind,
			String... labels) {
		this.metadata = new MetricMetadata(name, help);
		this.kind = kind;
		this.names = new String[labels.length + 1];
		this.names[0] = MACHINE;
		System.arraycopy(labels, 0, this.names, 1, labels.length);
	}

	/**
	 * Makes a gauge.
	 * @param name its name on the page, which ends with its unit when it has one
	 * @param help what it tells
	 * @param labels its labels besides {@code machine}
	 * @return the gauge, without any row
	 */
	static Family gauge(String name, String help, String... labels) {
		return new Family(name, help, (metadata, rows) -> {
			List<GaugeDataPointSnapshot> points = new ArrayList<>(rows.size());
			rows.forEach((key, row) -> points.add(new GaugeDataPointSnapshot(row.value(), key, null)));
			return new GaugeSnapshot(metadata, points);
		}, labels);
	}

	/**
	 * Makes a counter.
	 * @param name its name on the page without the {@code _total} at its end
	 * @param help what it counts
	 * @param labels its labels besides {@code machine}
	 * @return the counter, without any row
	 */
	static Family counter(String name, String help, String... labels) {
		return new Family(name, help, (metadata, rows) -> {
			List<CounterDataPointSnapshot> points = new ArrayList<>(rows.size());
			rows.forEach((key, row) -> points.add(new CounterDataPointSnapshot(row.value(), key, null, 0)));
			return new CounterSnapshot(metadata, points);
		}, labels);
	}

	/**
	 * Makes what tells by its labels alone.
	 * @param name its name on the page without the {@code _info} at its end
	 * @param help what it tells
	 * @param labels its labels besides {@code machine}
	 * @return the metric, without any row
	 */
	static Family info(String name, String help, String... labels) {
		return new Family(name, help, (metadata, rows) -> {
			List<InfoDataPointSnapshot> points = new ArrayList<>(rows.size());
			rows.forEach((key, row) -> points.add(new InfoDataPointSnapshot(key)));
			return new InfoSnapshot(metadata, points);
		}, labels);
	}

	/**
	 * Sets the rows of a machine. Those it had before and has no longer go.
	 * @param machine the machine's name
	 * @param rows its rows; of two with the same labels the first counts
	 */
	void set(String machine, List<Row> rows) {
		Map<List<String>, Held> before = this.machines.getOrDefault(machine, Map.of());
		Map<List<String>, Held> after = new HashMap<>();
		for (Row row : rows) {
			if (!after.containsKey(row.labels())) {
				Held held = before.get(row.labels());
				if (held == null) {
					held = new Held(labels(machine, row), row.value());
					this.page.put(held.labels, held);
				}
				else {
					held.value = row.value();
				}
				after.put(row.labels(), held);
			}
		}
		before.forEach((key, held) -> {
			if (!after.containsKey(key)) {
				this.page.remove(held.labels);
			}
		});
		if (after.isEmpty()) {
			this.machines.remove(machine);
		}
		else {
			this.machines.put(machine, after);
		}
	}

	void remove(String machine) {
		set(machine, List.of());
	}

	private Labels labels(String machine, Row row) {
		String[] values = new String[this.names.length];
		values[0] = machine;
		for (int i = 1; i < values.length; i++) {
			values[i] = row.labels().get(i - 1);
		}
		return Labels.of(this.names, values);
	}

	@Override
	public MetricSnapshot collect() {
		return this.kind.apply(this.metadata, this.page);
	}

	/**
	 * A row.
	 *
	 * @param labels the values of the labels, in the metric's order
	 * @param value gives the value, whenever somebody looks
	 */
	record Row(List<String> labels, DoubleSupplier value) {

		static Row of(double value, String... labels) {
			return new Row(List.of(labels), () -> value);
		}

	}

	/**
	 * A row of the page.
	 */
	private static final class Held {

		private final Labels labels;

		private volatile DoubleSupplier value;

		Held(Labels labels, DoubleSupplier value) {
			this.labels = labels;
			this.value = value;
		}

		double value() {
			return this.value.getAsDouble();
		}

	}

}
