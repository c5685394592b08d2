package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import org.jspecify.annotations.Nullable;

/**
 * A meter with rows for each machine, which come and go as its machine does. Rows that
 * stay cost the registry nothing when their values change. What is told of one machine is
 * told by one thread at a time.
 */
final class MachineMeter {

	private static final String MACHINE = "machine";

	private final Map<String, Map<List<String>, Registered>> machines = new ConcurrentHashMap<>();

	private final MeterRegistry registry;

	private final Kind kind;

	private final String[] labels;

	private MachineMeter(MeterRegistry registry, Kind kind, String[] labels) {
		this.registry = registry;
		this.kind = kind;
		this.labels = labels;
	}

	/**
	 * Makes a gauge.
	 * @param registry where its rows are registered
	 * @param name its name, without the unit
	 * @param unit its base unit, {@code null} when it has none
	 * @param description what it tells
	 * @param labels its labels besides {@code machine}
	 * @return the gauge, without any row
	 */
	static MachineMeter gauge(MeterRegistry registry, String name, @Nullable String unit, String description,
			String... labels) {
		return new MachineMeter(registry,
				(tags, row) -> Gauge.builder(name, row, Registered::value)
					.baseUnit(unit)
					.description(description)
					.tags(tags)
					.register(registry),
				labels);
	}

	/**
	 * Makes a counter.
	 * @param registry where its rows are registered
	 * @param name its name, without the unit
	 * @param unit its base unit, {@code null} when it has none
	 * @param description what it counts
	 * @param labels its labels besides {@code machine}
	 * @return the counter, without any row
	 */
	static MachineMeter counter(MeterRegistry registry, String name, @Nullable String unit, String description,
			String... labels) {
		return new MachineMeter(registry,
				(tags, row) -> FunctionCounter.builder(name, row, Registered::value)
					.baseUnit(unit)
					.description(description)
					.tags(tags)
					.register(registry),
				labels);
	}

	/**
	 * Sets the rows of a machine. Those it had before and has no longer go.
	 * @param machine the machine's name
	 * @param rows its rows; of two with the same labels the first counts
	 */
	void set(String machine, List<Row> rows) {
		Map<List<String>, Registered> before = this.machines.getOrDefault(machine, Map.of());
		Map<List<String>, Registered> after = new HashMap<>();
		List<Runnable> additions = new ArrayList<>();
		for (Row row : rows) {
			Registered known = before.get(row.labels());
			if (after.containsKey(row.labels())) {
				continue;
			}
			if (known != null && known.source.equals(row.source())) {
				known.value = row.value();
				after.put(row.labels(), known);
			}
			else {
				Registered added = new Registered(row);
				after.put(row.labels(), added);
				additions.add(() -> added.meter = this.kind.register(tags(machine, row), added));
			}
		}
		before.forEach((key, registered) -> {
			if (after.get(key) != registered) {
				registered.leave(this.registry);
			}
		});
		additions.forEach(Runnable::run);
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

	private Tags tags(String machine, Row row) {
		List<Tag> tags = new ArrayList<>(this.labels.length + 1);
		tags.add(Tag.of(MACHINE, machine));
		for (int i = 0; i < this.labels.length; i++) {
			tags.add(Tag.of(this.labels[i], row.labels().get(i)));
		}
		return Tags.of(tags);
	}

	/**
	 * A row.
	 *
	 * @param labels the values of the labels, in the meter's order
	 * @param source where the value comes from: when that is another than before, the row
	 * is made anew, and a counter begins anew with it
	 * @param value gives the value, whenever somebody looks
	 */
	record Row(List<String> labels, Object source, DoubleSupplier value) {

		static Row of(double value, String... labels) {
			return new Row(List.of(labels), Row.class, () -> value);
		}

	}

	private interface Kind {

		Meter register(Tags tags, Registered row);

	}

	/**
	 * A row in the registry, which holds it weakly.
	 */
	private static final class Registered {

		private final Object source;

		private volatile DoubleSupplier value;

		private @Nullable Meter meter;

		Registered(Row row) {
			this.source = row.source();
			this.value = row.value();
		}

		double value() {
			return this.value.getAsDouble();
		}

		void leave(MeterRegistry registry) {
			if (this.meter != null) {
				registry.remove(this.meter);
			}
		}

	}

}
