package dev.iothreads.web.api;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.web.problem.AttachedDevice;
import org.jspecify.annotations.Nullable;

/**
 * Answers as an operator reads them on a terminal.
 */
final class Tables {

	private static final String MACHINE = "MACHINE";

	private static final String DEVICE = "DEVICE";

	private static final String IOTHREAD = "IOTHREAD";

	private Tables() {
	}

	static String machines(List<MachineInfo> machines) {
		TextTable table = new TextTable(List.of(MACHINE, "STATE", "RUN-STATE", "QEMU", "IOTHREADS", "DEVICES",
				"ATTACHED", "BALANCE", "GUEST", "REASON"));
		for (MachineInfo machine : machines) {
			BalanceInfo balance = machine.balance();
			table.row(machine.name(), machine.state(), machine.runState(), machine.qemuVersion(), machine.iothreads(),
					machine.devices(), machine.attached(), (balance != null) ? balance.state() : null,
					machine.guestName(),
					Stream.of(machine.reason(), machine.poolReason())
						.filter(Objects::nonNull)
						.collect(Collectors.joining(" ")));
		}
		return table.toString();
	}

	static String iothreads(List<IOThreadInfo> iothreads) {
		TextTable table = new TextTable(
				List.of(MACHINE, IOTHREAD, "THREAD", "CPUS", "POOL", "POLL-MAX-NS", "ATTACHED", "DEVICES"));
		for (IOThreadInfo iothread : iothreads) {
			table.row(iothread.machine(), iothread.id(), iothread.threadId(), iothread.cpusAllowed(), iothread.pool(),
					iothread.pollMaxNs(), iothread.attachedCnt(),
					iothread.attachedDevices().stream().map(AttachedDevice::id).collect(Collectors.joining(",")));
		}
		return table.toString();
	}

	static String devices(List<DeviceInfo> devices) {
		TextTable table = new TextTable(
				List.of(MACHINE, DEVICE, "DRIVER", "STATE", "IOTHREADS", "DRIVE", "FILE", "REASON"));
		for (DeviceInfo device : devices) {
			String iothreads = String.join(",", device.iothreads());
			table.row(device.machine(), device.id(), device.driver(), device.state(), iothreads, device.drive(),
					file(device.image()), device.reason());
			for (DiskInfo disk : Objects.requireNonNullElse(device.disks(), List.<DiskInfo>of())) {
				table.row(device.machine(), disk.id(), disk.driver(), device.state(), iothreads, disk.drive(),
						file(disk.image()),
						"It is a disk of %s: target %d, LUN %d.".formatted(device.id(), disk.target(), disk.lun()));
			}
		}
		return table.toString();
	}

	private static @Nullable String file(@Nullable ImageInfo image) {
		return (image != null) ? image.file() : null;
	}

	static String activity(List<ActivityInfo> machines) {
		TextTable iothreads = new TextTable(List.of(MACHINE, IOTHREAD, "THREAD", "USER-S", "SYSTEM-S"));
		TextTable devices = new TextTable(List.of(MACHINE, DEVICE, "READS", "READ-BYTES", "WRITES", "WRITE-BYTES",
				"FLUSHES", "UNMAPS", "DISK-OF"));
		TextTable unknown = new TextTable(List.of(MACHINE, "CPU-UNAVAILABLE"));
		for (ActivityInfo machine : machines) {
			for (ActivityInfo.OfIOThread iothread : machine.iothreads()) {
				iothreads.row(machine.machine(), iothread.id(), iothread.threadId(), decimal(iothread.userSeconds(), 2),
						decimal(iothread.systemSeconds(), 2));
			}
			for (ActivityInfo.OfDevice device : machine.devices()) {
				operations(devices, machine.machine(), device.id(), device.operations(), null);
				for (ActivityInfo.OfDisk disk : Objects.requireNonNullElse(device.disks(),
						List.<ActivityInfo.OfDisk>of())) {
					operations(devices, machine.machine(), disk.id(), disk.operations(), device.id());
				}
			}
			if (machine.cpuUnavailable() != null) {
				unknown.row(machine.machine(), machine.cpuUnavailable());
			}
		}
		return iothreads + "\n" + devices + "\n" + unknown;
	}

	private static void operations(TextTable table, String machine, String id,
			Map<String, ActivityInfo.Count> operations, @Nullable String controller) {
		ActivityInfo.Count reads = operations.get("read");
		ActivityInfo.Count writes = operations.get("write");
		table.row(machine, id, count(reads), bytes(reads), count(writes), bytes(writes), count(operations.get("flush")),
				count(operations.get("unmap")), controller);
	}

	private static @Nullable Long count(ActivityInfo.@Nullable Count count) {
		return (count != null) ? count.count() : null;
	}

	private static @Nullable Long bytes(ActivityInfo.@Nullable Count count) {
		return (count != null) ? count.bytes() : null;
	}

	private static @Nullable String decimal(@Nullable Double value, int digits) {
		return (value != null) ? String.format(Locale.ROOT, "%." + digits + "f", value) : null;
	}

	static String attachable(List<AttachableInfo> machines) {
		TextTable table = new TextTable(List.of("KIND", "NAME", "SIZE", "FORMAT", "IN-USE"));
		for (AttachableInfo machine : machines) {
			machine.drivers().forEach((driver) -> table.row("driver", driver, null, null, null));
			machine.drives().forEach((drive) -> table.row("drive", drive, null, null, null));
			machine.buses().forEach((bus) -> table.row("bus", bus, null, null, null));
			machine.images()
				.forEach((image) -> table.row("image", image.file(), image.size(), image.format(),
						image.inUse() ? "yes" : "no"));
		}
		return table.toString();
	}

	static String history(List<HistoryInfo> machines) {
		StringBuilder text = new StringBuilder();
		for (HistoryInfo machine : machines) {
			List<String> titles = new ArrayList<>(List.of("TIME", "CPU-%", "OPERATIONS/S"));
			List<List<@Nullable Double>> columns = new ArrayList<>(List.of(machine.cpuPercent(), machine.operations()));
			for (HistoryInfo.OfIOThread iothread : machine.iothreads()) {
				titles.addAll(List.of(iothread.id() + ":CPU-%", iothread.id() + ":OPERATIONS/S"));
				columns.addAll(List.of(iothread.cpuPercent(), iothread.operations()));
			}
			TextTable table = new TextTable(titles);
			for (int i = 0; i < machine.times().size(); i++) {
				int at = i;
				table.row(
						Stream
							.concat(Stream.of(Instant.ofEpochSecond(machine.times().get(at))),
									columns.stream().map((column) -> decimal(column.get(at), 1)))
							.toArray());
			}
			text.append(table);
		}
		return text.toString();
	}

	static String advice(List<AdviceInfo> machines) {
		StringBuilder text = new StringBuilder();
		for (AdviceInfo machine : machines) {
			text.append("%s was watched for %d minutes as it is now.\n".formatted(machine.machine(),
					machine.observedMinutes()));
			if (machine.reason() != null) {
				text.append(TextTable.printable(machine.reason())).append('\n');
			}
			else if (machine.advice().isEmpty()) {
				text.append("There is nothing to change.\n");
			}
			for (AdviceInfo.Item item : machine.advice()) {
				text.append('\n').append(item.severity()).append(" (").append(item.rule()).append("): ");
				text.append(TextTable.printable(item.text())).append('\n');
				item.steps().forEach((step) -> text.append("  ").append(TextTable.printable(step)).append('\n'));
			}
		}
		return text.toString();
	}

}
