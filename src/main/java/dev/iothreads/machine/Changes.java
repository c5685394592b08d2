package dev.iothreads.machine;

import java.util.concurrent.CompletableFuture;

/**
 * What can be changed on a machine, over the connection that it had when they were asked
 * for. When that has ended, each of them fails with a {@link MachineUnavailableException}
 * and nothing has been sent.
 */
public interface Changes {

	/**
	 * Adds an IOThread. It waits for the machine's answer.
	 * @param id its id
	 * @param settings the properties to give it; the others get QEMU's defaults
	 * @throws ChangeRefusedException when there is an object of that id, or this machine
	 * does not have one of the properties
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	void addIOThread(String id, IOThreadSettings settings);

	/**
	 * Changes properties of an IOThread, all or none. It waits for the machine's answers.
	 * @param id its id
	 * @param settings the properties to change
	 * @throws NotFoundException when there is no such IOThread
	 * @throws InvalidRequestException when the values do not go together
	 * @throws ChangeRefusedException when this machine does not have one of the
	 * properties
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	void tuneIOThread(String id, IOThreadSettings settings);

	/**
	 * Removes an IOThread. That no device runs on it is for the caller to know; what the
	 * machine alone can tell is checked here. It waits for the machine's answer.
	 * @param id its id
	 * @throws NotFoundException when there is no such IOThread
	 * @throws ChangeRefusedException when something may run on it that is no device
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	void removeIOThread(String id);

	/**
	 * Attaches a device. It waits for the machine's answer.
	 * @param device the device
	 * @throws InvalidRequestException when this machine has no such driver, block node or
	 * bus, or no room for it
	 * @throws ChangeRefusedException when a device has that id, the block node is taken,
	 * or this machine does not have one of the properties
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	void attach(NewDevice device);

	/**
	 * Looks for what a device could be attached with. It changes nothing, and waits for
	 * the machine's answers.
	 * @return the block nodes and buses that are free
	 * @throws MachineException when the machine cannot be asked, or does not answer in
	 * time
	 */
	Attachable attachable();

	/**
	 * Asks the guest to let go of a device. It waits for the machine's answer, not for
	 * the guest. To ask again while the guest is at it is no error.
	 * @param device the device's id
	 * @param force whether to unplug it where nothing tells whether the machine survives
	 * that
	 * @return completes when the device has gone. It fails with
	 * {@link ChangeRefusedException} when the guest refuses, and with
	 * {@link MachineUnavailableException} when the machine was lost meanwhile
	 * @throws NotFoundException when there is no such device
	 * @throws InvalidRequestException when that device cannot be unplugged where it is
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	CompletableFuture<Void> detach(String device, boolean force);

	/**
	 * Asks the guest to let go of a device, where it is known that the machine survives
	 * that.
	 * @param device the device's id
	 * @return as {@link #detach(String, boolean)}
	 */
	default CompletableFuture<Void> detach(String device) {
		return detach(device, false);
	}

}
