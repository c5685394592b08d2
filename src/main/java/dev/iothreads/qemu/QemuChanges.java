package dev.iothreads.qemu;

import java.time.Instant;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.NewDevice;

/**
 * The changes of one QEMU process, over one connection.
 */
record QemuChanges(QemuSession session, BlockingQmp qemu) implements Changes {

	@Override
	public void addIOThread(String id, IOThreadSettings settings) {
		new IOThreadObjects(this.session, this.qemu).add(id, settings);
	}

	@Override
	public void tuneIOThread(String id, IOThreadSettings settings) {
		new IOThreadObjects(this.session, this.qemu).tune(id, settings);
	}

	@Override
	public void removeIOThread(String id) {
		removeIOThread(id, false);
	}

	@Override
	public void removeIOThread(String id, boolean force) {
		new IOThreadObjects(this.session, this.qemu).remove(id, force);
	}

	// Both have PCI drivers, too: s390x has a PCI host, and x86 may have none.
	@Override
	public String diskDriver() {
		Set<String> types = Stream.of("/machine", "/machine/unattached")
			.flatMap((place) -> this.qemu.children(place).stream())
			.map((child) -> child.type().toLowerCase(Locale.ROOT))
			.collect(Collectors.toSet());
		if (types.contains("virtual-css-bridge")) {
			return "virtio-blk-ccw";
		}
		boolean pci = types.stream().anyMatch((type) -> type.contains("pci") && type.contains("host"));
		return (!pci && types.contains("virtio-mmio")) ? "virtio-blk-device" : NewDevice.PCI_DISK;
	}

	@Override
	public void attach(NewDevice device) {
		new DeviceAttachment(this.session, this.qemu).attach(device);
	}

	@Override
	public boolean removeUnusedImages() {
		return new ImageNodes(this.qemu).removeUnused();
	}

	@Override
	public Attachable attachable() {
		return new Attachable(Instant.now(), new BlockNodes(this.qemu).free(),
				new PciPorts(this.qemu, this.session.ports()).freeBuses());
	}

	@Override
	public CompletableFuture<Void> detach(String device, boolean force) {
		return new DeviceDetachment(this.session, this.qemu).detach(device, force);
	}

}
