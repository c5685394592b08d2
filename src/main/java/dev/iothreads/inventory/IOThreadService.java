package dev.iothreads.inventory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

import dev.iothreads.history.History;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Snapshot;

/**
 * What can be asked about the IOThreads of all machines.
 */
public final class IOThreadService {

	private final Inventory inventory;

	private final Duration maxAge;

	private final Semaphore permits = new Semaphore(MachineEntry.MAX_WAITING);

	/**
	 * Creates the service.
	 * @param inventory the machines
	 * @param maxAge how old a snapshot may be that a read is answered from
	 */
	public IOThreadService(Inventory inventory, Duration maxAge) {
		this.inventory = inventory;
		this.maxAge = maxAge;
	}

	/**
	 * Reads every machine.
	 * @return the machines, sorted by name, also those that do not answer
	 */
	public List<MachineView> machines() {
		fleet();
		return this.inventory.views();
	}

	/**
	 * Returns one machine, whether it answers or not.
	 * @param machine its name
	 * @return the machine
	 * @throws NotFoundException when there is no such machine
	 */
	public MachineView machine(String machine) {
		MachineEntry entry = this.inventory.entry(machine);
		try {
			entry.await(entry.snapshot(this.maxAge));
		}
		catch (MachineException ex) {
			// the view has the reason
		}
		return entry.view();
	}

	/**
	 * Checks that there is a machine, without waiting.
	 * @param machine its name
	 * @throws NotFoundException when there is no such machine
	 */
	public void require(String machine) {
		this.inventory.entry(machine);
	}

	/**
	 * Returns whether the service may change a machine.
	 * @param machine its name
	 * @return {@code false} where its configuration forbids it, or another program
	 * manages it
	 * @throws NotFoundException when there is no such machine
	 */
	public boolean isChangeable(String machine) {
		return this.inventory.entry(machine).refusal() == null;
	}

	/**
	 * Returns the last minutes of a machine, without waiting.
	 * @param machine its name
	 * @return its history, which grows while it is read
	 * @throws NotFoundException when there is no such machine
	 */
	public History history(String machine) {
		return this.inventory.entry(machine).history();
	}

	/**
	 * Returns what is known of a machine, no older than the service's maximum age.
	 * @param machine the machine's name
	 * @return the snapshot
	 * @throws NotFoundException when there is no such machine
	 * @throws MachineException when it cannot be read
	 */
	public Snapshot snapshot(String machine) {
		MachineEntry entry = this.inventory.entry(machine);
		return entry.await(entry.snapshot(this.maxAge));
	}

	/**
	 * Finds an IOThread in a snapshot.
	 * @param snapshot what was read of the machine
	 * @param machine the machine's name
	 * @param id the IOThread's id
	 * @return the IOThread
	 * @throws NotFoundException when there is no such IOThread
	 */
	public IOThread iothread(Snapshot snapshot, String machine, String id) {
		return snapshot.iothread(id).orElseThrow(() -> noSuchIOThread(machine, id));
	}

	/**
	 * Finds the devices that run on an IOThread.
	 * @param snapshot what was read of the machine
	 * @param machine the machine's name
	 * @param id the IOThread's id
	 * @return the devices, sorted by QOM path
	 * @throws NotFoundException when there is no such IOThread
	 */
	public List<Device> devicesOf(Snapshot snapshot, String machine, String id) {
		IOThread iothread = iothread(snapshot, machine, id);
		return snapshot.devices().stream().filter((device) -> device.iothreads().contains(iothread.id())).toList();
	}

	/**
	 * Finds a device in a snapshot.
	 * @param snapshot what was read of the machine
	 * @param machine the machine's name
	 * @param id the device's id
	 * @return the device
	 * @throws NotFoundException when there is no such device
	 */
	public Device device(Snapshot snapshot, String machine, String id) {
		return snapshot.device(id)
			.orElseThrow(() -> noSuchDevice(snapshot, machine, id, "that can run on an IOThread"));
	}

	static NotFoundException noSuchDevice(Snapshot snapshot, String machine, String id, String where) {
		return new NotFoundException(NotFoundException.Kind.DEVICE,
				snapshot.controllerOf(id)
					.map((controller) -> "'%s' of %s is a disk of controller %s, and runs where that does. Ask for %s."
						.formatted(id, machine, controller.id(), controller.id()))
					.orElse("%s has no device '%s' %s.".formatted(machine, id, where)));
	}

