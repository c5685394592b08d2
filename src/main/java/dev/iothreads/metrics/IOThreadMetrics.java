package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.MachineMeter.Row;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;

import org.springframework.stereotype.Component;

/**
 * Which IOThreads there are, and what is attached to each.
 */
@Component
class IOThreadMetrics implements MeterBinder {

	private final Inventory inventory;

	IOThreadMetrics(Inventory inventory) {
		this.inventory = inventory;
	}

	@Override
	public void bindTo(MeterRegistry registry) {
		MachineMeter count = MachineMeter.gauge(registry, "iothread.attached.cnt", null,
				"Devices attached to the IOThread", "iothread");
		MachineMeter attachment = MachineMeter.gauge(registry, "iothread.device.attached", null,
				"1 for each device that runs on the IOThread; what is no device has its kind for a driver", "iothread",
				"device", "driver");
		MachineMeter info = MachineMeter.gauge(registry, "iothread.info", null,
				"The IOThread, with its thread's id as QEMU sees it", "iothread", "thread_id");
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				List<Row> counts = new ArrayList<>();
				List<Row> attachments = new ArrayList<>();
				List<Row> infos = new ArrayList<>();
				Snapshot snapshot = machine.snapshot();
				for (IOThread iothread : (snapshot != null) ? snapshot.iothreads() : List.<IOThread>of()) {
					counts.add(Row.of(iothread.attached().size(), iothread.id()));
					iothread.attached()
						.forEach((attached) -> attachments
							.add(Row.of(1, iothread.id(), attached.id(), driver(attached))));
					infos.add(Row.of(1, iothread.id(), Long.toString(iothread.threadId())));
				}
				count.set(machine.name(), counts);
				attachment.set(machine.name(), attachments);
				info.set(machine.name(), infos);
			}

			@Override
			public void removed(String machine) {
				count.remove(machine);
				attachment.remove(machine);
				info.remove(machine);
			}

		});
	}

	private static String driver(Attachment attachment) {
		return Attachment.DEVICE.equals(attachment.kind()) ? Objects.requireNonNullElse(attachment.driver(), "")
				: attachment.kind();
	}

}
