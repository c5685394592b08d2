package dev.iothreads.qemu;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * Where a device goes that names no bus, and what it is when it names no driver.
 */
class PlacesTests {

	@EveryQemu
	void bridgesAreTakenWhenNoRootPortIsEmpty(QemuBinary binary) {
		try (Qemu qemu = bridges(40).start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			assertThat(changes(vm).attachable().buses()).containsExactly("pci.0", "pci.1", "rp1");
			attach(vm, 0, null);
			assertThat(bus(monitor, 0)).isEqualTo("rp1");
			assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(() -> attach(vm, 1, "rp1"))
				.withMessageContaining("rp1 is occupied. There is room on pci.0, pci.1: name that, or none.");
			attach(vm, 1, null);
			assertThat(bus(monitor, 1)).isEqualTo("pci.0");
			for (int i = 2; i < 32; i++) {
				attach(vm, i, "pci.0");
				assertThat(bus(monitor, i)).isEqualTo("pci.0");
			}
			assertThat(changes(vm).attachable().buses()).doesNotContain("rp1", "pci.0").contains("pci.1");
			assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(() -> attach(vm, 33, "pci.0"))
				.withMessageContaining("pci.0 is full. There is room on pci.1: name that, or none.");
		}
	}

	@EveryQemu
	void aBridgeIsTakenWhenTheRootBusIsFull(QemuBinary binary) {
		Args args = Args.none().iothread("io0").disk("disk0").device("pci-bridge,id=pci.1,chassis_nr=1,addr=2");
		for (int slot = 3; slot < 32; slot++) {
			args.device("pci-testdev,addr=%#x".formatted(slot));
		}
		try (Qemu qemu = args.builder(binary).machine(nodefaults("pc")).start();
				Watched vm = Watched.at(qemu.socket());
				Monitor monitor = qemu.monitor()) {
			attach(vm, 0, null);
			assertThat(bus(monitor, 0)).isEqualTo("pci.1");
		}
	}

	@ParameterizedTest
	@CsvSource({ "q35, virtio-blk-pci", "pc, virtio-blk-pci", "microvm, virtio-blk-device",
			"'microvm,pcie=on', virtio-blk-pci", "none, virtio-blk-pci" })
	void aDiskWithoutADriverIsOnTheMachinesBus(String machine, String driver) {
		for (QemuBinary binary : QemuBinary.all()) {
			try (Qemu qemu = Qemu.of(binary).machine(nodefaults(machine)).start();
					Watched vm = Watched.at(qemu.socket())) {
				assertThat(changes(vm).diskDriver()).as("%s", binary).isEqualTo(driver);
			}
		}
	}

	private static Changes changes(Watched vm) {
		vm.await(MachineState.UP);
		return vm.machine().changes();
	}

	private static String[] nodefaults(String machine) {
		return new String[] { "-nodefaults", "-display", "none", "-S", "-machine", machine };
	}

	private static void attach(Watched vm, int number, @Nullable String bus) {
		changes(vm)
			.attach(new NewDevice("blk" + number, "virtio-blk-pci", List.of("io0"), "disk" + number, bus, Map.of()));
	}

	private static String bus(Monitor monitor, int number) {
		String path = String.valueOf(monitor.property("/machine/peripheral/blk" + number, "parent_bus").asString());
		return path.substring(path.lastIndexOf('/') + 1);
	}

	private static Args bridges(int disks) {
		Args args = Args.none().iothread("io0").ports(1).device("i82801b11-bridge,id=dmi,addr=1e.0");
		for (int i = 0; i < 2; i++) {
			args.device("pci-bridge,id=pci.%d,bus=dmi,addr=%d.0,chassis_nr=%d".formatted(i, i + 1, i + 2));
		}
		for (int i = 0; i < disks; i++) {
			args.disk("disk" + i);
		}
		return args;
	}

}
