package dev.iothreads.metrics;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.jspecify.annotations.Nullable;

import org.springframework.stereotype.Component;

/**
 * Which IOThreads there are, what is attached to each, and how it is tuned. A property
 * that a QEMU does not have has no row.
 */
@Component
class IOThreadMetrics implements MeterBinder {

	private static final double NANOSECONDS = 1e9;

	private final Inventory inventory;

	IOThreadMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		gauge(registry, "iothread.attached.cnt", null, "Devices attached to the IOThread",
				(iothread, rows) -> rows.putIfAbsent(tag(iothread), (double) iothread.attached().size()));
		gauge(registry, "iothread.device.attached", null,
				"1 for each device that runs on the IOThread; what is no device has its kind for a driver",
				(iothread, rows) -> iothread.attached()
					.forEach((attached) -> rows.putIfAbsent(tags(iothread, attached), 1.0)));
		gauge(registry, "iothread.device.virtqueues", null,
				"Virtqueues of the device that the IOThread serves, where a mapping says so",
				(iothread, rows) -> iothread.attached().forEach((attached) -> {
					List<Integer> virtqueues = attached.virtqueues();
					if (virtqueues != null) {
						rows.put(tags(iothread, attached), (double) virtqueues.size());
					}
				}));
		gauge(registry, "iothread.info", null, "The IOThread, with its thread's id as QEMU sees it", (iothread,
				rows) -> rows.putIfAbsent(tag(iothread).and("thread_id", Long.toString(iothread.threadId())), 1.0));
		setting(registry, "iothread.poll.max", "seconds", IOThreadProperty.POLL_MAX_NS, NANOSECONDS,
				"Longest time of busy waiting for an event (poll-max-ns); 0 is none");
		setting(registry, "iothread.poll.grow", null, IOThreadProperty.POLL_GROW, 1,
				"What the polling time is multiplied by when it was too short; 0 is QEMU's own choice");
		setting(registry, "iothread.poll.shrink", null, IOThreadProperty.POLL_SHRINK, 1,
				"What the polling time is divided by when it was too long; 0 is QEMU's own choice");
		setting(registry, "iothread.poll.weight", null, IOThreadProperty.POLL_WEIGHT, 1,
				"How slowly the polling time follows the load (QEMU 11.1)");
		setting(registry, "iothread.aio.max.batch", null, IOThreadProperty.AIO_MAX_BATCH, 1,
				"Requests in one batch to the kernel; 0 is QEMU's own choice");
		setting(registry, "iothread.thread.pool.min", null, IOThreadProperty.THREAD_POOL_MIN, 1,
				"Threads that its pool for blocking requests keeps (thread-pool-min)");
		setting(registry, "iothread.thread.pool.max", null, IOThreadProperty.THREAD_POOL_MAX, 1,
				"Threads that its pool for blocking requests may have (thread-pool-max)");
	}

	private void setting(MeterRegistry registry, String name, @Nullable String unit, IOThreadProperty property,
			double divisor, String description) {
		gauge(registry, name, unit, description, (iothread, rows) -> {
			Long value = iothread.settings().get(property);
			if (value != null) {
				rows.putIfAbsent(tag(iothread), value / divisor);
			}
		});
	}

	private void gauge(MeterRegistry registry, String name, @Nullable String unit, String description,
			BiConsumer<IOThread, Map<Tags, Double>> add) {
		this.inventory
			.listen(new MachineGauge<>(registry, name, unit, description, IOThreadMetrics::iothreads, (iothreads) -> {
				Map<Tags, Double> rows = new HashMap<>();
				iothreads.forEach((iothread) -> add.accept(iothread, rows));
				return rows;
			}));
	}

	private static List<IOThread> iothreads(MachineView machine) {
		Snapshot snapshot = machine.snapshot();
		return (snapshot != null) ? snapshot.iothreads() : List.of();
	}

	private static Tags tag(IOThread iothread) {
		return Tags.of("iothread", iothread.id());
	}

	private static Tags tags(IOThread iothread, Attachment attached) {
		String driver = Attachment.DEVICE.equals(attached.kind()) ? Objects.requireNonNullElse(attached.driver(), "")
				: attached.kind();
		return tag(iothread).and("device", attached.id(), "driver", driver);
	}

}
