package dev.iothreads.libvirt;

import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import dev.iothreads.libvirt.DomainDescription.KnownDevice;
import dev.iothreads.libvirt.Hypervisor.Statistics;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.CpuList;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Identity;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.Refusal;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.QmpClosedException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of a domain, read by what libvirt itself knows of it: its XML, its IOThreads
 * and its statistics. That leaves no trace in libvirt.
 */
final class LibvirtMachine implements Machine {

	private static final Logger logger = LoggerFactory.getLogger(LibvirtMachine.class);

	/** What libvirt calls the object of an IOThread, before its number. */
	static final String PREFIX = "iothread";

	private static final String LIMITS = "Unknown to libvirt are poll-weight, aio-max-batch, block nodes, and devices of "
			+ "<qemu:commandline> or that were added by a monitor. iothreads.libvirt.reading=monitor shows them.";

	private static final String LEAVING = "Its unplug has been asked for, and the guest has yet to let go.";

	private final String name;

	private final Domain domain;

	private final @Nullable String title;

	private final LibvirtOptions options;

	private final HostThreads hostThreads;

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private final Map<String, CompletableFuture<Void>> leaving = new ConcurrentHashMap<>();

	private final Map<Long, IOThreadSettings> polling = new ConcurrentHashMap<>();

	private volatile @Nullable Hypervisor hypervisor;

	private volatile MachineStatus status;

	// Where the QEMU itself is asked.
	private final @Nullable QemuMachine qemu;

	private volatile @Nullable DomainMonitor monitor;

	private volatile boolean tainted;

	private volatile @Nullable Parsed parsed;

	private final DomainStatistics statistics;

	LibvirtMachine(String name, Domain domain, @Nullable String title, Hypervisor hypervisor, LibvirtOptions options) {
		this.name = name;
		this.domain = domain;
		this.title = title;
		this.options = options;
		this.hypervisor = hypervisor;
		this.hostThreads = options.hostThreads().ofDomain(domain.uuid());
		this.statistics = new DomainStatistics(domain, options.statisticsInterval());
		this.status = new MachineStatus(MachineState.CONNECTING,
				"%s is being read through libvirt. Ask again in a moment.".formatted(name));
		this.qemu = options.monitored() ? QemuMachine.through(name, monitor(), this::openMonitor,
				options.own().apply(name, domain.uuid()),
				new QemuOptions(options.connectTimeout(), options.commandTimeout(), options.threadFactory(),
						options.statisticsInterval(), (socket) -> this.hostThreads)
					.withLeaving(this::isLeaving),
				options.scheduler()) : null;
		if (this.qemu != null) {
			this.qemu.listen(this::changed);
		}
	}

	@Override
	public String monitor() {
		return this.options.address() + " " + this.domain.name();
	}

	@Override
	public MachineStatus status() {
		return (this.qemu != null) ? this.qemu.status() : this.status;
	}

	private QmpMonitor openMonitor(Consumer<QmpEvent> listener) {
		Hypervisor current = this.hypervisor;
		DomainMonitor opened = (current != null)
				? DomainMonitor.open(current, this.domain, this.options.commandTimeout(), listener)
				: DomainMonitor.unreachable(this.domain, String.valueOf(this.status.reason()));
		this.monitor = opened;
		return opened;
	}

	void onEvent(String event, Instant time, @Nullable String data) {
		DomainMonitor current = this.monitor;
		if (current != null) {
			current.onEvent(event, data, time);
		}
	}

	/**
	 * Whether a reading sees what libvirt does not know of.
	 */
	boolean seesAll() {
		return this.qemu != null;
	}

	@Override
	public @Nullable Refusal refusal() {
		return this.options.readOnly() ? new Refusal(ChangeRefusedException.Reason.READ_ONLY,
				"%s is read-only here. Set iothreads.libvirt.read-only to false to change it.".formatted(this.name))
				: null;
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	@Nullable Hypervisor hypervisor() {
		return this.hypervisor;
	}

	void changed() {
		this.listeners.forEach(Runnable::run);
	}

	/**
	 * Goes on over another connection to the daemon.
	 */
	void resume(Hypervisor connected) {
		this.hypervisor = connected;
		changed();
		read();
	}

	/**
	 * Takes notice that the connection to the daemon has ended. The domain goes on.
	 */
	void suspend(String reason) {
		this.hypervisor = null;
		DomainMonitor ended = this.monitor;
		if (ended != null) {
			ended.end(new QmpClosedException(reason, null));
		}
		setStatus(new MachineStatus(MachineState.DOWN, "%s cannot be asked: %s".formatted(this.name, reason)));
		failLeaving();
	}

	void removed(String alias) {
		this.statistics.forget(alias);
		CompletableFuture<Void> waiting = this.leaving.remove(alias);
		if (waiting != null) {
			waiting.complete(null);
		}
		changed();
	}

	void removalFailed(String alias) {
		CompletableFuture<Void> waiting = this.leaving.remove(alias);
		if (waiting != null) {
			waiting.completeExceptionally(new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED,
					"The guest refused to let it go. Free it in the guest, then ask again."));
		}
		changed();
	}

