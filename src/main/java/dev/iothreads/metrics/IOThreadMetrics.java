package dev.iothreads.metrics;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.Snapshot;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
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
		this.inventory
			.listen(new MachineGauge(registry, "iothread.attached.cnt", null, "Devices attached to the IOThread",
					rows((iothread) -> Map.of(tag(iothread), (double) iothread.attached().size()))));
		this.inventory.listen(new MachineGauge(registry, "iothread.device.attached", null,
				"1 for each device that runs on the IOThread; what is no device has its kind for a driver",
				rows(IOThreadMetrics::attachments)));
		this.inventory.listen(new MachineGauge(registry, "iothread.info", null,
				"The IOThread, with its thread's id as QEMU sees it",
				rows((iothread) -> Map.of(tag(iothread).and("thread_id", Long.toString(iothread.threadId())), 1.0))));
	}

	/**
	 * Makes the rows of a machine out of those of its IOThreads.
	 * @param ofIOThread the rows of an IOThread
	 * @return the rows of a machine, none when it is down
	 */
	static Function<MachineView, Map<Tags, Double>> rows(Function<IOThread, Map<Tags, Double>> ofIOThread) {
		return (machine) -> {
			Snapshot snapshot = machine.snapshot();
			Map<Tags, Double> rows = new HashMap<>();
			for (IOThread iothread : (snapshot != null) ? snapshot.iothreads() : List.<IOThread>of()) {
				rows.putAll(ofIOThread.apply(iothread));
			}
			return rows;
		};
	}

	static Tags tag(IOThread iothread) {
		return Tags.of("iothread", iothread.id());
	}

	private static Map<Tags, Double> attachments(IOThread iothread) {
		Map<Tags, Double> rows = new HashMap<>();
		iothread.attached()
			.forEach((attached) -> rows.put(tag(iothread).and("device", attached.id(), "driver", driver(attached)),
					1.0));
		return rows;
	}

	private static String driver(Attachment attachment) {
		return Attachment.DEVICE.equals(attachment.kind()) ? Objects.requireNonNullElse(attachment.driver(), "")
				: attachment.kind();
	}

}
