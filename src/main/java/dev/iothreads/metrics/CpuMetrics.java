package dev.iothreads.metrics;

import java.time.Duration;
import java.util.HashMap;
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
		this.inventory.listen(new Threads(registry));
	}

	private static final class Threads implements InventoryListener {

		// The counters hold their thread weakly.
		private final Map<String, Map<String, Counted>> machines = new ConcurrentHashMap<>();

		private final MeterRegistry registry;

		Threads(MeterRegistry registry) {
			this.registry = registry;
		}

		@Override
		public void changed(MachineView machine) {
			Snapshot snapshot = machine.snapshot();
			show(machine.name(), (snapshot != null) ? snapshot.activity().threads() : Map.of());
		}

		@Override
		public void removed(String machine) {
			show(machine, Map.of());
			this.machines.remove(machine);
		}

		private void show(String machine, Map<String, HostThread> threads) {
			Map<String, Counted> counted = this.machines.computeIfAbsent(machine, (added) -> new HashMap<>());
			counted.entrySet().removeIf((entry) -> {
				boolean ended = !entry.getValue().thread.equals(threads.get(entry.getKey()));
				if (ended) {
					entry.getValue().remove();
				}
				return ended;
			});
			threads.forEach((iothread, thread) -> {
				if (!counted.containsKey(iothread)) {
					thread.cpuTime()
						.ifPresent((time) -> counted.put(iothread,
								new Counted(this.registry, machine, iothread, thread, time)));
				}
			});
		}

	}

	/**
	 * A thread with its counters. Once it has ended they keep its last time, until the
	 * next reading of the machine.
	 */
	private static final class Counted {

		// One reading for both counters: it is most of what they cost.
		private static final Duration FRESH = Duration.ofMillis(100);

		private final HostThread thread;

		private final MeterRegistry registry;

		private final FunctionCounter user;

		private final FunctionCounter system;

		private CpuTime last;

		private long readAt;

		Counted(MeterRegistry registry, String machine, String iothread, HostThread thread, CpuTime first) {
			this.registry = registry;
			this.thread = thread;
			this.last = first;
			this.readAt = System.nanoTime();
			this.user = counter(machine, iothread, "user", CpuTime::userSeconds);
			this.system = counter(machine, iothread, "system", CpuTime::systemSeconds);
		}

		private FunctionCounter counter(String machine, String iothread, String mode, ToDoubleFunction<CpuTime> part) {
			return FunctionCounter.builder("iothread.cpu", this, (counted) -> part.applyAsDouble(counted.read()))
				.description("CPU time of the IOThread's thread")
				.baseUnit("seconds")
				.tags("machine", machine, "iothread", iothread, "mode", mode)
				.register(this.registry);
		}

		private synchronized CpuTime read() {
			long now = System.nanoTime();
			if (now - this.readAt > FRESH.toNanos()) {
				this.last = this.thread.cpuTime().orElse(this.last);
				this.readAt = now;
			}
			return this.last;
		}

		void remove() {
			this.registry.remove(this.user);
			this.registry.remove(this.system);
		}

	}

}
