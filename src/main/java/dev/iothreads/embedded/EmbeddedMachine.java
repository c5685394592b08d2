package dev.iothreads.embedded;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.Snapshot;

/**
 * A machine that exists in this process only.
 */
public final class EmbeddedMachine implements Machine {

	private static final String VERSION = "embedded";

	private static final String DRIVER = "virtio-blk-pci";

	// What a QEMU before 11.1 gives an IOThread when nothing is said.
	private static final IOThreadSettings DEFAULTS = new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 32768L,
			IOThreadProperty.POLL_GROW, 0L, IOThreadProperty.POLL_SHRINK, 0L, IOThreadProperty.AIO_MAX_BATCH, 0L,
			IOThreadProperty.THREAD_POOL_MIN, 0L, IOThreadProperty.THREAD_POOL_MAX, 64L));

	private final Map<String, IOThread> iothreads = new TreeMap<>();

	private final Map<String, Device> devices = new TreeMap<>();

	private long nextThreadId = 5281;

	private EmbeddedMachine() {
	}

	/**
	 * Creates the machine of QEMU's own example: {@code blk0} and {@code blk1} run on
	 * {@code iothread0}, {@code blk3} on {@code iothread1}.
	 * @return the machine
	 */
	public static EmbeddedMachine demo() {
		EmbeddedMachine machine = new EmbeddedMachine();
		machine.put("iothread0");
		machine.put("iothread1");
		machine.plug("blk0", "disk0", "iothread0");
		machine.plug("blk1", "disk1", "iothread0");
		machine.plug("blk3", "disk3", "iothread1");
		return machine;
	}

	private void put(String id) {
		this.iothreads.put(id, new IOThread(id, this.nextThreadId++, DEFAULTS, List.of()));
	}

	private void plug(String id, String drive, String iothread) {
		this.devices.put(id, new Device(id, DRIVER, "/machine/peripheral/" + id + "/virtio-backend", List.of(iothread),
				DeviceState.ATTACHED, null, drive));
	}

	@Override
	public String monitor() {
		return "embedded";
	}

	@Override
	public MachineStatus status() {
		return MachineStatus.UP;
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		return CompletableFuture.completedFuture(Snapshot.join(Instant.now(), VERSION, null,
				List.copyOf(this.iothreads.values()), List.copyOf(this.devices.values())));
	}

	@Override
	public void listen(Runnable listener) {
		// It changes by its own methods only, and whoever calls these knows.
	}

	@Override
	public void close() {
		// There is nothing to let go of.
	}

}
