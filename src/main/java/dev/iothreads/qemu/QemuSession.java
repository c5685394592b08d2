package dev.iothreads.qemu;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.Identity;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpGreeting;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One QEMU process behind one connection. Nothing of it outlives the connection: behind
 * the next one there may be another QEMU.
 */
final class QemuSession {

	private static final String VISIT = "Nothing is noticed between two visits: not what was there only then, nor whether a device or an IOThread was made anew with the same id. That a guest refuses to let a device go is not noticed at all. A command that takes QEMU longer than 1 s is not waited for.";

	// No change lasts longer, and no detach is looked after for longer.
	private static final Duration CHANGE = Duration.ofMinutes(1);

	private static final String NO_UUID = "00000000-0000-0000-0000-000000000000";

	private final QmpMonitor monitor;

	private final String version;

	private final @Nullable String managedBy;

	private final Identity identity;

	private final RunState runState = new RunState();

	private final HostThreads hostThreads;

	private final BlockStatistics statistics;

	private final boolean countsIo;

	private final RemadeIOThreads remade;

	private final Knowledge knowledge = new Knowledge();

	private final Unplugs unplugs;

	private final PortHistory ports = new PortHistory();

	private final ReadingPlan plan;

	private final Learning learning;

	private volatile boolean statisticsWanted = true;

	private volatile boolean reportsHolders;

	private @Nullable Long changed;

	private boolean leaving;

	private volatile @Nullable String withoutOwn;

	private volatile Map<String, Long> threadIds = Map.of();

	private QemuSession(QmpMonitor monitor, String version, boolean listsAtOnce, @Nullable String managedBy,
			Identity identity, HostThreads hostThreads, BlockStatistics statistics, boolean countsIo, Unplugs unplugs) {
		this.monitor = monitor;
		this.version = version;
		this.managedBy = managedBy;
		this.identity = identity;
		this.hostThreads = hostThreads;
		this.statistics = statistics;
		this.countsIo = countsIo;
		this.unplugs = unplugs;
		this.remade = new RemadeIOThreads(monitor, hostThreads);
		this.plan = new ReadingPlan(monitor, listsAtOnce, this.knowledge, ReadingPlan.SPARE_TURN);
		this.learning = new Learning(monitor, this.knowledge);
	}

	/**
	 * Asks the QEMU behind a connection what it is.
	 * @param monitor the connection, ready for commands
	 * @param address where that connection goes, {@code null} when it is no socket
	 * @param isOurs whether no other program needs that connection
	 * @param greeting its greeting
	 * @return the session. It fails with {@link NotAMachineException} when there is
	 * something behind that must not, or cannot, be asked for IOThreads
	 */
	static CompletableFuture<QemuSession> begin(QmpMonitor monitor, @Nullable MonitorAddress address, boolean isOurs,
			QmpGreeting greeting, QemuOptions options) {
		Duration statisticsInterval = options.statisticsInterval();
		return Reply
			.toAll(monitor,
					List.of(Command.QUERY_IOTHREADS.plain(), Qom.list(Qom.OBJECTS), Command.QUERY_CHARDEV.plain(),
							Qom.listGet(List.of(Qom.OBJECTS)), Command.QUERY_NAME.plain(), Command.QUERY_UUID.plain()))
			.thenApply((replies) -> {
				if (replies.get(0).failure() instanceof QmpCommandException refused
						&& "CommandNotFound".equals(refused.errorClass())) {
					throw new NotAMachineException("a qemu-storage-daemon, or something like it, answers there: "
							+ "it has no query-iothreads. Name the monitor of a qemu-system instead.");
				}
				replies.get(0).orThrow();
				if (address != null && Libvirt.owns(address, replies.get(2).value())) {
					throw Libvirt.ownMonitor();
				}
				boolean proxmox = Proxmox.manages(address, replies.get(2).value());
				if (proxmox && monitor.hasAllEvents() && !isOurs) {
					Proxmox.requireNotItsMonitor(address, replies.get(2).value());
				}
				boolean listsAtOnce = replies.get(3).failure() == null;
				return new QemuSession(monitor, greeting.version(), listsAtOnce,
						proxmox ? Snapshot.PROXMOX
								: Libvirt.manages(replies.get(1).value(), replies.get(2).value()) ? Snapshot.LIBVIRT
										: null,
						new Identity(null, Qom.textOf(replies.get(4).orElseNull(), "name"),
								uuid(replies.get(5).orElseNull()), null),
						options.hostThreads().of((address instanceof UnixAddress unix) ? unix.path() : null),
						new BlockStatistics(monitor, (statisticsInterval != null) ? statisticsInterval : Duration.ZERO),
						statisticsInterval != null, new Unplugs(options.leaving()));
			});
	}