	/**
	 * Reads all machines at the same time. A machine that does not answer while others do
	 * is left out, and not waited for again until it has answered.
	 * @return the machines that answered, and the names of those that did not
	 */
	public FleetView fleet() {
		return read(this.inventory.entries());
	}

	/**
	 * Reads some machines at the same time, as {@link #fleet()} does.
	 * @param machines their names
	 * @return the machines that answered, and the names of those that did not
	 * @throws NotFoundException when there is no machine of one of the names
	 */
	public FleetView fleet(Collection<String> machines) {
		return read(machines.stream().distinct().map(this.inventory::entry).toList());
	}

	/**
	 * Reads the machines whose last reading is older than the service's maximum age.
	 * @param limit how long to wait for the readings
	 */
	public void refresh(Duration limit) {
		try {
			CompletableFuture
				.allOf(this.inventory.entries()
					.stream()
					.map((entry) -> entry.snapshot(this.maxAge))
					.toArray(CompletableFuture[]::new))
				.get(limit.toMillis(), TimeUnit.MILLISECONDS);
		}
		catch (ExecutionException | TimeoutException ex) {
			// The views show what is known of such a machine.
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
		}
	}

	private FleetView read(List<MachineEntry> machines) {
		Map<MachineEntry, CompletableFuture<Snapshot>> readings = new LinkedHashMap<>();
		CountDownLatch first = new CountDownLatch(1);
		for (MachineEntry entry : machines) {
			CompletableFuture<Snapshot> reading = entry.snapshot(this.maxAge);
			readings.put(entry, reading);
			reading.whenComplete((snapshot, failure) -> {
				if (snapshot != null) {
					first.countDown();
				}
			});
		}
		CompletableFuture.allOf(readings.values().toArray(CompletableFuture[]::new))
			.whenComplete((all, failure) -> first.countDown());
		awaitAnswers(first, readings);
		TreeMap<String, Snapshot> snapshots = new TreeMap<>();
		List<String> unavailable = new ArrayList<>();
		readings.forEach((entry, reading) -> {
			if (reading.isDone() && !reading.isCompletedExceptionally()) {
				snapshots.put(entry.name(), reading.join());
			}
			else {
				unavailable.add(entry.name());
			}
		});
		unavailable.sort(null);
		return new FleetView(snapshots, unavailable);
	}

	static NotFoundException noSuchIOThread(String machine, String id) {
		return new NotFoundException(NotFoundException.Kind.IOTHREAD,
				"%s has no IOThread '%s'.".formatted(machine, id));
	}

	private void awaitAnswers(CountDownLatch first, Map<MachineEntry, CompletableFuture<Snapshot>> readings) {
		List<CompletableFuture<Snapshot>> fast = new ArrayList<>();
		readings.forEach((entry, reading) -> {
			if (!entry.isSlow(reading)) {
				fast.add(reading);
			}
		});
		try {
			awaitFirst(first);
			awaitProgress(fast);
			if (fast.stream().allMatch(CompletableFuture::isCompletedExceptionally)) {
				awaitProgress(readings.values());
			}
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			return;
		}
		readings.forEach((entry, reading) -> {
			if (!reading.isDone()) {
				entry.skip(reading);
			}
		});
	}

	// The remaining machines are waited for as long as further ones answer. Only the last
	// of them wakes this thread.
	private static void awaitProgress(Collection<CompletableFuture<Snapshot>> readings) throws InterruptedException {
		AtomicLong answered = new AtomicLong(System.nanoTime());
		CompletableFuture<?> all = CompletableFuture
			.allOf(readings.stream().map((reading) -> reading.handle((snapshot, failure) -> {
				answered.set(System.nanoTime());
				return null;
			})).toArray(CompletableFuture<?>[]::new));
		while (!all.isDone()) {
			long left = answered.get() + MachineEntry.SLOW_READ.toNanos() - System.nanoTime();
			if (left <= 0) {
				return;
			}
			try {
				all.get(left, TimeUnit.NANOSECONDS);
			}
			catch (TimeoutException ex) {
				// Another one may have answered meanwhile.
			}
			catch (ExecutionException ex) {
				throw new IllegalStateException(ex);
			}
		}
	}

	// Each reading ends, so this does too.
	private void awaitFirst(CountDownLatch first) throws InterruptedException {
		if (this.permits.tryAcquire()) {
			try {
				first.await();
			}
			finally {
				this.permits.release();
			}
		}
	}

}
