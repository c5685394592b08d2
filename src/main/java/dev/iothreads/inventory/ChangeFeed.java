package dev.iothreads.inventory;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

import dev.iothreads.history.Balance;
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
 * Reports changes of machines, IOThreads and devices, by comparing each snapshot of a
 * machine with the one before. A consumer of all changes since the start knows all
 * IOThreads and devices.
 * <p>
 * A machine that is down keeps its IOThreads and devices: the next snapshot is compared
 * with the last one. A machine that is removed loses them.
 */
public final class ChangeFeed implements InventoryListener {

	private final Map<String, Reported> machines = new ConcurrentHashMap<>();

	private final Consumer<Change> reader;

	/**
	 * Creates a feed. It reports nothing until it listens to an inventory.
	 * @param reader takes the changes, on a machine's thread; it must not wait
	 */
	public ChangeFeed(Consumer<Change> reader) {
		this.reader = reader;
	}

	@Override
	public void changed(MachineView machine) {
		Reported before = this.machines.getOrDefault(machine.name(), Reported.NOTHING);
		Snapshot snapshot = machine.snapshot();
		if (snapshot != null) {
			this.machines.put(machine.name(), new Reported(machine, Kind.MACHINE_UP, snapshot));
			if (before.last() != Kind.MACHINE_UP) {
				this.reader.accept(new OfMachine(Kind.MACHINE_UP, machine));
			}
			else if (before.view() != null && before.snapshot() != null
					&& (!before.snapshot().identity().equals(snapshot.identity())
							|| !before.view().balance().isLike(machine.balance()))) {
				this.reader.accept(new OfMachine(Kind.MACHINE_CHANGED, machine));
			}
			report(machine.name(), before.snapshot(), snapshot);
		}
		else if (isDown(machine.status()) && before.last() != Kind.MACHINE_DOWN) {
			this.machines.put(machine.name(), new Reported(machine, Kind.MACHINE_DOWN, before.snapshot()));
			this.reader.accept(new OfMachine(Kind.MACHINE_DOWN, machine));
		}
	}

	@Override
	public void removed(String machine) {
		Reported before = this.machines.remove(machine);
		if (before == null) {
			return;
		}
		report(machine, before.snapshot(), null);
		MachineView view = before.view();
		if (view != null && before.last() == Kind.MACHINE_UP) {
			MachineStatus status = new MachineStatus(MachineState.DOWN,
					machine + " is no longer watched: it was removed from the configuration, or its socket is gone.");
			this.reader.accept(new OfMachine(Kind.MACHINE_DOWN,
					new MachineView(machine, view.monitor(), view.readOnly(), status, null, Balance.UNKNOWN, null)));
		}
	}

	private static boolean isDown(MachineStatus status) {
		return status.state() == MachineState.DOWN || status.state() == MachineState.BUSY;
	}

	// Removals come before additions, and an IOThread before the devices on it.
	private void report(String machine, @Nullable Snapshot before, @Nullable Snapshot after) {
		Difference<Device> devices = Difference.of((before != null) ? before.devices() : List.of(),
				(after != null) ? after.devices() : List.of(), Device::qomPath, ChangeFeed::isSame);
		Difference<IOThread> iothreads = Difference.of((before != null) ? before.iothreads() : List.of(),
				(after != null) ? after.iothreads() : List.of(), IOThread::id,
				(one, other) -> one.threadId() == other.threadId());
		devices.removed().forEach((device) -> report(Kind.DEVICE_DETACHED, machine, departed(device, after)));
		iothreads.removed().forEach((iothread) -> report(Kind.IOTHREAD_REMOVED, machine, iothread));
		iothreads.added().forEach((iothread) -> report(Kind.IOTHREAD_ADDED, machine, iothread));
		devices.added().forEach((device) -> report(Kind.DEVICE_ATTACHED, machine, device));
		devices.changed().forEach((device) -> report(Kind.DEVICE_CHANGED, machine, device));
		iothreads.changed().forEach((iothread) -> report(Kind.IOTHREAD_CHANGED, machine, iothread));
	}

	private static Device departed(Device device, @Nullable Snapshot after) {
		String reason = (after != null) ? after.departures().get(device.qomPath()) : null;
		return (reason != null) ? device.because(reason) : device;
	}

	private void report(Kind kind, String machine, IOThread iothread) {
		this.reader.accept(new OfIOThread(kind, machine, iothread));
	}

	private void report(Kind kind, String machine, Device device) {
		this.reader.accept(new OfDevice(kind, machine, device));
	}

	// A device keeps its IOThreads, unless one is removed while the device uses it.
	private static boolean isSame(Device before, Device after) {
		return before.driver().equals(after.driver()) && before.iothreads().containsAll(after.iothreads());
	}

	/**
	 * What was reported of a machine.
	 *
	 * @param view the machine as it was then
	 * @param last whether the last report was up or down
	 * @param snapshot the last reading
	 */
	private record Reported(@Nullable MachineView view, @Nullable Kind last, @Nullable Snapshot snapshot) {

		static final Reported NOTHING = new Reported(null, null, null);

	}

	/**
	 * The difference of two lists.
	 *
	 * @param removed the elements of the first only
	 * @param added the elements of the second only
	 * @param changed the elements of both that are not equal, from the second
	 * @param <T> the type of the elements
	 */
	private record Difference<T>(List<T> removed, List<T> added, List<T> changed) {

		static <T> Difference<T> of(List<T> before, List<T> after, Function<T, String> key, Identity<T> identity) {
			if (before.equals(after)) {
				return new Difference<>(List.of(), List.of(), List.of());
			}
			Map<String, T> known = before.stream().collect(Collectors.toMap(key, (one) -> one, (one, other) -> one));
			List<T> added = new ArrayList<>();
			List<T> changed = new ArrayList<>();
			HashSet<T> kept = new HashSet<>();
			for (T now : after) {
				T then = known.get(key.apply(now));
				if (then == null || !identity.isSame(then, now)) {
					added.add(now);
					continue;
				}
				kept.add(then);
				if (!then.equals(now)) {
					changed.add(now);
				}
			}
			return new Difference<>(before.stream().filter((then) -> !kept.contains(then)).toList(), added, changed);
		}

	}

	private interface Identity<T> {

		boolean isSame(T before, T after);

	}

}