	// A QEMU that was given none answers zeros.
	private static @Nullable String uuid(@Nullable JsonNode answer) {
		String uuid = Qom.textOf(answer, "UUID");
		return NO_UUID.equals(uuid) ? null : uuid;
	}

	String version() {
		return this.version;
	}

	@Nullable String managedBy() {
		return this.managedBy;
	}

	QmpMonitor monitor() {
		return this.monitor;
	}

	Unplugs unplugs() {
		return this.unplugs;
	}

	PortHistory ports() {
		return this.ports;
	}

	/**
	 * Forgets what was read of an IOThread's object, because it has been changed.
	 */
	void forget(String iothread) {
		this.knowledge.forget(Qom.OBJECTS + "/" + iothread);
	}

	/**
	 * Returns whether this QEMU itself reports everything that is on an IOThread, by
	 * {@code holders}.
	 */
	boolean reportsHolders() {
		return this.reportsHolders;
	}

	/**
	 * Says why a device must not be unplugged now.
	 * @param path the device's path
	 * @param force whether to unplug it where nothing tells what it runs on
	 * @return the reason, {@code null} when it may be
	 */
	@Nullable String unplugHazard(String path, boolean force) {
		String runner = this.knowledge.runner(path);
		KnownDevice known = this.knowledge.devices().get(runner);
		String hazard = (known != null) ? known.unplugHazard(this.threadIds) : null;
		if (hazard == null && !force && this.remade.isDoubtful(runner)) {
			return "It was there before the service connected, and its IOThread was made while the machine ran. Nothing tells whether the device runs on this one or on an earlier one of the same id: in that case QEMU aborts when the device is unplugged. Run the service on QEMU's host in its PID namespace, with QEMU's -name guest=…,debug-threads=on. Where that IOThread was never deleted, ask again with force=true.";
		}
		return hazard;
	}

	/**
	 * Returns the ids of the IOThreads that a device or a disk runs on, none when that is
	 * not known.
	 */
	Set<String> iothreadsOf(String path) {
		KnownDevice known = this.knowledge.devices().get(this.knowledge.runner(path));
		return (known == null) ? Set.of() : known.links().stream().map((link) -> link.id()).collect(Collectors.toSet());
	}

	/**
	 * Returns the block node that a device serves, empty when that is not known.
	 */
	String driveOf(String path) {
		return this.knowledge.driveOf(path);
	}

	/**
	 * Finds a device whose mapping names an IOThread.
	 * @return the device's id, {@code null} when there is none
	 */
	@Nullable String mappedOn(String iothread) {
		return this.knowledge.devices()
			.entrySet()
			.stream()
			.filter((device) -> device.getValue().mapped()
					&& device.getValue().links().stream().anyMatch((link) -> link.id().equals(iothread)))
			.map((device) -> Qom.name(device.getKey()))
			.findFirst()
			.orElse(null);
	}

