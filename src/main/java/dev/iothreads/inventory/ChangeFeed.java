package dev.iothreads.inventory;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

import dev.iothreads.inventory.Change.Kind;
import dev.iothreads.inventory.Change.OfDevice;
import dev.iothreads.inventory.Change.OfIOThread;
import dev.iothreads.inventory.Change.OfMachine;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * Tells what has changed, whoever changed it: each snapshot of a machine is compared with
 * the one before. Whoever has heard all of it from the beginning knows all IOThreads and
 * devices.
 * <p>
 * What a machine that is down has is unknown, not gone: when it is up again it is
 * compared with what it had before. A machine that leaves the registry takes all it had
 * with it.
 */
public final class ChangeFeed implements InventoryListener {

	private final Map<String, Told> machines = new ConcurrentHashMap<>();

	private final Consumer<Change> reader;

	/**
	 * Creates a feed. It tells nothing until it listens to a registry.
	 * @param reader whom to tell, on a machine's own thread; it must not wait
	 */
	public ChangeFeed(Consumer<Change> reader) {
		this.reader = reader;
	}

	@Override
	public void changed(MachineView machine) {
		Told before = this.machines.getOrDefault(machine.name(), Told.NOTHING);
		Snapshot snapshot = machine.snapshot();
		if (snapshot != null) {
			this.machines.put(machine.name(), new Told(machine, Kind.MACHINE_UP, snapshot));
			if (before.last() != Kind.MACHINE_UP) {
				this.reader.accept(new OfMachine(Kind.MACHINE_UP, machine));
			}
			tell(machine.name(), before.snapshot(), snapshot);
		}
		else if (isDown(machine.status()) && before.last() != Kind.MACHINE_DOWN) {
			this.machines.put(machine.name(), new Told(machine, Kind.MACHINE_DOWN, before.snapshot()));
			this.reader.accept(new OfMachine(Kind.MACHINE_DOWN, machine));
		}
	}

	@Override
	public void removed(String machine) {
		Told before = this.machines.remove(machine);
		if (before == null) {
			return;
		}
		tell(machine, before.snapshot(), null);
		MachineView view = before.view();
		if (view != null && before.last() == Kind.MACHINE_UP) {
			MachineStatus gone = new MachineStatus(MachineState.DOWN,
					machine + " is no longer looked after: it has left the configuration, or its socket is gone.");
			this.reader.accept(new OfMachine(Kind.MACHINE_DOWN,
					new MachineView(machine, view.monitor(), view.readOnly(), gone, null)));
		}
	}

	private static boolean isDown(MachineStatus status) {
		return status.state() == MachineState.DOWN || status.state() == MachineState.BUSY;
	}

	// What goes is told before what comes, and an IOThread before the devices that come
	// on it.
	private void tell(String machine, @Nullable Snapshot before, @Nullable Snapshot after) {
		Difference<Device> devices = Difference.of((before != null) ? before.devices() : List.of(),
				(after != null) ? after.devices() : List.of(), Device::qomPath, ChangeFeed::isSame);
		Difference<IOThread> iothreads = Difference.of((before != null) ? before.iothreads() : List.of(),
				(after != null) ? after.iothreads() : List.of(), IOThread::id,
				(one, other) -> one.threadId() == other.threadId());
		devices.gone().forEach((device) -> tell(Kind.DEVICE_DETACHED, machine, device));
		iothreads.gone().forEach((iothread) -> tell(Kind.IOTHREAD_REMOVED, machine, iothread));
		iothreads.come().forEach((iothread) -> tell(Kind.IOTHREAD_ADDED, machine, iothread));
		devices.come().forEach((device) -> tell(Kind.DEVICE_ATTACHED, machine, device));
		devices.changed().forEach((device) -> tell(Kind.DEVICE_CHANGED, machine, device));
		iothreads.changed().forEach((iothread) -> tell(Kind.IOTHREAD_CHANGED, machine, iothread));
	}

	private void tell(Kind kind, String machine, IOThread iothread) {
		this.reader.accept(new OfIOThread(kind, machine, iothread));
	}

	private void tell(Kind kind, String machine, Device device) {
		this.reader.accept(new OfDevice(kind, machine, device));
	}

	// The IOThreads of a device are never others, they only go from underneath it.
	private static boolean isSame(Device before, Device after) {
		return before.driver().equals(after.driver()) && before.iothreads().containsAll(after.iothreads());
	}

	/**
	 * What was told of a machine.
	 *
	 * @param view the machine as it was then
	 * @param last whether that was that it is up, or down
	 * @param snapshot what was read of it last
	 */
	private record Told(@Nullable MachineView view, @Nullable Kind last, @Nullable Snapshot snapshot) {

		static final Told NOTHING = new Told(null, null, null);

	}

	/**
	 * Two lists compared.
	 *
	 * @param gone what is in the first only
	 * @param come what is in the second only
	 * @param changed what is in both and not equal, as it is in the second
	 * @param <T> what they are lists of
	 */
	private record Difference<T>(List<T> gone, List<T> come, List<T> changed) {

		static <T> Difference<T> of(List<T> before, List<T> after, Function<T, String> key, Identity<T> identity) {
			if (before.equals(after)) {
				return new Difference<>(List.of(), List.of(), List.of());
			}
			Map<String, T> known = before.stream().collect(Collectors.toMap(key, (one) -> one, (one, other) -> one));
			List<T> come = new ArrayList<>();
			List<T> changed = new ArrayList<>();
			HashSet<T> kept = new HashSet<>();
			for (T now : after) {
				T then = known.get(key.apply(now));
				if (then == null || !identity.isSame(then, now)) {
					come.add(now);
					continue;
				}
				kept.add(then);
				if (!then.equals(now)) {
					changed.add(now);
				}
			}
			return new Difference<>(before.stream().filter((then) -> !kept.contains(then)).toList(), come, changed);
		}

	}

	private interface Identity<T> {

		boolean isSame(T before, T after);

	}

}
