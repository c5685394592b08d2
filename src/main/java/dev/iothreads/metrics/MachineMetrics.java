package dev.iothreads.metrics;

import java.util.List;
import java.util.Objects;

import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.Family.Row;

/**
 * Whether each machine answers, and what it is.
 */
final class MachineMetrics implements Topic {

	private final Family up = Family.gauge("iothread_machine_up", "Whether the machine's QEMU answers: 1, or 0");

	private final Family info = Family.info("iothread_machine", "The machine's QEMU, and who else manages it",
			"qemu_version", "managed_by");

	private final Family orphaned = Family.gauge("iothread_orphaned_devices",
			"Devices whose IOThread was deleted underneath them");

	@Override
	public List<Family> families() {
		return List.of(this.up, this.info, this.orphaned);
	}

	@Override
	public List<Object> told(MachineView machine) {
		return (machine.snapshot() != null) ? Topic.super.told(machine) : List.of(machine.status().isUp());
	}

	@Override
	public List<Object> told(Snapshot snapshot) {
		return List.of(snapshot.qemuVersion(), Objects.requireNonNullElse(snapshot.managedBy(), ""), orphans(snapshot));
	}

	@Override
	public void tell(MachineView machine) {
		this.up.set(machine.name(), List.of(Row.of(machine.status().isUp() ? 1 : 0)));
		Snapshot snapshot = machine.snapshot();
		if (snapshot == null) {
			this.info.remove(machine.name());
			this.orphaned.remove(machine.name());
			return;
		}
		this.info.set(machine.name(),
				List.of(Row.of(1, snapshot.qemuVersion(), Objects.requireNonNullElse(snapshot.managedBy(), ""))));
		this.orphaned.set(machine.name(), List.of(Row.of(orphans(snapshot))));
	}

	private static long orphans(Snapshot snapshot) {
		return snapshot.devices().stream().filter((device) -> device.state() == DeviceState.ORPHANED).count();
	}

}