	/**
	 * Begins a change.
	 * @param machine the machine's name in messages
	 * @return the change, {@code null} when the monitor is about to be left
	 */
	synchronized @Nullable QemuChanges changes(String machine) {
		if (this.leaving) {
			return null;
		}
		this.changed = System.nanoTime();
		return new QemuChanges(this, new BlockingQmp(machine, this.monitor));
	}

	/**
	 * Takes no change from now on, because the monitor is about to be left; unless one is
	 * under way, which that would interrupt.
	 * @return whether no change is taken now
	 */
	synchronized boolean beginToLeave() {
		Long last = this.changed;
		this.leaving = !this.unplugs.isAny() && (last == null || System.nanoTime() - last > CHANGE.toNanos());
		return this.leaving;
	}

	/**
	 * Takes changes again.
	 */
	synchronized void stay() {
		this.leaving = false;
	}

	/**
	 * Ends what still waits for this QEMU.
	 */
	void end(RuntimeException reason) {
		this.unplugs.end(reason);
	}

	/**
	 * Handles an event.
	 * @return whether a reading may give something else now
	 */
	boolean onEvent(QmpEvent event) {
		String path = event.data().path("path").asString("");
		switch (event.name()) {
			case "DEVICE_DELETED" -> {
				this.knowledge.forget(Qom.device(path));
				this.remade.forget(path);
				this.statistics.forget(path);
				if (path.equals(Qom.device(path))) {
					this.ports.onDeleted(path, this.unplugs.askedFor(path));
				}
				// The backend goes before its device does, with an event of its own.
				this.unplugs.onDeleted(path);
				return true;
			}
			case "DEVICE_UNPLUG_GUEST_ERROR" -> {
				this.unplugs.onRefused(path, this.knowledge.devices().containsKey(path));
				return true;
			}
			// A finished job may have put another node beneath a device.
			case "JOB_STATUS_CHANGE" -> {
				if ("concluded".equals(event.data().path("status").asString(""))) {
					this.statistics.invalidate();
				}
				return false;
			}
			case "RESET" -> {
				this.unplugs.onReset();
				return this.runState.onEvent(event.name());
			}
			default -> {
				return this.runState.onEvent(event.name());
			}
		}
	}

	/**
	 * Reads the machine.
	 * @return the snapshot; it fails with what the monitor failed with
	 */
	CompletableFuture<Snapshot> read() {
		return read(false);
	}

	/**
	 * Reads the machine, and asks again for what was learnt before, unless QEMU's events
	 * keep that right.
	 * @return the snapshot; it fails with what the monitor failed with
	 */
	CompletableFuture<Snapshot> readThoroughly() {
		return read(true);
	}

	private CompletableFuture<Snapshot> read(boolean thoroughly) {
		Instant begun = Instant.now();
		Knowledge.Turn turn = this.knowledge.nextTurn();
		if (!this.monitor.hasAllEvents()) {
			this.runState.mayHaveChanged();
			this.statistics.invalidate();
		}
		boolean counts = this.statisticsWanted && (thoroughly || this.statistics.areDue());
		CompletableFuture<?> stated = this.runState.read(this.monitor);
		CompletableFuture<BlockStatistics.@Nullable Reading> counted = counts
				? this.statistics.read().thenApply((reading) -> reading) : CompletableFuture.completedFuture(null);
		CompletableFuture<ReadingPlan.Lists> listing = this.plan.list(thoroughly);
		this.hostThreads.lookAhead();
		return listing.thenCombine(stated, (lists, state) -> lists).thenCombine(counted, (lists, reading) -> {
			if (reading != null) {
				this.knowledge.setDrives(reading.drives());
			}
			return lists;
		})
			.thenCompose((lists) -> this.learning.learn(lists, thoroughly, turn.forgettings()))
			.thenApply(this::recognise)
			.thenCompose(this.remade::check)
			.thenApply((result) -> {
				BlockStatistics.Reading reading = counted.join();
				if (reading != null) {
					this.statistics.keep(reading, result.disks());
				}
				this.threadIds = result.threadIds();
				this.reportsHolders = result.lists().iothreads().path(0).has("holders");
				Set<String> listed = result.lists().devices().map(Qom.Child::path).collect(Collectors.toSet());
				this.unplugs.onListedAfterReset(listed, turn.begun());
				Snapshot snapshot = new SnapshotBuilder(result, this.unplugs, this.runState.current()).build(begun,
						this.version, this.managedBy);
				this.knowledge.devices().forEach((path, known) -> {
					if (!result.devices().containsKey(path)) {
						this.unplugs.onMissing(path, known.worker());
						if (!this.monitor.hasAllEvents()) {
							this.ports.onDeleted(path, this.unplugs.askedFor(path));
							this.remade.forget(path);
						}
					}
				});
				if (this.knowledge.keep(result, turn)) {
					if (this.monitor.hasAllEvents()) {
						this.remade.end();
					}
					this.unplugs.onListed(listed, turn.begun(), this.monitor.hasAllEvents());
				}
				return snapshot;
			})
			.thenApply(this::withActivity);
	}

