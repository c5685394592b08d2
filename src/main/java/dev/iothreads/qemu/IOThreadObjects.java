package dev.iothreads.qemu;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.QmpCommandException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Adds, tunes and removes {@code iothread} objects.
 */
final class IOThreadObjects {

	private static final String TYPE = "iothread";

	private final QemuSession session;

	private final BlockingQmp qemu;

	IOThreadObjects(QemuSession session, BlockingQmp qemu) {
		this.session = session;
		this.qemu = qemu;
	}

	void add(String id, IOThreadSettings settings) {
		List<Qom.Child> objects = this.qemu.children(Qom.OBJECTS);
		requireSupport(settings, objects);
		requireFree(id, objects);
		String mapped = this.session.mappedOn(id);
		if (mapped != null) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_EXISTS,
					"Device %s of %s still runs on an IOThread '%s' that was deleted while the device used it, and QEMU would take the new one for it. Choose another id, or unplug that device first."
						.formatted(mapped, this.qemu.machine(), id));
		}
		Map<String, Object> arguments = new LinkedHashMap<>();
		arguments.put("qom-type", TYPE);
		arguments.put("id", id);
		settings.values().forEach((property, value) -> arguments.put(property.qemuName(), value));
		try {
			this.qemu.run(Command.OBJECT_ADD.with(arguments));
		}
		catch (QmpCommandException ex) {
			// Where there was no IOThread to look at, only these words give the reason.
			for (IOThreadProperty property : settings.values().keySet()) {
				if (ex.description().equals("Parameter '%s' is unexpected".formatted(property.qemuName()))) {
					throw notSupported(property);
				}
			}
			requireFree(id, this.qemu.children(Qom.OBJECTS));
			throw this.qemu.refused(ex);
		}
	}

	private void requireFree(String id, List<Qom.Child> objects) {
		if (objects.stream().anyMatch((object) -> object.name().equals(id))) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_EXISTS,
					"%s has an object '%s' already. Choose another id.".formatted(this.qemu.machine(), id));
		}
	}

	/**
	 * Sets one property after another. When QEMU refuses one, those already set are put
	 * back, and that one too: QEMU stores a bound of the thread pool even while it
	 * refuses it (source: {@code event-loop-base.c}).
	 */
	void tune(String id, IOThreadSettings settings) {
		String path = Qom.OBJECTS + "/" + id;
		requireSupport(settings, List.of(new Qom.Child(Qom.OBJECTS, id, TYPE)));
		IOThreadSettings before = read(path, settings);
		Deque<IOThreadProperty> touched = new ArrayDeque<>();
		try {
			for (IOThreadProperty property : inOrder(before, settings)) {
				Long value = settings.get(property);
				if (value != null && !value.equals(before.get(property))) {
					touched.push(property);
					this.qemu.run(Qom.set(path, property.qemuName(), value));
				}
			}
		}
		catch (QmpCommandException ex) {
			List<String> left = putBack(path, before, touched);
			throw left.isEmpty() ? this.qemu.refused(ex)
					: new MachineRefusedException(ex.errorClass(),
							"%s. What had been set already could not be put back: look at %s of IOThread %s."
								.formatted(this.qemu.refused(ex).getMessage(), String.join(", ", left), id));
		}
		finally {
			this.session.forget(id);
		}
	}

	private IOThreadSettings read(String path, IOThreadSettings settings) {
		Map<IOThreadProperty, Long> values = new LinkedHashMap<>();
		List<IOThreadProperty> wanted = new ArrayList<>(settings.values().keySet());
		if (wanted.stream().anyMatch(IOThreadProperty::isOnlyOnTheObject)) {
			// One bound of the pool is judged by the other.
			wanted.removeIf(IOThreadProperty::isOnlyOnTheObject);
			Collections.addAll(wanted, IOThreadProperty.THREAD_POOL_MIN, IOThreadProperty.THREAD_POOL_MAX);
		}
		for (IOThreadProperty property : wanted) {
			JsonNode value = this.qemu.ask(Qom.get(path, property.qemuName()));
			if (value == null) {
				throw noSuchIOThread(path);
			}
			values.put(property, value.asLong());
		}
		return new IOThreadSettings(values);
	}

	private List<IOThreadProperty> inOrder(IOThreadSettings before, IOThreadSettings settings) {
		Long oldMax = before.get(IOThreadProperty.THREAD_POOL_MAX);
		Long newMax = before.changedBy(settings).get(IOThreadProperty.THREAD_POOL_MAX);
		List<IOThreadProperty> order = new ArrayList<>(settings.values().keySet());
		if (oldMax != null && newMax != null && newMax >= oldMax) {
			// Room is made before it is filled. Lowering is the other way round, which is
			// the order they are in.
			order.sort((one, other) -> Boolean.compare(one == IOThreadProperty.THREAD_POOL_MIN,
					other == IOThreadProperty.THREAD_POOL_MIN));
		}
		return order;
	}

	/**
	 * Returns the names of the properties that could not be put back.
	 */
	private List<String> putBack(String path, IOThreadSettings before, Deque<IOThreadProperty> touched) {
		List<String> left = new ArrayList<>();
		while (!touched.isEmpty()) {
			IOThreadProperty property = touched.pop();
			Long value = before.get(property);
			if (value != null) {
				try {
					this.qemu.run(Qom.set(path, property.qemuName(), value));
				}
				catch (QmpCommandException ex) {
					left.add(property.qemuName());
				}
			}
		}
		return left;
	}

	/**
	 * Removes an IOThread, after a last look at what runs on it that leaves nothing out:
	 * QEMU itself would remove it with everything on it.
	 * @param force whether to remove it although a block export may run on it
	 */
	void remove(String id, boolean force) {
		JsonNode exports = (force || this.session.reportsHolders()) ? null
				: this.qemu.ask(Command.QUERY_BLOCK_EXPORTS.plain());
		try {
			Snapshot snapshot = this.qemu.read(this.session.readThoroughly());
			List<Attachment> users = snapshot.iothread(id)
				.orElseThrow(() -> noSuchIOThread(Qom.OBJECTS + "/" + id))
				.attached();
			List<Attachment> unreadable = snapshot.devices()
				.stream()
				.filter((device) -> device.state() == DeviceState.UNREADABLE)
				.map((device) -> new Attachment(Attachment.DEVICE, device.id(), device.driver(), device.qomPath()))
				.toList();
			if (!unreadable.isEmpty()) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_IN_USE,
						"IOThread %s of %s may be in use: QEMU does not say what %s runs on. Shut the machine down and start it with another id for that device."
							.formatted(id, this.qemu.machine(), names(unreadable)),
						unreadable);
			}
			if (!users.isEmpty()) {
				throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_IN_USE,
						"IOThread %s of %s is in use by %s. Detach or remove that first.".formatted(id,
								this.qemu.machine(), names(users)),
						users);
			}
			requireNoExport(id, snapshot, exports);
			this.qemu.run(Command.OBJECT_DEL.with(Map.of("id", id)));
		}
		catch (QmpCommandException ex) {
			if (this.qemu.children(Qom.OBJECTS).stream().noneMatch((child) -> child.name().equals(id))) {
				throw noSuchIOThread(Qom.OBJECTS + "/" + id);
			}
			throw this.qemu.refused(ex);
		}
	}

	/**
	 * Makes sure that no block export runs on it. QEMU does not say on which IOThread an
	 * export runs, and 7.2 aborts later when that is removed. An export runs where the
	 * device runs that serves the same node; without such a device it may run anywhere.
	 */
	private void requireNoExport(String id, Snapshot snapshot, @Nullable JsonNode exports) {
		List<Attachment> running = new ArrayList<>();
		for (JsonNode export : (exports != null) ? exports : List.<JsonNode>of()) {
			JsonNode served = new BlockNodes(this.qemu).used(export.path("node-name").asString(""));
			if (served == null || runsOn(id, served.path("qdev").asString(""), snapshot)) {
				running.add(new Attachment("block-export", export.path("id").asString("?"), null, null));
			}
		}
		if (!running.isEmpty()) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.IOTHREAD_IN_USE,
					"Block export %s of %s may run on IOThread %s: QEMU does not say where. Remove the export first, by block-export-del; or remove the IOThread with force, and if the export does run on it, its client loses the disk, and QEMU 7.2 aborts."
						.formatted(names(running), this.qemu.machine(), id),
					running);
		}
	}

	// The disks of a SCSI controller run where the controller does. What is no device of
	// the snapshot runs in the main loop.
	private boolean runsOn(String iothread, String qdev, Snapshot snapshot) {
		String path = qdev.startsWith("/") ? qdev : Qom.PERIPHERAL + "/" + qdev;
		String bus = this.qemu.text(path, "parent_bus");
		return snapshot.devices()
			.stream()
			.filter((device) -> device.qomPath().equals(path) || bus.startsWith(device.qomPath() + "/"))
			.anyMatch((device) -> device.iothreads().contains(iothread) || device.state() == DeviceState.ORPHANED);
	}

	private static String names(List<Attachment> attached) {
		return String.join(", ", attached.stream().map((user) -> "'" + user.id() + "'").toList());
	}

	// IOThreads that are there tell what IOThreads have here. Asking for the type's
	// properties would make one, see QemuSession.
	private void requireSupport(IOThreadSettings settings, List<Qom.Child> objects) {
		JsonNode properties = objects.stream()
			.filter((object) -> object.type().equals(TYPE))
			.findFirst()
			.map((iothread) -> this.qemu.ask(Qom.list(iothread.path())))
			.orElse(null);
		if (properties != null) {
			Set<String> known = Qom.names(properties);
			for (IOThreadProperty property : settings.values().keySet()) {
				if (!known.contains(property.qemuName())) {
					throw notSupported(property);
				}
			}
		}
	}

	private ChangeRefusedException notSupported(IOThreadProperty property) {
		return new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
				"%s is QEMU %s, whose IOThreads have no %s. Leave it out.".formatted(this.qemu.machine(),
						this.session.version(), property.qemuName()));
	}

	private NotFoundException noSuchIOThread(String path) {
		return new NotFoundException(NotFoundException.Kind.IOTHREAD,
				"%s has no IOThread '%s' any more.".formatted(this.qemu.machine(), Qom.name(path)));
	}

}
