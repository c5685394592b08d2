package dev.iothreads.metrics;

import java.util.List;

import dev.iothreads.inventory.Inventory;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.stereotype.Component;

/**
 * Puts what is told of machines on the page. It goes there straight, not through a meter
 * for each row: a hundred machines have some twenty thousand rows.
 */
@Component
class InventoryMetrics {

	InventoryMetrics(Inventory inventory, ObjectProvider<PrometheusRegistry> registry) {
		registry.ifAvailable((page) -> tell(inventory, page));
	}

	static void tell(Inventory inventory, PrometheusRegistry page) {
		for (Topic topic : List.of(new MachineMetrics(), new IOThreadMetrics(), new SettingMetrics(), new CpuMetrics(),
				new DeviceMetrics())) {
			topic.families().forEach(page::register);
			inventory.listen(topic);
		}
	}

}
