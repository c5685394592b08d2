package dev.iothreads.qemu;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Refusal;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How to recognise a QEMU that Proxmox VE runs (source: {@code PVE/QemuServer.pm} of
 * qemu-server 7, 8 and 9). Its tools open the monitor, ask and leave, so a connection
 * that is kept locks them out. What is changed past them is unknown to the VM's
 * configuration: it is lost at the next start, and Proxmox' own changes fail on it.
 */
final class Proxmox {

	private static final Set<Path> DIRECTORIES = Set.of(Path.of("/run/qemu-server"), Path.of("/var/run/qemu-server"));

	private static final String MONITOR = "qmp";

	private static final Set<String> MONITORS = Set.of(MONITOR, "qmp-event");

	// The controller that all SCSI disks share, unless it is virtio-scsi-single.
	private static final String SHARED_CONTROLLER = Qom.PERIPHERAL + "/scsihw";

	private static final String MANAGED = "%s is managed by Proxmox VE, whose configuration would not know of the change. Change it there, and stop and start the VM: qm set %s --scsihw virtio-scsi-single, and on each disk the option iothread=1, such as qm set %2$s --scsi0 VOLUME,iothread=1 (qm config %2$s shows the volumes).";

	private static final String SHARED = "Its disks run in the main loop, also those with iothread=1: Proxmox VE gives disks on this controller no IOThread. Set qm set VMID --scsihw virtio-scsi-single, then stop and start the VM.";

	private Proxmox() {
	}

	/**
	 * Returns whether an address is in the directory of Proxmox' monitors.
	 */
	static boolean owns(MonitorAddress address) {
		return address instanceof UnixAddress unix && DIRECTORIES.contains(unix.path().normalize().getParent());
	}

	/**
	 * Returns whether Proxmox runs it. Either sign is enough.
	 * @param address the address of the monitor in use, {@code null} when it is no socket
	 * @param chardevs the answer of {@code query-chardev}
	 */
	static boolean manages(@Nullable MonitorAddress address, @Nullable JsonNode chardevs) {
		List<String> labels = new ArrayList<>();
		if (chardevs != null) {
			chardevs.forEach((chardev) -> labels.add(chardev.path("label").asString("")));
		}
		return labels.containsAll(MONITORS) || (address != null && owns(address));
	}

	/**
	 * Leaves a connection that Proxmox' tools may need. Theirs is a Unix socket; over TCP
	 * a relay may lead to it, and a visit would not notice another QEMU.
	 * @param address the address of the monitor in use
	 * @param chardevs the answer of {@code query-chardev}
	 */
	static void requireNotItsMonitor(@Nullable MonitorAddress address, @Nullable JsonNode chardevs) {
		if (address instanceof UnixAddress) {
			throw new OthersNeedItException(
					"Proxmox VE runs it, and needs its monitor: it is visited from now on, and not held.");
		}
		if (Qom.isConnected(chardevs, MONITOR)) {
			throw new NotAMachineException(
					"that may be the monitor which Proxmox VE needs, and over TCP it cannot be visited. Run the service on the node, with the socket /run/qemu-server/VMID.qmp, or give the VM a -qmp of its own by qm set VMID --args.");
		}
	}

	/**
	 * Says why a machine that Proxmox runs is not changed.
	 * @param machine the machine's name, which is the VM's number where its socket was
	 * found in Proxmox' directory
	 */
	static Refusal refusal(String machine) {
		String vm = machine.matches("[1-9][0-9]*") ? machine : "VMID";
		return new Refusal(ChangeRefusedException.Reason.MANAGED_BY_PROXMOX, MANAGED.formatted(machine, vm));
	}

	/**
	 * Says why a device of the main loop has no IOThread.
	 * @param path the device's path
	 * @return the reason and the way out, {@code null} where nothing is known of one
	 */
	static @Nullable String withoutIOThread(String path) {
		return path.startsWith(SHARED_CONTROLLER) ? SHARED : null;
	}

}
