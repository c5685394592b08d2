package dev.iothreads.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.Family.Row;

/**
 * Which IOThreads there are, and what is attached to each.
 */
final class IOThreadMetrics implements Topic {

	private final Family count = Family.gauge("iothread_attached_cnt", "Devices attached to the IOThread", "iothread");

	private final Family attachment = Family.gauge("iothread_device_attached",
			"1 for each device that runs on the IOThread; what is no device has its kind for a driver", "iothread",
			"device", "driver");

	private final Family info = Family.info("iothread", "The IOThread, with its thread's id as QEMU sees it",
			"iothread", "thread_id");

	@Override
	public List<Family> families() {
		return List.of(this.count, this.attachment, this.info);
	}

	@Override
	public List<Object> told(Snapshot snapshot) {
		return List.of(snapshot.iothreads());
	}

	@Override
	public void tell(MachineView machine) {
		List<Row> counts = new ArrayList<>();
		List<Row> attachments = new ArrayList<>();
		List<Row> infos = new ArrayList<>();
		Snapshot snapshot = machine.snapshot();
		for (IOThread iothread : (snapshot != null) ? snapshot.iothreads() : List.<IOThread>of()) {
			counts.add(Row.of(iothread.attached().size(), iothread.id()));
			iothread.attached()
				.forEach((attached) -> attachments.add(Row.of(1, iothread.id(), attached.id(), driver(attached))));
			infos.add(Row.of(1, iothread.id(), Long.toString(iothread.threadId())));
		}
		this.count.set(machine.name(), counts);
		this.attachment.set(machine.name(), attachments);
		this.info.set(machine.name(), infos);
	}

	private static String driver(Attachment attachment) {
		return Attachment.DEVICE.equals(attachment.kind()) ? Objects.requireNonNullElse(attachment.driver(), "")
				: attachment.kind();
	}

}
