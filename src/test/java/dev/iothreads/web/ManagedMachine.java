package dev.iothreads.web;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Refusal;
import dev.iothreads.machine.StubMachine;

/**
 * A machine that another program manages, so that the service refuses to change it.
 */
final class ManagedMachine extends StubMachine {

	private final Refusal refusal;

	ManagedMachine(ChangeRefusedException.Reason reason, String message) {
		this.refusal = new Refusal(reason, message);
	}

	@Override
	public Refusal refusal() {
		return this.refusal;
	}

}
