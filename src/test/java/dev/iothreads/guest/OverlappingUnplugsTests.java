package dev.iothreads.guest;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.inventory.ChangeService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.ImageDirectories;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * ACPI hot-plug: two unplugs overlap, and a device is plugged as soon as the first of
 * them has ended. The guest's late answer to the second unplug ejects whatever is in the
 * port of the first.
 */
class OverlappingUnplugsTests {

	private static final int ROUNDS = 6;

	@Test
	void aDeviceThatIsPluggedAfterThemStays() {
		QemusAtOnce.run(OverlappingUnplugsTests::unplugTwoAndPlugOne);
	}

	private static void unplugTwoAndPlugOne(QemuBinary binary) {
		ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
		try (Guest guest = boot(binary);
				Inventory inventory = new Inventory(scheduler, Duration.ofDays(1), Duration.ofDays(1))) {
			QemuMachine machine = QemuMachine.connect("vm1", new MonitorAddress.UnixAddress(guest.qemu().socket()),
					new QemuOptions(Duration.ofSeconds(10), Duration.ofSeconds(30), Thread::new, null,
							HostThreads.Finder.NONE),
					scheduler);
			CompletableFuture<Void> up = new CompletableFuture<>();
			machine.listen(() -> completeWhenUp(machine, up));
			completeWhenUp(machine, up);
			inventory.add("vm1", machine);
			ChangeService changes = new ChangeService(inventory, Set.of("virtio-blk-pci"), ImageDirectories.NONE,
					Duration.ofSeconds(30), Duration.ZERO);
			guest.await("test -e /sys/block/vda");
			up.join();
			for (int round = 0; round < ROUNDS; round++) {
				attach(changes, "a" + round, "disk0");
				attach(changes, "b" + round, "disk1");
				guest.await("test -e /sys/block/vdb -a -e /sys/block/vdc");
				CompletableFuture<Void> first = machine.changes().detach("a" + round);
				CompletableFuture<Void> second = machine.changes().detach("b" + round);
				first.join();
				attach(changes, "c" + round, "disk2");
				second.join();
				// A late eject comes within a second.
				guest.run("sleep 1");
				assertThat(guest.attached().get("io0")).as("in round " + round).containsExactly("blk0", "c" + round);
				machine.changes().detach("c" + round).join();
			}
		}
		finally {
			scheduler.shutdownNow();
		}
	}

	private static void completeWhenUp(QemuMachine machine, CompletableFuture<Void> up) {
		if (machine.status().isUp()) {
			up.complete(null);
		}
	}

	private static void attach(ChangeService changes, String id, String drive) {
		changes.attach("vm1", new NewDevice(id, "virtio-blk-pci", List.of("io0"), drive, null, Map.of()));
	}

	private static Guest boot(QemuBinary binary) {
		Guest.Builder builder = Guest.of(binary).args("-object", "iothread,id=io0");
		for (String disk : List.of("disk", "disk0", "disk1", "disk2")) {
			builder.args("-blockdev", "null-co,size=1048576,read-zeroes=on,node-name=" + disk);
		}
		builder.args("-device", "virtio-blk-pci,id=blk0,drive=disk,iothread=io0");
		for (int port = 1; port <= 4; port++) {
			builder.args("-device", "pcie-root-port,id=rp%1$d,chassis=%1$d".formatted(port));
		}
		return builder.boot();
	}

}
