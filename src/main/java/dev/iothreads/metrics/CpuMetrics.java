package dev.iothreads.metrics;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToDoubleFunction;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThread.CpuTime;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * The CPU time of the IOThreads whose threads this host's kernel shows. It is read when a
 * registry asks for it: a rate over it is as exact as the scrapes are.
 */
@Component
class CpuMetrics implements MeterBinder {

	private final Inventory inventory;

	CpuMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		// The counters hold their thread weakly.
		Map<String, Map<String, Counted>> machines = new ConcurrentHashMap<>();
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				Snapshot snapshot = machine.snapshot();
				show(machine.name(), (snapshot != null) ? snapshot.activity().threads() : Map.of());
			}

			@Override
			public void removed(String machine) {
				show(machine, Map.of());
				machines.remove(machine);
			}

			private void show(String machine, Map<String, HostThread> threads) {
				Map<String, Counted> counted = machines.computeIfAbsent(machine, (added) -> new HashMap<>());
				counted.entrySet().removeIf((entry) -> {
					Counted known = entry.getValue();
					boolean stays = known.thread.equals(threads.get(entry.getKey()));
					if (!stays) {
						known.counters.forEach(registry::remove);
					}
					return !stays;
				});
				threads.forEach((iothread, thread) -> {
					if (!counted.containsKey(iothread)) {
						thread.cpuTime()
							.ifPresent((time) -> counted.put(iothread, new Counted(registry,
									Tags.of("machine", machine, "iothread", iothread), thread, time)));
					}
				});
			}

		});
	}

	/**
	 * A thread with its counters. Once it has ended they keep its last time, until the
	 * next reading of the machine.
	 */
	private static final class Counted {

		// One look at the thread for both counters: it is most of what they cost.
		private static final Duration FRESH = Duration.ofMillis(100);

		private final HostThread thread;

		private final List<FunctionCounter> counters;

		private CpuTime last;

		private long readAt = System.nanoTime();

		Counted(MeterRegistry registry, Tags tags, HostThread thread, CpuTime first) {
			this.thread = thread;
			this.last = first;
			this.counters = List.of(counter(tags.and("mode", "user"), CpuTime::userSeconds).register(registry),
					counter(tags.and("mode", "system"), CpuTime::systemSeconds).register(registry));
		}

		private FunctionCounter.Builder<Counted> counter(Tags tags, ToDoubleFunction<CpuTime> part) {
			return FunctionCounter.builder("iothread.cpu", this, (counted) -> part.applyAsDouble(counted.read()))
				.description("CPU time of the IOThread's thread")
				.baseUnit("seconds")
				.tags(tags);
		}

		private synchronized CpuTime read() {
			long now = System.nanoTime();
			if (now - this.readAt > FRESH.toNanos()) {
				this.last = this.thread.cpuTime().orElse(this.last);
				this.readAt = now;
			}
			return this.last;
		}

	}

}
