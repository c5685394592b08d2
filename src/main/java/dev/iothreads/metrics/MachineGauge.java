package dev.iothreads.metrics;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import org.jspecify.annotations.Nullable;

/**
 * A gauge with rows for each machine. A row is in the registry as long as the machine has
 * it, and has the value of the machine's last reading.
 *
 * @param <T> the part of a machine that the rows are of
 */
final class MachineGauge<T> implements InventoryListener {

	private final Map<String, Rows<T>> machines = new ConcurrentHashMap<>();

	private final Function<String, Rows<T>> create;

	private final Function<MachineView, T> part;

	private final Function<T, Map<Tags, Double>> rows;

	/**
	 * Creates a gauge without rows.
	 * @param registry where its rows are registered
	 * @param name its name, without the unit
	 * @param unit the unit, such as {@code seconds}, or {@code null}
	 * @param description what it shows
	 * @param part the part of a machine that the rows are of: as long as that is equal,
	 * so are they
	 * @param rows the rows of a machine: values by their tags besides {@code machine}
	 */
	MachineGauge(MeterRegistry registry, String name, @Nullable String unit, String description,
			Function<MachineView, T> part, Function<T, Map<Tags, Double>> rows) {
		this.create = (machine) -> new Rows<>(MultiGauge.builder(name)
			.baseUnit(unit)
			.description(description)
			.tag("machine", machine)
			.register(registry));
		this.part = part;
		this.rows = rows;
	}

	@Override
	public void changed(MachineView machine) {
		this.machines.computeIfAbsent(machine.name(), this.create).show(this.part.apply(machine), this.rows);
	}

	@Override
	public void removed(String machine) {
		Rows<T> removed = this.machines.remove(machine);
		if (removed != null) {
			removed.show(Map.of());
		}
	}

	private static final class Rows<T> {

		private final MultiGauge gauge;

		private @Nullable T shown;

		private volatile Map<Tags, Double> values = Map.of();

		Rows(MultiGauge gauge) {
			this.gauge = gauge;
		}

		void show(T part, Function<T, Map<Tags, Double>> rows) {
			if (!part.equals(this.shown)) {
				this.shown = part;
				show(rows.apply(part));
			}
		}

		void show(Map<Tags, Double> next) {
			// To make and remove meters costs much, and most readings bring no other
			// rows.
			boolean sameRows = next.keySet().equals(this.values.keySet());
			this.values = next;
			if (!sameRows) {
				this.gauge.register(next.keySet().stream().map(this::row).toList());
			}
		}

		private MultiGauge.Row<Rows<T>> row(Tags tags) {
			return MultiGauge.Row.of(tags, this, (rows) -> rows.values.getOrDefault(tags, Double.NaN));
		}

	}

}
