package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.Family.Row;

/**
 * The CPU time of the IOThreads whose threads this host's kernel shows. It is read when
 * somebody looks at the page: a rate over it is as exact as the scrapes are.
 */
final class CpuMetrics implements Topic {

	private final Family seconds = Family.counter("iothread_cpu_seconds", "CPU time of the IOThread's thread",
			"iothread", "mode");

	private final Map<String, Map<String, CpuClock>> machines = new ConcurrentHashMap<>();

	@Override
	public List<Family> families() {
		return List.of(this.seconds);
	}

	@Override
	public List<Object> told(Snapshot snapshot) {
		return List.of(snapshot.activity().threads());
	}

	@Override
	public void tell(MachineView machine) {
		Snapshot snapshot = machine.snapshot();
		if (snapshot == null || snapshot.activity().threads().isEmpty()) {
			forget(machine.name());
			return;
		}
		Map<String, CpuClock> clocks = clocks(snapshot.activity().threads(),
				this.machines.getOrDefault(machine.name(), Map.of()));
		this.machines.put(machine.name(), clocks);
		List<Row> rows = new ArrayList<>();
		clocks.forEach((iothread, clock) -> {
			rows.add(new Row(List.of(iothread, "user"), () -> clock.read().userSeconds()));
			rows.add(new Row(List.of(iothread, "system"), () -> clock.read().systemSeconds()));
		});
		this.seconds.set(machine.name(), rows);
	}

	@Override
	public void forget(String machine) {
		this.machines.remove(machine);
		Topic.super.forget(machine);
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
