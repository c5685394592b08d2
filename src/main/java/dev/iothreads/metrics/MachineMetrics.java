package dev.iothreads.metrics;

import java.util.List;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * Which machines there are, and whether they answer.
 */
@Component
class MachineMetrics implements MeterBinder {

	private final Inventory inventory;

	MachineMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		MachineGauge up = new MachineGauge(registry, "iothread.machine.up", "Whether the machine's QEMU answers");
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				up.set(machine.name(), List.of(MultiGauge.Row.of(Tags.empty(), machine.status().isUp() ? 1 : 0)));
			}

			@Override
			public void removed(String machine) {
				up.remove(machine);
			}

		});
	}

}
