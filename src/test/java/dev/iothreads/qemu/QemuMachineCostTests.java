package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorProxy;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * How much is asked of a QEMU: each command holds up its main loop.
 */
class QemuMachineCostTests {

	// Before QEMU 10.1 two lists take two commands.
	private static int steady(QemuBinary binary) {
		return binary.isAtLeast(10, 1) ? 3 : 4;
	}

	private static final int MANY = 104;

	@EveryQemu
	void aReadingOfOneDeviceIsAtMostThreeCommands(QemuBinary binary) {
		assertSteady(binary, 1);
	}

	@EveryQemu
	void aReadingOfTenDevicesIsAtMostThreeCommands(QemuBinary binary) {
		assertSteady(binary, 10);
	}

	@EveryQemu
	void aReadingOfMoreThanAHundredDevicesIsAtMostThreeCommands(QemuBinary binary) {
		assertSteady(binary, MANY);
	}

	private static void assertSteady(QemuBinary binary, int devices) {
		try (Qemu qemu = machine(devices).start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.socket());
				Monitor monitor = qemu.monitor()) {
			Snapshot first = vm.read();
			assertThat(first.devices()).hasSize(devices);
			assertThat(Picture.of(first)).isEqualTo(Picture.of(monitor));
			proxy.takeCommands();
			for (int reading = 0; reading < 10; reading++) {
				assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(first));
				List<String> commands = proxy.takeCommands();
				assertThat(commands).hasSizeBetween(1, steady(binary)).contains("query-iothreads");
				assertThat(asking(commands)).as("what is asked again, one thing at a time").hasSizeLessThanOrEqualTo(1);
			}
		}
	}

	@EveryQemu
	void theFirstReadingAsksEachThingOnce(QemuBinary binary) {
		try (Qemu qemu = machine(10).start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.socket())) {
			vm.read();
			List<String> asked = asking(proxy.takeCommands());
			assertThat(asked).hasSizeGreaterThanOrEqualTo(20);
			assertThat(asked.size() - asked.stream().distinct().count()).as("what is asked again already")
				.isLessThanOrEqualTo(1);
		}
	}

	@EveryQemu
	void afterAHotPlugOnlyThatDeviceIsAsked(QemuBinary binary) {
		try (Qemu qemu = machine(10).ports(1).start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			proxy.takeCommands();
			Args.addDisk(others, "hot");
			Args.plug(others,
					Map.of("driver", "virtio-blk-pci", "id", "hot0", "drive", "hot", "bus", "rp1", "iothread", "io0"));
			assertThat(vm.read().device("hot0")).isPresent();
			assertOnlyAsked(binary, proxy.takeCommands(), "/machine/peripheral/hot0");
			vm.read();
			assertThat(proxy.takeCommands()).as("in the reading after that").hasSizeLessThanOrEqualTo(steady(binary));
		}
	}

	@EveryQemu
	void afterAnIOThreadIsAddedOnlyThatIOThreadIsAsked(QemuBinary binary) {
		try (Qemu qemu = machine(10).start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.socket());
				Monitor others = qemu.monitor()) {
			vm.read();
			proxy.takeCommands();
			Args.addIOThread(others, "late");
			vm.read();
			assertOnlyAsked(binary, proxy.takeCommands(), "/objects/late");
		}
	}

	@EveryQemu
	void afterAnUnplugNothingIsAsked(QemuBinary binary) {
		try (Qemu qemu = machine(10).nativeHotplug().ports(1).disk("hot").start(binary);
				MonitorProxy proxy = MonitorProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.socket());
				Monitor others = qemu.monitor()) {
			Args.plug(others,
					Map.of("driver", "virtio-blk-pci", "id", "hot0", "drive", "hot", "bus", "rp1", "iothread", "io0"));
			assertThat(vm.read().device("hot0")).isPresent();
			proxy.takeCommands();
			Args.unplug(others, "hot0");
			assertThat(vm.read().device("hot0")).isEmpty();
			assertThat(proxy.takeCommands()).hasSizeLessThanOrEqualTo(steady(binary));
		}
	}

	// Besides, a reading may ask one thing again that others change without a word.
	private static void assertOnlyAsked(QemuBinary binary, List<String> commands, String path) {
		List<String> asked = asking(commands);
		assertThat(asked).anyMatch((command) -> command.startsWith("qom-get " + path + " "))
			.filteredOn((command) -> !command.startsWith("qom-get " + path + " "))
			.hasSizeLessThanOrEqualTo(1);
		// Which drives go with their device is asked for when a device is new.
		long lists = commands.stream().filter((command) -> !command.equals("query-block")).count() - asked.size();
		assertThat(lists).isLessThanOrEqualTo(steady(binary));
	}

	private static List<String> asking(List<String> commands) {
		return commands.stream().filter((command) -> command.startsWith("qom-get ")).toList();
	}

	// Without MSI-X and memory regions of their own a hundred devices are made in no
	// time.
	private static Args machine(int devices) {
		Args args = Args.none().iothread("io0").iothread("io1");
		for (int i = 0; i < devices; i++) {
			args.disk("disk" + i);
			String slot = "addr=%#x.%d".formatted(2 + i / 8, i % 8);
			args.device(
					"virtio-blk-pci,id=blk%d,drive=disk%d,iothread=io%d,num-queues=1,vectors=0,disable-modern=on,multifunction=on,%s"
						.formatted(i, i, i % 2, slot));
		}
		return args;
	}

}
