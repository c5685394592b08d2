package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.MachineMeter.Row;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * The CPU time of the IOThreads whose threads this host's kernel shows. It is read when
 * somebody looks at the meter: a rate over it is as exact as the scrapes are.
 */
@Component
class CpuMetrics implements MeterBinder {

	private final Inventory inventory;

	CpuMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		MachineMeter seconds = MachineMeter.counter(registry, "iothread.cpu", "seconds",
				"CPU time of the IOThread's thread", "iothread", "mode");
		Map<String, Map<String, CpuClock>> machines = new ConcurrentHashMap<>();
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				Snapshot snapshot = machine.snapshot();
				if (snapshot == null || snapshot.activity().threads().isEmpty()) {
					removed(machine.name());
					return;
				}
				Map<String, CpuClock> clocks = clocks(snapshot.activity().threads(),
						machines.getOrDefault(machine.name(), Map.of()));
				machines.put(machine.name(), clocks);
				List<Row> rows = new ArrayList<>();
				clocks.forEach((iothread, clock) -> {
					rows.add(new Row(List.of(iothread, "user"), clock.thread(), () -> clock.read().userSeconds()));
					rows.add(new Row(List.of(iothread, "system"), clock.thread(), () -> clock.read().systemSeconds()));
				});
				seconds.set(machine.name(), rows);
			}

			@Override
			public void removed(String machine) {
				machines.remove(machine);
				seconds.remove(machine);
			}

		});
	}

	private static Map<String, CpuClock> clocks(Map<String, HostThread> threads, Map<String, CpuClock> before) {
		Map<String, CpuClock> clocks = new HashMap<>();
		threads.forEach((iothread, thread) -> {
			CpuClock known = before.get(iothread);
			CpuClock clock = (known != null && known.thread().equals(thread)) ? known : CpuClock.of(thread);
			if (clock != null) {
				clocks.put(iothread, clock);
			}
		});
		return clocks;
	}

}
