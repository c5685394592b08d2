package dev.iothreads.metrics;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
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
			inventory.listen(new News(topic));
		}
	}

	/**
	 * Tells what is new. Most readings have nothing new in them.
	 */
	private static final class News implements InventoryListener {

		private final Map<String, List<Object>> told = new ConcurrentHashMap<>();

		private final Topic topic;

		News(Topic topic) {
			this.topic = topic;
		}

		@Override
		public void changed(MachineView machine) {
			List<Object> news = this.topic.told(machine);
			if (!news.equals(this.told.put(machine.name(), news))) {
				this.topic.tell(machine);
			}
		}

		@Override
		public void removed(String machine) {
			this.told.remove(machine);
			this.topic.forget(machine);
		}

	}

}
