package dev.iothreads.qemu;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.QmpCommand;
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

	private static final int MOST_IOTHREADS = 4096;

	/** No machine has more. */
	static final int MOST_DEVICES = 20_000;

	private final QmpMonitor monitor;

	private final String version;

	private final @Nullable String managedBy;

	private final HostThreads hostThreads;

	private final @Nullable BlockStatistics statistics;

	private final Knowledge knowledge = new Knowledge();

	private final Unplugs unplugs = new Unplugs();

	private final ReadingPlan plan;

	private final Set<String> drivesToAsk = ConcurrentHashMap.newKeySet();

	private volatile boolean statisticsWanted = true;

	private volatile boolean reportsHolders;

	private volatile Map<String, Long> threadIds = Map.of();

	private QemuSession(QmpMonitor monitor, String version, boolean listsAtOnce, @Nullable String managedBy,
			HostThreads hostThreads, @Nullable BlockStatistics statistics) {
		this.monitor = monitor;
		this.version = version;
		this.managedBy = managedBy;
		this.hostThreads = hostThreads;
		this.statistics = statistics;
		this.plan = new ReadingPlan(monitor, listsAtOnce, this.knowledge);
	}

	/**
	 * Asks the QEMU behind a connection what it is.
	 * @param monitor the connection, ready for commands
	 * @param address where that connection goes
	 * @param greeting its greeting
	 * @return the session. It fails with {@link NotAMachineException} when there is
	 * something behind that must not, or cannot, be asked for IOThreads
	 */
	static CompletableFuture<QemuSession> begin(QmpMonitor monitor, MonitorAddress address, QmpGreeting greeting,
			QemuOptions options) {
		Duration statisticsInterval = options.statisticsInterval();
		return Reply
			.toAll(monitor, List.of(Command.QUERY_IOTHREADS.plain(), Qom.list(Qom.OBJECTS),
					Command.QUERY_CHARDEV.plain(), Qom.listGet(List.of(Qom.OBJECTS))))
			.thenApply((replies) -> {
				if (replies.get(0).failure() instanceof QmpCommandException refused
						&& "CommandNotFound".equals(refused.errorClass())) {
					throw new NotAMachineException("a qemu-storage-daemon, or something like it, answers there: "
							+ "it has no query-iothreads. Name the monitor of a qemu-system instead.");
				}
				replies.get(0).orThrow();
				if (Libvirt.owns(address, replies.get(2).value())) {
					throw new NotAMachineException("that is libvirt's own monitor, and a second client on it "
							+ "locks libvirt out. Give the machine a -qmp of its own, by <qemu:commandline> in its XML.");
				}
				boolean listsAtOnce = replies.get(3).failure() == null;
				return new QemuSession(monitor, greeting.version(), listsAtOnce,
						Libvirt.manages(replies.get(1).value(), replies.get(2).value()) ? Libvirt.NAME : null,
						options.hostThreads().of((address instanceof UnixAddress unix) ? unix.path() : null),
						(statisticsInterval != null) ? new BlockStatistics(monitor, statisticsInterval) : null);
			});
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
	 * @return the reason, {@code null} when it may be
	 */
	@Nullable String unplugHazard(String path) {
		KnownDevice known = this.knowledge.devices().get(path);
		return (known != null) ? known.unplugHazard(this.threadIds) : null;
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
				if (this.statistics != null) {
					this.statistics.forget(path);
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
					this.drivesToAsk.addAll(this.knowledge.devices().keySet());
				}
				return false;
			}
			case "RESET" -> {
				return true;
			}
			default -> {
				return false;
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
	 * Reads the machine, without what was learnt before and no event keeps right.
	 * @return the snapshot; it fails with what the monitor failed with
	 */
	CompletableFuture<Snapshot> readThoroughly() {
		return read(true);
	}

	private CompletableFuture<Snapshot> read(boolean thoroughly) {
		Instant begun = Instant.now();
		Knowledge.Turn turn = this.knowledge.nextTurn();
		BlockStatistics due = (this.statistics != null && this.statisticsWanted && !this.plan.isRecheckDue()
				&& this.statistics.areDue()) ? this.statistics : null;
		CompletableFuture<?> counted = (due != null) ? due.read() : CompletableFuture.completedFuture(null);
		return this.plan.list(thoroughly, due == null)
			.thenCompose((lists) -> learnTypes(lists).thenCompose((typesKnown) -> ask(lists, thoroughly)))
			.thenApply((result) -> {
				Snapshot snapshot = new SnapshotBuilder(result, this.unplugs).build(begun, this.version,
						this.managedBy);
				if (this.knowledge.keep(result, turn)) {
					this.drivesToAsk.retainAll(this.knowledge.devices().keySet());
					this.unplugs.onListed(result.lists().devices().map(Qom.Child::path).collect(Collectors.toSet()),
							turn.begun());
				}
				return snapshot;
			})
			.thenCombine(counted, (snapshot, done) -> withActivity(snapshot));
	}

	private Snapshot withActivity(Snapshot snapshot) {
		BlockStatistics.Counted counted = (this.statistics != null) ? this.statistics.latest()
				: BlockStatistics.Counted.NOTHING;
		Map<String, Map<IoOperation, IoCount>> onIOThreads = new HashMap<>();
		List<Device> devices = snapshot.devices()
			.stream()
			.filter((device) -> !device.iothreads().isEmpty() || device.state() == DeviceState.ORPHANED)
			.toList();
		for (Device device : devices) {
			Map<IoOperation, IoCount> counts = counted.io().get(device.qomPath());
			if (counts != null) {
				onIOThreads.put(device.qomPath(), counts);
			}
		}
		// A machine without such a device is not asked again until it has one.
		this.statisticsWanted = !devices.isEmpty();
		HostThreads.Visible seen = this.hostThreads.look(snapshot.iothreads());
		return snapshot.with(new Activity(seen.threads(), seen.hiddenBecause(), onIOThreads, counted.observedAt()));
	}

	// An object that exists is listed, not its type: device-list-properties and
	// qom-list-properties create one of the type and drop it, and a QEMU before 10.1
	// aborts when a colo-compare is dropped so.
	private CompletableFuture<?> learnTypes(ReadingPlan.Lists lists) {
		List<Qom.Child> listed = lists.all();
		InvalidReplyException.requireAtMost(MOST_DEVICES, "devices and objects", listed.size());
		InvalidReplyException.requireAtMost(Knowledge.MOST_TYPES, "types of objects",
				listed.stream().map(Qom.Child::type).distinct().count());
		return learnTypes(listed);
	}

	private CompletableFuture<?> learnTypes(List<Qom.Child> listed) {
		Map<String, Qom.Child> unknown = new LinkedHashMap<>();
		listed.stream()
			.filter((child) -> child.isAddressable() && !this.knowledge.hasType(child.type()))
			.forEach((child) -> unknown.putIfAbsent(child.type(), child));
		if (unknown.isEmpty()) {
			return CompletableFuture.completedFuture(null);
		}
		this.knowledge.makeRoomForTypes(unknown.size());
		List<Qom.Child> asked = List.copyOf(unknown.values());
		List<QmpCommand> commands = asked.stream().map((child) -> Qom.list(child.path())).toList();
		return Reply.toAll(this.monitor, commands).thenCompose((replies) -> {
			for (int i = 0; i < asked.size(); i++) {
				JsonNode properties = replies.get(i).orElseNull();
				if (properties != null) {
					this.knowledge.addTraits(asked.get(i).type(), Qom.Traits.of(properties));
				}
			}
			// Where an object has gone since it was listed, another of its type is asked.
			List<Qom.Child> left = new ArrayList<>(listed);
			left.removeAll(asked);
			return learnTypes(left);
		});
	}

	private CompletableFuture<ReadResult> ask(ReadingPlan.Lists lists, boolean thoroughly) {
		ReadResult result = new ReadResult(lists, threadIds(lists.iothreads()));
		this.reportsHolders = lists.iothreads().path(0).has("holders");
		this.threadIds = result.threadIds();
		List<Question> questions = new ArrayList<>();
		lists.devices().forEach((child) -> {
			Qom.Traits traits = this.knowledge.traits(child.type());
			KnownDevice known = this.knowledge.device(child);
			if (known == null && !isAskable(child)) {
				result.unread().add(child);
			}
			else if (known != null) {
				result.devices().put(child.path(), known);
				if (this.drivesToAsk.remove(child.path()) && traits.drive()) {
					questions.add(new Question.OfDrive(child.path(), known));
				}
			}
			else if (traits.canRunOnIOThread()) {
				questions.add(new Question.OfDevice(child, traits));
			}
		});
		lists.objects().forEach((child) -> {
			// No event says that an object was deleted and added again.
			Knowledge.KnownObject known = thoroughly ? null : this.knowledge.object(child);
			KnownDevice unreadable = this.knowledge.device(child);
			if (unreadable != null) {
				result.devices().put(child.path(), unreadable);
			}
			else if (known != null) {
				result.objects().put(child.path(), known);
			}
			else if (!isAskable(child)) {
				result.unread().add(child);
			}
			else if (this.knowledge.traits(child.type()).iothread()) {
				questions.add(new Question.OfObject(child));
			}
		});
		result.threadIds().forEach((id, threadId) -> {
			ThreadKey key = new ThreadKey(id, threadId);
			IOThreadSettings known = this.knowledge.settings().get(key);
			if (known != null) {
				result.settings().put(key, known);
			}
			else {
				questions.add(new Question.OfSettings(key));
			}
		});
		return ask(questions, result).thenCompose((asked) -> confirmUnread(result));
	}

	private CompletableFuture<ReadResult> ask(List<Question> questions, ReadResult result) {
		if (questions.isEmpty()) {
			return CompletableFuture.completedFuture(result);
		}
		List<QmpCommand> commands = questions.stream().flatMap((question) -> question.commands().stream()).toList();
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			int from = 0;
			for (Question question : questions) {
				int to = from + question.commands().size();
				question.onReplies(replies.subList(from, to), result);
				from = to;
			}
			return result;
		});
	}

	private boolean isAskable(Qom.Child child) {
		return child.isAddressable() && this.knowledge.hasType(child.type());
	}

	// What did not answer has gone since it was listed, or cannot be read. What is still
	// listed may run on any IOThread, unless its type never does.
	private CompletableFuture<ReadResult> confirmUnread(ReadResult result) {
		if (result.unread().isEmpty()) {
			return CompletableFuture.completedFuture(result);
		}
		List<String> unknownTypes = result.unread()
			.stream()
			.filter((child) -> !child.parent().equals(Qom.OBJECTS) && !this.knowledge.hasType(child.type()))
			.map(Qom.Child::type)
			.distinct()
			.toList();
		List<String> places = List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON, Qom.OBJECTS);
		List<QmpCommand> commands = new ArrayList<>(places.stream().map(Qom::list).toList());
		unknownTypes.forEach((type) -> commands.add(Command.DEVICE_LIST_PROPERTIES.with(Map.of("typename", type))));
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			Set<Qom.Child> listed = new HashSet<>();
			for (int i = 0; i < places.size(); i++) {
				listed.addAll(Qom.children(places.get(i), replies.get(i).orThrow()));
			}
			for (int i = 0; i < unknownTypes.size(); i++) {
				JsonNode properties = replies.get(places.size() + i).orElseNull();
				if (properties != null) {
					this.knowledge.addTraits(unknownTypes.get(i), Qom.Traits.of(properties));
				}
			}
			result.unread()
				.stream()
				.filter((child) -> listed.contains(child) && (!this.knowledge.hasType(child.type())
						|| this.knowledge.traits(child.type()).canRunOnIOThread()))
				.forEach((child) -> result.devices().put(child.path(), KnownDevice.unreadable(child)));
			return result;
		});
	}

	private static Map<String, Long> threadIds(JsonNode iothreads) {
		Map<String, Long> threadIds = new HashMap<>();
		for (JsonNode iothread : Qom.elements("its IOThreads", iothreads)) {
			String id = iothread.path("id").asString("");
			if (!iothread.path("id").isString() || id.isEmpty() || !iothread.path("thread-id").isIntegralNumber()) {
				throw new InvalidReplyException("one of its IOThreads has no id or no thread-id. Is that a QEMU?");
			}
			threadIds.put(Qom.checked(id), iothread.path("thread-id").asLong());
		}
		InvalidReplyException.requireAtMost(MOST_IOTHREADS, "IOThreads", threadIds.size());
		return threadIds;
	}

}
