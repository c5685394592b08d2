package dev.iothreads.metrics;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;

/**
 * A gauge with rows for each machine, which go when the machine no longer has them.
 */
final class MachineGauge {

	private final Map<String, MultiGauge> machines = new ConcurrentHashMap<>();

	private final MeterRegistry registry;

	private final String name;

	private final String description;

	MachineGauge(MeterRegistry registry, String name, String description) {
		this.registry = registry;
		this.name = name;
		this.description = description;
	}

	void set(String machine, List<MultiGauge.Row<?>> rows) {
		this.machines
			.computeIfAbsent(machine,
					(added) -> MultiGauge.builder(this.name)
						.description(this.description)
						.tag("machine", added)
						.register(this.registry))
			.register(rows, true);
	}

	void remove(String machine) {
		MultiGauge removed = this.machines.remove(machine);
		if (removed != null) {
			removed.register(List.of(), true);
		}
	}

}
