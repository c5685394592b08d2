package dev.iothreads.web;

import java.util.concurrent.CompletableFuture;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.NewDevice;

/**
 * The demo machine, which refuses to tune an IOThread and to attach or detach a device.
 */
final class RefusingMachine extends ShownMachine {

	private final ChangeRefusedException refusal;

	RefusingMachine(ChangeRefusedException refusal) {
		super(EmbeddedMachine.demo().read().join());
		this.refusal = refusal;
	}

	@Override
	public void tuneIOThread(String id, IOThreadSettings settings) {
		throw this.refusal;
	}

	@Override
	public void attach(NewDevice device) {
		throw this.refusal;
	}

	@Override
	public CompletableFuture<Void> detach(String device, boolean force) {
		return CompletableFuture.failedFuture(this.refusal);
	}

}
