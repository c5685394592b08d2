package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.MachineMeter.Row;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.jspecify.annotations.Nullable;

import org.springframework.stereotype.Component;

/**
 * How the IOThreads are tuned. What a QEMU does not have has no row.
 */
@Component
class SettingMetrics implements MeterBinder {

	private static final double NANOSECONDS = 1e9;

	private final Inventory inventory;

	SettingMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		Map<IOThreadProperty, MachineMeter> meters = new EnumMap<>(IOThreadProperty.class);
		meters.put(IOThreadProperty.POLL_MAX_NS, MachineMeter.gauge(registry, "iothread.poll.max", "seconds",
				"Longest time of busy waiting for an event (poll-max-ns); 0 is none", "iothread"));
		meters.put(IOThreadProperty.POLL_GROW, MachineMeter.gauge(registry, "iothread.poll.grow", null,
				"What the polling time is multiplied by when it was too short; 0 is QEMU's own choice", "iothread"));
		meters.put(IOThreadProperty.POLL_SHRINK, MachineMeter.gauge(registry, "iothread.poll.shrink", null,
				"What the polling time is divided by when it was too long; 0 is QEMU's own choice", "iothread"));
		meters.put(IOThreadProperty.POLL_WEIGHT, MachineMeter.gauge(registry, "iothread.poll.weight", null,
				"How slowly the polling time follows the load (QEMU 11.1)", "iothread"));
		meters.put(IOThreadProperty.AIO_MAX_BATCH, MachineMeter.gauge(registry, "iothread.aio.max.batch", null,
				"Requests in one batch to the kernel; 0 is QEMU's own choice", "iothread"));
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				meters.forEach((property, meter) -> meter.set(machine.name(), rows(machine.snapshot(), property)));
			}

			@Override
			public void removed(String machine) {
				meters.values().forEach((meter) -> meter.remove(machine));
			}

		});
	}

	private static List<Row> rows(@Nullable Snapshot snapshot, IOThreadProperty property) {
		List<Row> rows = new ArrayList<>();
		for (IOThread iothread : (snapshot != null) ? snapshot.iothreads() : List.<IOThread>of()) {
			Long value = iothread.settings().get(property);
			if (value != null) {
				rows.add(Row.of((property == IOThreadProperty.POLL_MAX_NS) ? value / NANOSECONDS : value,
						iothread.id()));
			}
		}
		return rows;
	}

}