	// Where events were missed, the devices have been asked again.
	private ReadResult recognise(ReadResult result) {
		if (!this.monitor.hasAllEvents()) {
			result.devices().replaceAll((path, found) -> found.sameAs(this.knowledge.devices().get(path)));
		}
		return result;
	}

	private Identity.@Nullable Reading reading() {
		String own = this.withoutOwn;
		if (this.monitor.hasAllEvents()) {
			return (own != null) ? new Identity.Reading("monitor", own, false) : null;
		}
		return new Identity.Reading("visit", (own != null) ? VISIT + " " + own : VISIT, false);
	}

	/**
	 * Says why there is no monitor for the service alone.
	 */
	void limitedBy(@Nullable String reason) {
		this.withoutOwn = reason;
	}

	private int orphanedThreads() {
		return (int) this.knowledge.devices()
			.values()
			.stream()
			.flatMap((device) -> device.links().stream())
			.filter((link) -> !link.isAlive(this.threadIds))
			.distinct()
			.count();
	}

	private @Nullable Instant settingsObservedAt(Snapshot snapshot) {
		Instant oldest = Instant.now().minusNanos(this.knowledge.ageOfSettings());
		// The two clocks agree to less than that.
		return oldest.plusMillis(10).isBefore(snapshot.observedAt()) ? oldest : null;
	}

	private Snapshot withActivity(Snapshot snapshot) {
		BlockStatistics.Counted counted = this.countsIo ? this.statistics.latest() : BlockStatistics.Counted.NOTHING;
		Map<String, Map<IoOperation, IoCount>> onIOThreads = new HashMap<>();
		List<Device> devices = snapshot.devices()
			.stream()
			.filter((device) -> !device.iothreads().isEmpty() || device.state() == DeviceState.ORPHANED)
			.toList();
		for (Device device : devices) {
			Stream.concat(Stream.of(device.qomPath()), device.disks().stream().map(Disk::qomPath)).forEach((path) -> {
				Map<IoOperation, IoCount> counts = counted.io().get(path);
				if (counts != null) {
					onIOThreads.put(path, counts);
				}
			});
		}
		// A machine without disks is not asked again until it has one.
		this.statisticsWanted = !devices.isEmpty()
				|| snapshot.devices().stream().anyMatch((device) -> device.drive() != null);
		HostThreads.Visible seen = this.hostThreads.look(snapshot.iothreads());
		Long processId = seen.threads().values().stream().map(HostThread::processId).findFirst().orElse(null);
		return snapshot.withCpus(seen.cpusAllowed())
			.with(new Activity(seen.threads(), seen.hiddenBecause(), onIOThreads, counted.observedAt(),
					orphanedThreads(), settingsObservedAt(snapshot)),
					new Identity(this.runState.current(), this.identity.guestName(), this.identity.uuid(), processId,
							null, reading()),
					this.unplugs.unasked());
	}

}
