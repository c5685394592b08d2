package dev.iothreads.machine;

import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;

import org.jspecify.annotations.Nullable;

/**
 * What can be changed on a machine, over the connection that it had when they were asked
 * for. When that has ended, each of them fails with a {@link MachineUnavailableException}
 * and nothing has been sent.
 */
public interface Changes {

	/** What the name of a block node begins with that was added for an image. */
	String IMAGE_NODE = "iot-";

	/**
	 * Returns the same changes of the running machine alone, where there is also a
	 * definition that its next start uses.
	 * @return the changes
	 */
	default Changes liveOnly() {
		return this;
	}

	/**
	 * Returns the process that opens the machine's files.
	 * @param now the machine as it is
	 * @return the process, {@code null} where the service does not see it
	 */
	default @Nullable Long processId(Snapshot now) {
		return now.identity().processId();
	}

	/**
	 * Finds an id for a new IOThread.
	 * @param now the machine as it is
	 * @return {@code iothread} and the lowest number that is free
	 * @throws MachineException when the machine cannot be asked
	 */
	default String freeIOThreadId(Snapshot now) {
		return LongStream.iterate(1, (number) -> number + 1)
			.mapToObj((number) -> "iothread" + number)
			.filter((id) -> now.iothread(id).isEmpty())
			.findFirst()
			.orElseThrow();
	}

	/**
	 * Says which id a device gets.
	 * @param asked the id that was asked for
	 * @return the id
	 */
	default String deviceId(String asked) {
		return asked;
	}

	/**
	 * Lets the thread of an IOThread run on some CPUs of the host only. It waits for the
	 * machine's answer.
	 * @param iothread the IOThread
	 * @param cpus the CPUs
	 * @throws ChangeRefusedException when this machine's threads cannot be pinned through
	 * it
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	default void pinIOThread(IOThread iothread, BitSet cpus) {
		throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
				"QEMU cannot pin its threads. Do it on QEMU's host, as root: taskset -pc %s %d"
					.formatted(CpuList.format(cpus), iothread.threadId()));
	}

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
	 * Removes an IOThread as {@link #removeIOThread(String)} does.
	 * @param id its id
	 * @param force whether to remove it although something that is no device may run on
	 * it, where the machine does not say what does
	 */
	default void removeIOThread(String id, boolean force) {
		removeIOThread(id);
	}

	/**
	 * Returns the driver of a disk for which none was chosen. It waits for the machine's
	 * answers.
	 * @return the driver for the bus that this machine's devices are on
	 * @throws MachineException when the machine cannot be asked, or does not answer in
	 * time
	 */
	default String diskDriver() {
		return NewDevice.PCI_DISK;
	}

	/**
	 * Attaches a device. It waits for the machine's answer.
	 * @param device the device
	 * @throws InvalidRequestException when this machine has no such driver, block node or
	 * bus, no room for it, or cannot open its image
	 * @throws ChangeRefusedException when a device has that id, the block node is taken,
	 * or this machine does not have one of the properties
	 * @throws MachineException when the machine cannot be asked, refuses, or does not
	 * answer in time
	 */
	void attach(NewDevice device);

	/**
	 * Closes the images that were opened for devices and that nothing uses any more. It
	 * waits for the machine's answers.
	 * @return whether none is left that no device serves
	 * @throws MachineException when the machine cannot be asked, or does not answer in
	 * time
	 */
	default boolean removeUnusedImages() {
		return true;
	}

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
