package dev.iothreads.web;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Snapshot;

/**
 * The demo machine with a guest that does not release {@code blk0}: a detach of it does
 * not end.
 */
final class UnwillingMachine extends ShownMachine {

	UnwillingMachine() {
		super(unwilling());
	}

	private static Snapshot unwilling() {
		Snapshot demo = EmbeddedMachine.demo().read().join();
		List<Device> devices = demo.devices()
			.stream()
			.map((device) -> device.id().equals("blk0") ? new Device(device.id(), device.driver(), device.qomPath(),
					device.iothreads(), DeviceState.DETACHING,
					"Its unplug has been asked for, and the guest has yet to let go.", device.drive()) : device)
			.toList();
		return new Snapshot(demo.observedAt(), demo.qemuVersion(), null, demo.iothreads(), devices);
	}

	@Override
	public CompletableFuture<Void> detach(String device, boolean force) {
		return new CompletableFuture<>();
	}

}
