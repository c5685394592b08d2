package dev.iothreads.metrics;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;

/**
 * A machine that is as the test says. It is read in the thread that says so: what it has
 * become has been announced when that returns.
 */
public final class PuppetMachine extends StubMachine {

	private final List<Runnable> listeners = new ArrayList<>();

	private volatile MachineStatus status = MachineStatus.UP;

	private volatile Snapshot snapshot = snapshot(List.of());

	/**
	 * Lets the machine be up, and like this.
	 * @param next what is read of it from now on
	 */
	public void show(Snapshot next) {
		this.snapshot = next;
		this.status = MachineStatus.UP;
		this.listeners.forEach(Runnable::run);
	}

	/**
	 * Lets the machine go down.
	 * @param reason why
	 */
	public void fall(String reason) {
		this.status = new MachineStatus(MachineState.DOWN, reason);
		this.listeners.forEach(Runnable::run);
	}

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		return this.status.isUp() ? CompletableFuture.completedFuture(this.snapshot)
				: CompletableFuture.failedFuture(new MachineUnavailableException(this.status));
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	/**
	 * Makes a snapshot.
	 * @param iothreads the IOThreads
	 * @param devices the devices
	 * @return the snapshot, joined
	 */
	public static Snapshot snapshot(List<IOThread> iothreads, Device... devices) {
		return Snapshot.join(Instant.now(), "11.1.3", null, iothreads, List.of(devices));
	}

	/**
	 * Makes an IOThread.
	 * @param id its id
	 * @param threadId its thread's
	 * @param others what runs on it that is no device
	 * @return the IOThread, with QEMU's defaults
	 */
	public static IOThread iothread(String id, long threadId, Attachment... others) {
		return new IOThread(id, threadId,
				new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 32768L, IOThreadProperty.POLL_GROW, 2L,
						IOThreadProperty.POLL_SHRINK, 3L, IOThreadProperty.POLL_WEIGHT, 4L,
						IOThreadProperty.AIO_MAX_BATCH, 5L)),
				List.of(others));
	}

	/**
	 * Makes a disk.
	 * @param id its id
	 * @param iothreads the IOThreads it runs on
	 * @return the device
	 */
	public static Device disk(String id, String... iothreads) {
		return disk(id, DeviceState.ATTACHED, iothreads);
	}

	/**
	 * Makes a disk.
	 * @param id its id
	 * @param state how it stands to its IOThreads
	 * @param iothreads the IOThreads it runs on
	 * @return the device
	 */
	public static Device disk(String id, DeviceState state, String... iothreads) {
		return new Device(id, "virtio-blk-pci", path(id), List.of(iothreads), state, null, "node-" + id);
	}

	/**
	 * Names the place of a disk.
	 * @param id its id
	 * @return its QOM path
	 */
	public static String path(String id) {
		return "/machine/peripheral/" + id + "/virtio-backend";
	}

	/**
	 * Says how busy a machine is.
	 * @param io what its devices have done, by QOM path
	 * @return the activity, in which no thread is to be seen
	 */
	static Activity activity(Map<String, Map<IoOperation, IoCount>> io) {
		return new Activity(Map.of(), "It has no threads.", io, null);
	}

}