	/**
	 * Begins to wait for a device to leave.
	 */
	CompletableFuture<Void> leave(String alias) {
		return this.leaving.computeIfAbsent(alias, (same) -> new CompletableFuture<>());
	}

	boolean isLeaving(String alias) {
		return this.leaving.containsKey(alias);
	}

	void stay(String alias) {
		this.leaving.remove(alias);
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		QemuMachine asked = this.qemu;
		if (asked != null) {
			return asked.read().thenApply(this::withDepartures);
		}
		Hypervisor current = this.hypervisor;
		if (current == null) {
			return CompletableFuture.failedFuture(Failures.unavailable(String.valueOf(this.status.reason())));
		}
		Instant begun = Instant.now();
		// An older libvirt has no messages.
		current.messages(this.domain).thenAccept((messages) -> this.tainted = isTainted(messages));
		CompletableFuture<Hypervisor.State> state = current.state(this.domain);
		return current.control(this.domain).thenCompose((control) -> {
			if (control.isHanging()) {
				throw new MachineTimeoutException(Failures.unresponsive(this.name));
			}
			return current.xml(this.domain, 0);
		})
			.thenApply(this::parse)
			.thenCompose(
					(description) -> current.iothreads(this.domain, Hypervisor.LIVE)
						.thenCompose((iothreads) -> this.statistics.count(current, this::keepPolling)
							.thenApply((statistics) -> build(begun, current.qemuVersion(), description, iothreads,
									statistics))))
			.thenCombine(state, this::identify)
			.orTimeout(this.options.commandTimeout().toMillis(), TimeUnit.MILLISECONDS)
			.handle((snapshot, failure) -> {
				if (failure != null) {
					throw failed(failure);
				}
				setStatus(MachineStatus.UP);
				return snapshot;
			});
	}

	// The monitor does not show the unplugs that were asked for through libvirt.
	private Snapshot withDepartures(Snapshot read) {
		List<Device> devices = read.devices()
			.stream()
			.map((device) -> this.leaving.containsKey(device.id()) ? device.as(DeviceState.DETACHING, LEAVING) : device)
			.toList();
		Identity identity = read.identity();
		Identity.Reading limited = identity.reading();
		return new Snapshot(read.observedAt(), read.qemuVersion(), read.managedBy(), read.iothreads(), devices,
				read.activity(),
				new Identity(identity.runState(), identity.guestName(), identity.uuid(), identity.processId(),
						this.title, (limited != null) ? limited : new Identity.Reading("monitor", null, false)),
				read.departures());
	}

	private MachineException failed(Throwable failure) {
		MachineException reason = Failures.of(this.name, failure);
		if (this.hypervisor != null) {
			setStatus(new MachineStatus(MachineState.DOWN, reason.getMessage()));
		}
		return reason;
	}

	private static boolean isTainted(List<String> messages) {
		return messages.stream().anyMatch((message) -> message.contains("custom monitor"));
	}

	private DomainDescription parse(String xml) {
		Parsed before = this.parsed;
		if (before != null && before.xml().equals(xml)) {
			return before.description();
		}
		DomainDescription description = DomainDescription.parse(xml);
		this.parsed = new Parsed(xml, description);
		return description;
	}

	// A domain that is busy has no statistics for the moment: what was read before stays.
	private void keepPolling(Statistics statistics) {
		for (IOThreadProperty property : Set.of(IOThreadProperty.POLL_MAX_NS, IOThreadProperty.POLL_GROW,
				IOThreadProperty.POLL_SHRINK)) {
			statistics.numbers().forEach((key, value) -> {
				if (key.startsWith(PREFIX + ".") && key.endsWith("." + property.qemuName())) {
					long number = Long.parseLong(key.split("\\.")[1]);
					this.polling.merge(number, new IOThreadSettings(Map.of(property, value)), IOThreadSettings::with);
				}
			});
		}
	}

	/**
	 * Whether QEMU was given commands past libvirt. It never waits.
	 */
	boolean isTainted() {
		return this.tainted;
	}

