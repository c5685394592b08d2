package dev.iothreads.qemu;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Builds a snapshot of what a reading has found.
 */
final class SnapshotBuilder {

	private static final String RUNNING = "running";

	private final ReadResult result;

	private final Unplugs unplugs;

	private final @Nullable String runState;

	private boolean managedByProxmox;

	SnapshotBuilder(ReadResult result, Unplugs unplugs, @Nullable String runState) {
		this.result = result;
		this.unplugs = unplugs;
		this.runState = runState;
	}

	Snapshot build(Instant observedAt, String version, @Nullable String managedBy) {
		this.managedByProxmox = Snapshot.PROXMOX.equals(managedBy);
		Map<String, Qom.Child> listed = this.result.lists()
			.all()
			.stream()
			.collect(Collectors.toMap(Qom.Child::path, (child) -> child, (one, other) -> one));
		Map<String, List<Disk>> disks = new HashMap<>();
		this.result.disks()
			.forEach((path, known) -> disks.computeIfAbsent(known.controller(), (controller) -> new ArrayList<>())
				.add(known.shown(Objects.requireNonNull(listed.get(path)), this.result.image(known.drive()))));
		List<Device> devices = new ArrayList<>();
		this.result.devices()
			.forEach((path, known) -> devices.add(device(Objects.requireNonNull(listed.get(path)), known,
					disks.getOrDefault(known.worker(), List.of()))));
		Holders holders = new Holders(listed, this::worker);
		List<IOThread> iothreads = new ArrayList<>();
		for (JsonNode iothread : this.result.lists().iothreads()) {
			ThreadKey key = this.result.key(iothread.path("id").asString(""));
			List<Attachment> attached = new ArrayList<>(holders.of(iothread));
			attached.addAll(objectsOn(key));
			iothreads.add(new IOThread(key.id(), key.threadId(), settings(key, iothread), attached));
		}
		return Snapshot.join(observedAt, version, managedBy, iothreads, devices);
	}

	private @Nullable String worker(String devicePath) {
		KnownDevice known = this.result.devices().get(devicePath);
		return (known != null) ? known.worker() : null;
	}

	private Device device(Qom.Child device, KnownDevice known, List<Disk> disks) {
		String path = device.path();
		List<String> alive = new ArrayList<>();
		List<String> deleted = new ArrayList<>();
		for (ThreadKey link : known.links()) {
			(link.isAlive(this.result.threadIds()) ? alive : deleted).add(link.id());
		}
		DeviceState state = DeviceState.ATTACHED;
		String reason = this.unplugs.refusal(path);
		if (!known.isReadable()) {
			state = DeviceState.UNREADABLE;
			reason = "QEMU lists it and does not answer for it, so it may run on any IOThread: none is removed while it is there. Shut the machine down and start it with another id for this device.";
		}
		else if (this.unplugs.isUnderWay(path)) {
			state = DeviceState.DETACHING;
			reason = "Its unplug has been asked for, and the guest has yet to let go.";
			if (this.runState != null && !RUNNING.equals(this.runState)) {
				reason += " The machine is %s: the guest cannot let go before it runs. Resume it."
					.formatted(this.runState);
			}
		}
		else if (!deleted.isEmpty()) {
			state = DeviceState.ORPHANED;
			String hazard = known.unplugHazard(this.result.threadIds());
			reason = (hazard != null) ? hazard
					: "It still runs on IOThread %s, which was deleted while the device used it. Unplug it and plug it again to put it on an IOThread that is listed."
						.formatted(String.join(", ", deleted));
		}
		else if (known.links().isEmpty()) {
			state = DeviceState.MAIN_LOOP;
			if (reason == null && this.managedByProxmox) {
				reason = Proxmox.withoutIOThread(path);
			}
		}
		return new Device(device.name(), known.type(), known.worker(), alive, state, reason, known.drive(),
				known.driveGoesWithIt(), known.hotpluggable(), known.virtqueues(), disks,
				this.result.image(known.drive()));
	}

	private Collection<Attachment> objectsOn(ThreadKey iothread) {
		List<Attachment> attached = new ArrayList<>();
		this.result.objects().forEach((path, known) -> {
			if (iothread.equals(known.link())) {
				attached.add(new Attachment(known.type(), Qom.name(path), null, path));
			}
		});
		return attached;
	}

	private IOThreadSettings settings(ThreadKey key, JsonNode iothread) {
		Map<IOThreadProperty, Long> values = new EnumMap<>(IOThreadProperty.class);
		for (IOThreadProperty property : IOThreadProperty.values()) {
			JsonNode value = iothread.path(property.qemuName());
			if (value.isIntegralNumber()) {
				values.put(property, value.asLong());
			}
		}
		return new IOThreadSettings(values).with(this.result.settings().getOrDefault(key, IOThreadSettings.NONE));
	}

}
