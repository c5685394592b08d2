package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;

/**
 * Finds disks and SCSI controllers in QEMU's main loop, where they wait for the monitor
 * and every device without an IOThread ({@code docs: docs/devel/multiple-iothreads.rst}).
 */
final class MainLoopRule implements Rule {

	private static final List<String> DRIVERS = List.of("virtio-blk-", "virtio-scsi-");

	@Override
	public List<Advice> examine(Situation situation) {
		List<IOThread> iothreads = situation.iothreads();
		List<Advice> found = new ArrayList<>();
		for (Device device : situation.snapshot().devices()) {
			if (device.state() != DeviceState.MAIN_LOOP || DRIVERS.stream().noneMatch(device.driver()::startsWith)) {
				continue;
			}
			String text = "%s could run on an IOThread and runs in QEMU's main loop. What it does there is not counted."
				.formatted(device.id());
			IOThread idlest = iothreads.stream()
				.filter((iothread) -> situation.cpuPercent(iothread) != null)
				.min(Comparator.comparingDouble((iothread) -> Objects.requireNonNull(situation.cpuPercent(iothread))))
				.orElse(iothreads.isEmpty() ? null : iothreads.get(0));
			found.add((idlest != null) ? new Advice("main-loop", Severity.INFO, text, Steps
				.move(situation, device, idlest.id())) : new Advice(
						"main-loop", Severity.INFO, text,
						List.of(situation.isChangeable()
								? "Add an IOThread first: "
										+ Steps.send("POST", situation.address("iothreads"), "{\"id\": \"iothread1\"}")
								: "Add an IOThread first, where the machine is configured.")));
		}
		return found;
	}

}
