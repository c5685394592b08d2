package dev.iothreads.qemu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import tools.jackson.databind.JsonNode;

/**
 * Detaches a device from a QEMU.
 */
final class DeviceDetachment {

	private static final Duration RETRY_INTERVAL = Duration.ofMillis(500);

	private static final Duration FIRST_LOOK = Duration.ofMillis(100);

	private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

	private static final Duration LOOKING_LIMIT = Duration.ofMinutes(1);

	private static final Duration RETRY_LIMIT = Duration.ofSeconds(30);

	private static final Duration NODE_INTERVAL = Duration.ofMillis(50);

	private static final Duration NODE_LIMIT = Duration.ofSeconds(2);

	private final QemuSession session;

	private final BlockingQmp qemu;

	DeviceDetachment(QemuSession session, BlockingQmp qemu) {
		this.session = session;
		this.qemu = qemu;
	}

	CompletableFuture<Void> detach(String id, boolean force) {
		Migration.requireNone(this.qemu);
		Qom.Child device = find(id);
		if (id.isEmpty() || id.contains("/")) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED,
					"QEMU of %s cannot unplug '%s': it takes this id for a path. The device goes when the machine is shut down."
						.formatted(this.qemu.machine(), id));
		}
		String hazard = this.session.unplugHazard(device.path(), force);
		if (hazard != null) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED, hazard);
		}
		boolean hasNoId = device.path().startsWith(Qom.PERIPHERAL_ANON);
		Unplugs unplugs = this.session.unplugs();
		boolean again = unplugs.isUnderWay(device.path());
		if (!again) {
			requireNoCompanions(device);
		}
		QmpCommand command = Command.DEVICE_DEL.with(Map.of("id", hasNoId ? device.path() : id));
		String node = this.session.driveOf(device.path());
		CompletableFuture<Void> gone = unplugs.begin(device.path());
		CompletableFuture<Void> done = (!again && node.equals(ImageNodes.PREFIX + id)) ? withNode(gone, node) : gone;
		try {
			this.qemu.run(command);
			if (!this.session.monitor().hasAllEvents() && unplugs.looks().add(gone)) {
				lookAgain(gone, FIRST_LOOK, System.nanoTime() + LOOKING_LIMIT.toNanos());
			}
			return done;
		}
		catch (QmpCommandException ex) {
			if (gone.isDone() || (again && isBusy(ex))) {
				return done;
			}
			if (isBusy(ex)) {
				retry(device.path(), command, gone, System.nanoTime() + RETRY_LIMIT.toNanos());
				return done;
			}
			if (!again) {
				unplugs.cancel(device.path());
			}
			throw explained(id, ex);
		}
	}

	// Where no event says that it has gone. The later looks are those of every machine.
	private void lookAgain(CompletableFuture<Void> gone, Duration pause, long end) {
		CompletableFuture.delayedExecutor(pause.toMillis(), TimeUnit.MILLISECONDS).execute(() -> {
			if (!gone.isDone() && System.nanoTime() < end) {
				Duration longer = pause.multipliedBy(2);
				this.session.read()
					.whenComplete((snapshot, failure) -> lookAgain(gone,
							(longer.compareTo(LONGEST_PAUSE) < 0) ? longer : LONGEST_PAUSE, end));
			}
			else {
				this.session.unplugs().looks().remove(gone);
			}
		});
	}

	// QEMU removes no node that something uses. The device itself may hold it for some
	// 50 ms after its event.
	private CompletableFuture<Void> withNode(CompletableFuture<Void> gone, String node) {
		CompletableFuture<Void> done = new CompletableFuture<>();
		gone.whenComplete((left, failure) -> {
			if (failure != null) {
				done.completeExceptionally(failure);
			}
			else {
				removeNode(node, done, System.nanoTime() + NODE_LIMIT.toNanos());
			}
		});
		return done;
	}

	private void removeNode(String node, CompletableFuture<Void> done, long end) {
		this.session.monitor().execute(ImageNodes.removal(node)).whenComplete((removed, failure) -> {
			boolean held = failure != null && Reply.unwrap(failure) instanceof QmpCommandException refused
					&& refused.description().contains("in use");
			if (held && System.nanoTime() < end) {
				CompletableFuture.delayedExecutor(NODE_INTERVAL.toMillis(), TimeUnit.MILLISECONDS)
					.execute(() -> removeNode(node, done, end));
			}
			else {
				done.complete(null);
			}
		});
	}

	// With native hot-plug a port is busy for some 5 s after a device was plugged, and
	// after an unplug was asked for: by another client, or before a reset that the
	// request
	// did not survive.
	private void retry(String path, QmpCommand command, CompletableFuture<Void> gone, long end) {
		CompletableFuture.delayedExecutor(RETRY_INTERVAL.toMillis(), TimeUnit.MILLISECONDS).execute(() -> {
			if (!gone.isDone()) {
				this.session.monitor().execute(command).whenComplete((reply, failure) -> {
					if (failure != null && Reply.unwrap(failure) instanceof QmpCommandException refused
							&& !gone.isDone()) {
						onRefusedAgain(path, command, gone, end, refused);
					}
				});
			}
		});
	}

	private void onRefusedAgain(String path, QmpCommand command, CompletableFuture<Void> gone, long end,
			QmpCommandException refused) {
		if (isBusy(refused) && System.nanoTime() < end) {
			retry(path, command, gone, end);
		}
		else if (!isGone(refused)) {
			this.session.unplugs()
				.refuse(path, "QEMU refuses to unplug it: %s. Ask again later.".formatted(refused.description()), true);
		}
	}

	private static boolean isBusy(QmpCommandException refused) {
		return refused.description().contains("guest is busy")
				|| refused.description().contains("already in the process of unplug");
	}

	private static boolean isGone(QmpCommandException refused) {
		return "DeviceNotFound".equals(refused.errorClass());
	}

	private MachineException explained(String id, QmpCommandException refused) {
		String words = refused.description();
		if (isGone(refused)) {
			return noSuchDevice(id);
		}
		if (words.contains("does not support hotplugging") || words.contains("cannot be hot-unplugged")
				|| words.contains("is not hotpluggable")) {
			return new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED,
					"%s of %s cannot be unplugged while it runs: QEMU says: %s. It goes when the machine is shut down."
						.formatted(id, this.qemu.machine(), words));
		}
		if (words.contains("not allowed while migrating")) {
			Migration.requireNone(this.qemu);
		}
		return this.qemu.refused(refused);
	}

	/**
	 * Makes sure that no other device goes with it. A guest ejects a whole slot, and QEMU
	 * then removes everything that is in it without having asked.
	 */
	private void requireNoCompanions(Qom.Child device) {
		List<String> companions = new ArrayList<>();
		String bus = this.qemu.text(device.path(), "parent_bus");
		if (!bus.isEmpty() && device.type().contains("-pci")) {
			this.session.ports().onOccupied(device.path(), Qom.name(bus));
			long slot = slot(device.path());
			this.qemu.occupants(bus)
				.stream()
				.filter((other) -> !other.equals(device.path()) && slot(other) == slot)
				.forEach(companions::add);
		}
		for (Qom.Child backend : this.qemu.children(device.path() + "/virtio-backend")) {
			if (backend.type().equals("SCSI")) {
				companions.addAll(this.qemu.occupants(backend.path()));
			}
		}
		if (!companions.isEmpty()) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED,
					"%s of %s cannot go alone: %s would be unplugged with it. Unplug that first, by device_del, or shut the machine down."
						.formatted(device.name(), this.qemu.machine(),
								String.join(", ", companions.stream().map(Qom::name).toList())));
		}
	}

	// docs: a PCI address is a slot of five bits and a function of three
	private long slot(String device) {
		JsonNode address = this.qemu.ask(Qom.get(device, "addr"));
		return (address != null) ? address.asLong(0) >> 3 : 0;
	}

	private Qom.Child find(String id) {
		for (String container : List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON)) {
			for (Qom.Child child : this.qemu.children(container)) {
				if (child.name().equals(id)) {
					return child;
				}
			}
		}
		throw noSuchDevice(id);
	}

	private NotFoundException noSuchDevice(String id) {
		return new NotFoundException(NotFoundException.Kind.DEVICE,
				"%s has no device '%s' any more.".formatted(this.qemu.machine(), id));
	}

}
