package dev.iothreads.metrics;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * How long it takes to read the machines. Percentiles and a histogram are to be had by
 * {@code management.metrics.distribution.*.iothread.refresh}.
 */
@Component
class ReadingMetrics implements MeterBinder {

	private final Inventory inventory;

	ReadingMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		Map<String, Timer> timers = new ConcurrentHashMap<>();
		this.inventory.listen(new InventoryListener() {

			@Override
			public void read(String machine, Duration took) {
				timers
					.computeIfAbsent(machine,
							(added) -> Timer.builder("iothread.refresh")
								.description("How long a reading of the machine takes")
								.tag("machine", added)
								.register(registry))
					.record(took);
			}

			@Override
			public void changed(MachineView machine) {
				if (!machine.status().isUp()) {
					removed(machine.name());
				}
			}

			@Override
			public void removed(String machine) {
				Timer timer = timers.remove(machine);
				if (timer != null) {
					registry.remove(timer);
				}
			}

		});
	}

}
