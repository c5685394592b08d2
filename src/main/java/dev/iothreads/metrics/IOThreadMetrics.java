package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.List;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * Which IOThreads there are, and how much is attached to each.
 */
@Component
class IOThreadMetrics implements MeterBinder {

	private final Inventory inventory;

	IOThreadMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		MachineGauge attached = new MachineGauge(registry, "iothread.attached.cnt", "Devices attached to the IOThread");
		MachineGauge info = new MachineGauge(registry, "iothread.info",
				"The IOThread, with its thread's id as QEMU sees it");
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				List<MultiGauge.Row<?>> counts = new ArrayList<>();
				List<MultiGauge.Row<?>> infos = new ArrayList<>();
				Snapshot snapshot = machine.snapshot();
				for (IOThread iothread : (snapshot != null) ? snapshot.iothreads() : List.<IOThread>of()) {
					Tags tags = Tags.of("iothread", iothread.id());
					counts.add(MultiGauge.Row.of(tags, iothread.attached().size()));
					infos.add(MultiGauge.Row.of(tags.and("thread_id", Long.toString(iothread.threadId())), 1));
				}
				attached.set(machine.name(), counts);
				info.set(machine.name(), infos);
			}

			@Override
			public void removed(String machine) {
				attached.remove(machine);
				info.remove(machine);
			}

		});
	}

}
