package dev.iothreads.qemu;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * How much is asked of a QEMU: each command holds up its main loop.
 */
class QemuMachineCostTests {

	private static final int STEADY = 3;

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
				CountingProxy proxy = CountingProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.address());
				Monitor monitor = qemu.monitor()) {
			Snapshot first = vm.read();
			assertThat(first.devices()).hasSize(devices);
			assertThat(Picture.of(first)).isEqualTo(Picture.of(monitor));
			proxy.takeCommands();
			Set<String> asked = new HashSet<>();
			for (int reading = 0; reading < 10; reading++) {
				assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(first));
				List<String> commands = proxy.takeCommands();
				assertThat(commands).hasSizeBetween(1, STEADY).contains("query-iothreads");
				asked.addAll(commands);
			}
			assertThat(asked).as("no object is asked again").noneMatch((command) -> command.startsWith("qom-get "));
		}
	}

	@EveryQemu
	void theFirstReadingAsksEachThingOnce(QemuBinary binary) {
		try (Qemu qemu = machine(10).start(binary);
				CountingProxy proxy = CountingProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.address())) {
			vm.read();
			assertThat(proxy.takeCommands()).filteredOn((command) -> command.startsWith("qom-get "))
				.isNotEmpty()
				.doesNotHaveDuplicates();
		}
	}

	@EveryQemu
	void afterAHotPlugOnlyThatDeviceIsAsked(QemuBinary binary) {
		try (Qemu qemu = machine(10).ports(1).start(binary);
				CountingProxy proxy = CountingProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.address());
				Monitor others = qemu.monitor()) {
			vm.read();
			proxy.takeCommands();
			Args.addDisk(others, "hot");
			Args.plug(others,
					Map.of("driver", "virtio-blk-pci", "id", "hot0", "drive", "hot", "bus", "rp1", "iothread", "io0"));
			assertThat(vm.read().device("hot0")).isPresent();
			assertThat(asking(proxy)).isNotEmpty()
				.allSatisfy((command) -> assertThat(command).startsWith("qom-get /machine/peripheral/hot0 "));
			vm.read();
			assertThat(asking(proxy)).as("in the reading after that").isEmpty();
		}
	}

	@EveryQemu
	void afterAnIOThreadIsAddedOnlyThatIOThreadIsAsked(QemuBinary binary) {
		try (Qemu qemu = machine(10).start(binary);
				CountingProxy proxy = CountingProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.address());
				Monitor others = qemu.monitor()) {
			vm.read();
			proxy.takeCommands();
			Args.addIOThread(others, "late");
			vm.read();
			assertThat(asking(proxy)).isNotEmpty()
				.allSatisfy((command) -> assertThat(command).startsWith("qom-get /objects/late "));
		}
	}

	@EveryQemu
	void afterAnUnplugNothingIsAsked(QemuBinary binary) {
		try (Qemu qemu = machine(10).nativeHotplug().ports(1).disk("hot").start(binary);
				CountingProxy proxy = CountingProxy.before(qemu.socket());
				Watched vm = Watched.at(proxy.address());
				Monitor others = qemu.monitor()) {
			Args.plug(others,
					Map.of("driver", "virtio-blk-pci", "id", "hot0", "drive", "hot", "bus", "rp1", "iothread", "io0"));
			assertThat(vm.read().device("hot0")).isPresent();
			proxy.takeCommands();
			Args.unplug(others, "hot0");
			assertThat(vm.read().device("hot0")).isEmpty();
			assertThat(asking(proxy)).isEmpty();
		}
	}

	private static List<String> asking(CountingProxy proxy) {
		return proxy.takeCommands().stream().filter((command) -> command.startsWith("qom-get ")).toList();
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
