package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DiskImage;

/**
 * The commands of advices: now by this service, and for the next boot by what starts the
 * machine.
 */
final class Steps {

	// A block node that was added for an image goes with its device.
	private static String served(Device device) {
		DiskImage image = device.image();
		if (image != null && image.file() != null && device.drive() != null
				&& device.drive().startsWith(Changes.IMAGE_NODE)) {
			return ", \"image\": {\"file\": \"%s\", \"format\": \"%s\"}".formatted(image.file(), image.format());
		}
		return (device.drive() != null) ? ", \"drive\": \"" + device.drive() + "\"" : "";
	}

	// libvirt calls the object of its IOThread 2 so (source: src/qemu/qemu_command.c).
	private static final Pattern LIBVIRT = Pattern.compile("iothread(\\d+)");

	// Proxmox VE makes an IOThread for each disk (source: PVE/QemuServer.pm).
	private static final Pattern PROXMOX = Pattern.compile("iothread-(virtio|virtioscsi|scsi)\\d+");

	private Steps() {
	}

	/**
	 * Sends JSON to the service.
	 */
	static String send(String method, String address, String json) {
		return "curl -X %s %s -H 'Content-Type: application/json' -d '%s'".formatted(method, address,
				json.replace("'", "'\\''"));
	}

	/**
	 * Moves a device to another IOThread.
	 */
	static List<String> move(Situation situation, Device device, String iothread) {
		List<String> steps = new ArrayList<>();
		// A SCSI controller would take its disks along.
		if (!situation.isChangeable() || !device.hotpluggable() || !device.disks().isEmpty()) {
			return List.of(atNextBoot(situation, device, iothread));
		}
		steps.add(
				"Now: unmount %s in the guest, detach it and attach it again. The guest sees the disk go and come; the "
					.formatted(device.id()) + "settings of the device besides these have to be given again.");
		steps.add("curl -X DELETE " + situation.address("devices", device.id()));
		steps.add(send("POST", situation.address("iothreads", iothread, "devices"),
				"{\"id\": \"%s\", \"driver\": \"%s\"%s}".formatted(device.id(), device.driver(), served(device))));
		steps.add(atNextBoot(situation, device, iothread));
		return steps;
	}

	/**
	 * Names what gives a device its IOThread when the machine is started.
	 */
	static String atNextBoot(Situation situation, Device device, String iothread) {
		Matcher libvirt = LIBVIRT.matcher(iothread);
		if (situation.isOfLibvirt()) {
			return "At the next boot: virsh edit %s, and <driver … iothread='%s'/> in its <disk> or <controller>."
				.formatted(situation.domain(), libvirt.matches() ? libvirt.group(1) : iothread);
		}
		if (situation.isOfProxmox() || PROXMOX.matcher(iothread).matches()) {
			return "At the next boot: Proxmox gives each disk with iothread=1 an IOThread of its own: qm set with "
					+ "--scsihw virtio-scsi-single and iothread=1 for the disk.";
		}
		return "At the next boot: -device %s,id=%s,%siothread=%s for QEMU.".formatted(device.driver(), device.id(),
				(device.drive() != null) ? "drive=" + device.drive() + "," : "", iothread);
	}

	/**
	 * Changes a setting of an IOThread.
	 */
	static List<String> pollMaxNs(Situation situation, String iothread, long value) {
		if (situation.isOfProxmox()) {
			return List.of("Proxmox VE has no option for it: look for poll-max-ns in the args of qm config.");
		}
		List<String> steps = new ArrayList<>();
		if (situation.isChangeable()) {
			steps
				.add(send("PATCH", situation.address("iothreads", iothread), "{\"poll-max-ns\": %d}".formatted(value)));
		}
		Matcher libvirt = LIBVIRT.matcher(iothread);
		if (situation.isOfLibvirt() && libvirt.matches()) {
			steps
				.add("At the next boot: virsh edit, and <iothread id='%s'><poll max='%d'/></iothread> in <iothreadids>."
					.formatted(libvirt.group(1), value));
		}
		else {
			steps.add("At the next boot: -object iothread,id=%s,poll-max-ns=%d for QEMU.".formatted(iothread, value));
		}
		return steps;
	}

}
