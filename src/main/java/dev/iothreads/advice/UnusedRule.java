package dev.iothreads.advice;

import java.util.List;

import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;

/**
 * Finds IOThreads that nothing is attached to. Where a device may run on any of them,
 * none is known to be unused.
 */
final class UnusedRule implements Rule {

	@Override
	public List<Advice> examine(Situation situation) {
		if (situation.snapshot().devices().stream().anyMatch((device) -> device.state() == DeviceState.UNREADABLE)) {
			return List.of();
		}
		List<String> unused = situation.iothreads()
			.stream()
			.filter((iothread) -> iothread.attached().isEmpty())
			.map(IOThread::id)
			.toList();
		if (unused.isEmpty()) {
			return List.of();
		}
		boolean many = unused.size() > 1;
		return List
			.of(new Advice("unused", Severity.INFO,
					"%s %s %s and %s nothing attached.".formatted(many ? "IOThreads" : "IOThread",
							Situation.join(unused), many ? "are there" : "is there", many ? "have" : "has"),
					situation.isChangeable()
							? unused.stream()
								.map((id) -> "Attach a device to it, or remove it: curl -X DELETE "
										+ situation.address("iothreads", id))
								.toList()
							: List.of("Give it a device, or remove it, where the machine is configured.")));
	}

}
