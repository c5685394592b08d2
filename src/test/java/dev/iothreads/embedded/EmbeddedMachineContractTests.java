package dev.iothreads.embedded;

import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineContract;

class EmbeddedMachineContractTests implements MachineContract {

	private final EmbeddedMachine machine = EmbeddedMachine.demo();

	@Override
	public Machine machine() {
		return this.machine;
	}

}
