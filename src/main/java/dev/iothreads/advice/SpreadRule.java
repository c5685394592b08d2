package dev.iothreads.advice;

import java.util.List;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;
import org.jspecify.annotations.Nullable;

/**
 * Finds an IOThread that is full with a single device, while the machine has others. No
 * place is better for that device; its virtqueues can be spread (QEMU 9.0 for disks, 10.0
 * for SCSI controllers; {@code docs: qapi/virtio.json, IOThreadVirtQueueMapping}).
 */
final class SpreadRule implements Rule {

	private static final double FULL = 80;

	private static final double MOST_OF_IT = 0.8;

	@Override
	public List<Advice> examine(Situation situation) {
		return situation.iothreads().stream().flatMap((iothread) -> examine(situation, iothread).stream()).toList();
	}

	private static List<Advice> examine(Situation situation, IOThread iothread) {
		Double cpu = PollingRule.workPercent(situation, iothread);
		Double operations = situation.operations(iothread);
		if (cpu == null || operations == null || cpu < FULL) {
			return List.of();
		}
		return situation.snapshot()
			.devices()
			.stream()
			.filter((device) -> device.iothreads().equals(List.of(iothread.id())))
			.filter((device) -> isMostOfIt(situation.operations(device), operations))
			.map((device) -> advice(iothread, device, cpu, operations))
			.toList();
	}

	private static boolean isMostOfIt(@Nullable Double one, double all) {
		return one != null && all > 0 && one > all * MOST_OF_IT;
	}

	private static Advice advice(IOThread iothread, Device device, double cpu, double operations) {
		return new Advice("spread", Severity.WARNING,
				Situation.format(
						"IOThread %s uses %.0f %% of a CPU for %.0f operations a second, nearly all of %s: no other "
								+ "IOThread could do better alone, several could.",
						iothread.id(), cpu, operations, device.id()),
				List.of("At the next boot spread its virtqueues, with QEMU 9.0 or newer for a disk, 10.0 for a SCSI controller: "
						+ "-device '{\"driver\": \"%s\", \"id\": \"%s\", …, \"iothread-vq-mapping\": [{\"iothread\": \"%s\"}, {\"iothread\": …}]}' for QEMU, <iothreads> in <driver> for libvirt."
							.formatted(device.driver(), device.id(), iothread.id()),
						"It helps up to the number of its virtqueues, which is that of the vCPUs unless num-queues says otherwise."));
	}

}
