package dev.iothreads.qemu;

import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineContract;
import dev.iothreads.machine.MachineState;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterEach;

@EveryQemu
class QemuMachineContractTests implements MachineContract {

	private final Qemu qemu;

	private final Watched vm;

	QemuMachineContractTests(QemuBinary binary) {
		this.qemu = Args.none()
			.iothread("iothread0")
			.iothread("iothread1")
			.disk("disk0")
			.disk("disk1")
			.disk("disk3")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=iothread0")
			.device("virtio-blk-pci,id=blk1,drive=disk1,iothread=iothread0")
			.device("virtio-blk-pci,id=blk3,drive=disk3,iothread=iothread1")
			.start(binary);
		this.vm = Watched.at(this.qemu.socket());
	}

	@AfterEach
	void close() {
		this.vm.close();
		this.qemu.close();
	}

	@Override
	public Machine machine() {
		this.vm.await(MachineState.UP);
		return this.vm.machine();
	}

}
