package dev.iothreads.web;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import org.jspecify.annotations.Nullable;

/**
 * A machine that is as the test says.
 */
public class ShownMachine extends StubMachine {

	private volatile Snapshot snapshot;

	private volatile Runnable listener = () -> {
	};

	public ShownMachine(Snapshot snapshot) {
		this.snapshot = snapshot;
	}

	public ShownMachine(List<IOThread> iothreads, List<Device> devices) {
		this(snapshot(iothreads, devices));
	}

	/**
	 * Replaces the snapshot, and calls the listener.
	 */
	public void become(Snapshot next) {
		this.snapshot = next;
		this.listener.run();
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		return CompletableFuture.completedFuture(this.snapshot);
	}

	@Override
	public Attachable attachable() {
		return new Attachable(this.snapshot.observedAt(), List.of(), List.of());
	}

	@Override
	public void listen(Runnable next) {
		this.listener = next;
	}

	public static Snapshot snapshot(List<IOThread> iothreads, List<Device> devices) {
		return snapshot(Duration.ZERO, null, iothreads, devices);
	}

	public static Snapshot snapshot(Duration age, @Nullable String managedBy, List<IOThread> iothreads,
			List<Device> devices) {
		return Snapshot.join(Instant.now().minus(age), "10.2.50", managedBy, iothreads, devices);
	}

	public static IOThread iothread(String id, long threadId, Attachment... reported) {
		return iothread(id, threadId, 32768, reported);
	}

	public static IOThread iothread(String id, long threadId, long pollMaxNs, Attachment... reported) {
		return new IOThread(id, threadId, new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, pollMaxNs,
				IOThreadProperty.POLL_GROW, 0L, IOThreadProperty.POLL_SHRINK, 0L, IOThreadProperty.AIO_MAX_BATCH, 0L)),
				List.of(reported));
	}

	public static Device device(String id, String... iothreads) {
		return device(id, "/machine/peripheral/" + id + "/virtio-backend", DeviceState.ATTACHED, null, iothreads);
	}

	public static Device device(String id, String qomPath, DeviceState state, @Nullable String reason,
			String... iothreads) {
		return new Device(id, "virtio-blk-pci", qomPath, List.of(iothreads), state, reason, null);
	}

}