	private Snapshot build(Instant begun, String version, DomainDescription description, Map<Long, BitSet> found,
			DomainStatistics.Counted counts) {
		this.polling.keySet().retainAll(found.keySet());
		List<IOThread> unnumbered = found.keySet()
			.stream()
			.map((number) -> new IOThread(PREFIX + number, 0, settings(number, description), List.of()))
			.toList();
		HostThreads.Visible visible = this.hostThreads.look(unnumbered);
		List<IOThread> iothreads = new ArrayList<>();
		for (IOThread iothread : unnumbered) {
			HostThread thread = visible.threads().get(iothread.id());
			iothreads.add(new IOThread(iothread.id(), (thread != null) ? thread.threadId() : 0, iothread.settings(),
					List.of()));
		}
		List<Device> devices = description.devices()
			.stream()
			.map((device) -> device(device, description.behind(device), found.keySet()))
			.toList();
		this.leaving.forEach((alias, waiting) -> {
			if (!description.has(alias)) {
				removed(alias);
			}
		});
		Snapshot snapshot = Snapshot.join(begun, version, Snapshot.LIBVIRT, iothreads, devices)
			.with(new Activity(visible.threads(), visible.hiddenBecause(), this.statistics.io(description, counts),
					counts.blocks().texts().isEmpty() ? null : counts.at()));
		// libvirt knows the CPUs of a thread that this host does not show.
		Map<String, String> cpus = new HashMap<>();
		found.forEach((number, allowed) -> cpus.put(PREFIX + number, CpuList.format(allowed)));
		cpus.putAll(visible.cpusAllowed());
		return snapshot.withCpus(cpus);
	}

	private Snapshot identify(Snapshot snapshot, Hypervisor.State state) {
		Parsed known = this.parsed;
		Long process = snapshot.activity()
			.threads()
			.values()
			.stream()
			.map(HostThread::processId)
			.findFirst()
			.orElse(null);
		return snapshot
			.with(new Identity(state.runState(), this.domain.name(), this.domain.uuid().toString(), process, this.title,
					new Identity.Reading("xml", LIMITS, (known != null) && known.description().isIncomplete())));
	}

	private IOThreadSettings settings(long number, DomainDescription description) {
		IOThreadSettings pool = description.iothreads().getOrDefault(number, IOThreadSettings.NONE);
		return this.polling.getOrDefault(number, IOThreadSettings.NONE).with(pool);
	}

	private Device device(KnownDevice known, List<Disk> disks, Set<Long> alive) {
		List<String> on = known.iothreads().stream().filter(alive::contains).map((number) -> PREFIX + number).toList();
		List<Long> deleted = known.iothreads().stream().filter((number) -> !alive.contains(number)).toList();
		DeviceState state = known.iothreads().isEmpty() ? DeviceState.MAIN_LOOP : DeviceState.ATTACHED;
		String reason = null;
		if (this.leaving.containsKey(known.alias())) {
			state = DeviceState.DETACHING;
			reason = LEAVING;
		}
		else if (!deleted.isEmpty()) {
			state = DeviceState.ORPHANED;
			reason = "Its IOThread was deleted while the device used it. Unplug it and plug it again to put it on an IOThread that is listed.";
		}
		return new Device(known.alias(), known.driver(), known.worker(), on, state, reason, null, false, true, Map.of(),
				disks, null);
	}

	@Override
	public Changes changes() {
		Hypervisor current = this.hypervisor;
		if (current == null) {
			throw Failures.unavailable(String.valueOf(this.status.reason()));
		}
		return new LibvirtChanges(this, this.name, this.domain, current, this.options.commandTimeout(), true);
	}

	private void setStatus(MachineStatus next) {
		synchronized (this) {
			if (next.equals(this.status)) {
				return;
			}
			this.status = next;
		}
		if (next.isUp()) {
			logger.info("{} is up: domain {} of {}", this.name, this.domain.uuid(), this.options.address());
		}
		else if (!status().isUp()) {
			logger.warn("down: {}", next.reason());
		}
		changed();
	}

	private void failLeaving() {
		Map<String, CompletableFuture<Void>> waiting = new HashMap<>(this.leaving);
		this.leaving.clear();
		waiting.values()
			.forEach((each) -> each.completeExceptionally(Failures.unavailable(String.valueOf(this.status.reason()))));
	}

	@Override
	public void close() {
		if (this.qemu != null) {
			this.qemu.close();
		}
		this.hypervisor = null;
		this.listeners.clear();
		this.status = new MachineStatus(MachineState.DOWN, this.name + " is no longer watched.");
		failLeaving();
	}

	private record Parsed(String xml, DomainDescription description) {

	}

}
