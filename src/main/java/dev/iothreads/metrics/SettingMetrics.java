package dev.iothreads.metrics;

import java.util.Map;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * How the IOThreads are tuned. A property that a QEMU does not have has no row.
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
		this.inventory.listen(new MachineGauge(registry, "iothread.poll.max", "seconds",
				"Longest time of busy waiting for an event (poll-max-ns); 0 is none",
				IOThreadMetrics.rows((iothread) -> row(iothread, IOThreadProperty.POLL_MAX_NS, NANOSECONDS))));
		bind(registry, "iothread.poll.grow", IOThreadProperty.POLL_GROW,
				"What the polling time is multiplied by when it was too short; 0 is QEMU's own choice");
		bind(registry, "iothread.poll.shrink", IOThreadProperty.POLL_SHRINK,
				"What the polling time is divided by when it was too long; 0 is QEMU's own choice");
		bind(registry, "iothread.poll.weight", IOThreadProperty.POLL_WEIGHT,
				"How slowly the polling time follows the load (QEMU 11.1)");
		bind(registry, "iothread.aio.max.batch", IOThreadProperty.AIO_MAX_BATCH,
				"Requests in one batch to the kernel; 0 is QEMU's own choice");
	}

	private void bind(MeterRegistry registry, String name, IOThreadProperty property, String description) {
		this.inventory.listen(new MachineGauge(registry, name, null, description,
				IOThreadMetrics.rows((iothread) -> row(iothread, property, 1))));
	}

	private static Map<Tags, Double> row(IOThread iothread, IOThreadProperty property, double divisor) {
		Long value = iothread.settings().get(property);
		return (value != null) ? Map.of(IOThreadMetrics.tag(iothread), value / divisor) : Map.of();
	}

}
