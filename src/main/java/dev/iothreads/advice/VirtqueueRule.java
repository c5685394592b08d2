package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.List;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.Device;

/**
 * Finds devices that are spread over more IOThreads than they have virtqueues: QEMU gives
 * each virtqueue one IOThread in turn, and a disk has a virtqueue for each vCPU unless
 * {@code num-queues} says otherwise ({@code docs: qapi/virtio.json,
 * IOThreadVirtQueueMapping}; hw/virtio/virtio-pci.c, virtio_pci_optimal_num_queues).
 */
final class VirtqueueRule implements Rule {

	@Override
	public List<Advice> examine(Situation situation) {
		List<Advice> found = new ArrayList<>();
		for (Device device : situation.snapshot().devices()) {
			List<String> without = device.iothreads()
				.stream()
				.filter((iothread) -> device.virtqueues().getOrDefault(iothread, List.of(-1)).isEmpty())
				.toList();
			if (without.isEmpty()) {
				continue;
			}
			long queues = device.virtqueues().values().stream().flatMap(List::stream).distinct().count();
			found.add(new Advice("virtqueues", Severity.INFO,
					"%s has fewer virtqueues (%d) than IOThreads (%d): %s %s none of them.".formatted(device.id(),
							queues, device.iothreads().size(), Situation.join(without),
							(without.size() > 1) ? "serve" : "serves"),
					List.of("A disk has a virtqueue for each vCPU, unless num-queues says otherwise: more IOThreads than vCPUs "
							+ "do not help it.",
							"At the next boot: leave %s out of the iothread-vq-mapping of %s."
								.formatted(Situation.join(without), device.id()))));
		}
		return found;
	}

}
