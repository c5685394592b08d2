package dev.iothreads.qemu;

import java.nio.file.Path;
import java.util.regex.Pattern;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Refusal;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How to recognise a QEMU that libvirt runs. An IOThread that is added or deleted behind
 * libvirt leaves the machine running and breaks libvirt (9.0.0, 11.3.0): after its next
 * start it has lost the thread ids, pins a thread of its own instead, and can neither add
 * nor delete IOThreads rightly; and it crashes at each {@code domstats} while there is an
 * IOThread whose id does not begin with {@code iothread}. Reading is safe.
 */
final class Libvirt {

	private static final String MANAGED = "%s is managed by libvirt, which loses the threads of a machine whose IOThreads were changed without it. Change it there: virsh iothreadadd, iothreadset, iothreaddel, attach-device, detach-device.";

	private static final String SECRET = Qom.OBJECTS + "/masterKey0";

	private static final String MONITOR = "charmonitor";

	private static final String UNIX = "unix:";

	// Where libvirt makes it, in any of its directories (source: qemu/qemu_domain.c,
	// qemuDomainSetPrivatePaths, and qemu_process.c, qemuProcessPrepareMonitorChr).
	private static final Pattern OWN_PATH = Pattern.compile(".*/qemu/(lib/)?domain-\\d+-[^/]*/monitor\\.sock");

	private Libvirt() {
	}

	/**
	 * Returns whether libvirt runs it. Either sign is enough.
	 * @param objects the answer of {@code qom-list /objects}
	 * @param chardevs the answer of {@code query-chardev}
	 */
	static boolean manages(@Nullable JsonNode objects, @Nullable JsonNode chardevs) {
		boolean secret = objects != null
				&& Qom.children(Qom.OBJECTS, objects).stream().anyMatch((child) -> child.path().equals(SECRET));
		return secret || monitor(chardevs) != null;
	}

	/**
	 * Says why a machine that libvirt runs is not changed.
	 * @param machine the machine's name
	 */
	static Refusal refusal(String machine) {
		return new Refusal(ChangeRefusedException.Reason.MANAGED_BY_LIBVIRT, MANAGED.formatted(machine));
	}

	/**
	 * Returns why libvirt's own monitor is left alone. A second client waits in line, and
	 * locks libvirt out when that is restarted.
	 */
	static NotAMachineException ownMonitor() {
		return new NotAMachineException("that is libvirt's own monitor, and a second client on it "
				+ "locks libvirt out. Set iothreads.libvirt.uri=qemu:///system instead, or give the machine a -qmp of its own, "
				+ "by <qemu:commandline> in its XML.");
	}

	/**
	 * Returns whether a path is that of libvirt's own monitor, so that it need not be
	 * connected to. Symbolic links are not followed.
	 */
	static boolean owns(Path socket) {
		return OWN_PATH.matcher(socket.toString()).matches();
	}

	/**
	 * Returns whether an address is libvirt's own monitor. A second client on it locks
	 * libvirt out.
	 * @param address the address of the monitor in use
	 * @param chardevs the answer of {@code query-chardev}
	 */
	static boolean owns(MonitorAddress address, @Nullable JsonNode chardevs) {
		JsonNode monitor = monitor(chardevs);
		if (monitor == null) {
			return false;
		}
		String listening = monitor.path("filename").asString("").split(",")[0];
		return listening.equals(address.toString())
				|| (address instanceof UnixAddress unix && isSame(unix.path(), listening));
	}

	// A symbolic link, or another name of the directory, leads to the same socket.
	private static boolean isSame(Path socket, String listening) {
		SocketIdentity identity = SocketIdentity.of(socket);
		return identity != null && listening.startsWith(UNIX)
				&& identity.equals(SocketIdentity.of(Path.of(listening.substring(UNIX.length()))));
	}

	private static @Nullable JsonNode monitor(@Nullable JsonNode chardevs) {
		if (chardevs != null) {
			for (JsonNode chardev : chardevs) {
				if (MONITOR.equals(chardev.path("label").asString(""))) {
					return chardev;
				}
			}
		}
		return null;
	}

}
