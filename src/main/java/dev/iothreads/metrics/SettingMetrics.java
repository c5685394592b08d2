package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.Family.Row;
import org.jspecify.annotations.Nullable;

/**
 * How the IOThreads are tuned. What a QEMU does not have has no row.
 */
final class SettingMetrics implements Topic {

	private static final double NANOSECONDS = 1e9;

	private final Map<IOThreadProperty, Family> settings = new EnumMap<>(Map.of(IOThreadProperty.POLL_MAX_NS,
			Family.gauge("iothread_poll_max_seconds",
					"Longest time of busy waiting for an event (poll-max-ns); 0 is none", "iothread"),
			IOThreadProperty.POLL_GROW,
			Family.gauge("iothread_poll_grow",
					"What the polling time is multiplied by when it was too short; 0 is QEMU's own choice", "iothread"),
			IOThreadProperty.POLL_SHRINK,
			Family.gauge("iothread_poll_shrink",
					"What the polling time is divided by when it was too long; 0 is QEMU's own choice", "iothread"),
			IOThreadProperty.POLL_WEIGHT,
			Family.gauge("iothread_poll_weight", "How slowly the polling time follows the load (QEMU 11.1)",
					"iothread"),
			IOThreadProperty.AIO_MAX_BATCH, Family.gauge("iothread_aio_max_batch",
					"Requests in one batch to the kernel; 0 is QEMU's own choice", "iothread")));

	@Override
	public List<Family> families() {
		return List.copyOf(this.settings.values());
	}

	@Override
	public List<Object> told(Snapshot snapshot) {
		return List.of(snapshot.iothreads());
	}

	@Override
	public void tell(MachineView machine) {
		this.settings.forEach((property, setting) -> setting.set(machine.name(), rows(machine.snapshot(), property)));
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
