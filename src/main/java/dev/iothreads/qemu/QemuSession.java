package dev.iothreads.qemu;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.HostThreads;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpGreeting;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One QEMU process over one connection, and what has been learnt of it. Nothing of it
 * outlives the connection: behind the next one there may be another QEMU.
 * <p>
 * Two things never change, so they are asked once: which properties a type has, and which
 * IOThreads a realized device runs on. What remains of a reading is the list of IOThreads
 * and the lists of devices.
 */
final class QemuSession {

	// Before QEMU 10.1 three lists take three commands and the IOThreads a fourth.
	// Objects other than devices that hold an IOThread are rare, so their list takes, now
	// and then, the turn of the devices without an id. So does what is asked again.
	private static final Duration SPARE_TURN = Duration.ofSeconds(10);

	private static final int MOST_FORGOTTEN = 1000;

	private static final int MOST_TYPES = 2000;

	private static final int MOST_IOTHREADS = 4096;

	/** No machine has more. */
	static final int MOST_DEVICES = 20_000;

	private final QmpClient client;

	private final QmpGreeting greeting;

	private final boolean listsAtOnce;

	private final @Nullable String managedBy;

	private final Map<String, Qom.Traits> traits = new ConcurrentHashMap<>();

	private final Map<String, KnownDevice> devices = new ConcurrentHashMap<>();

	private final Map<String, KnownObject> objects = new ConcurrentHashMap<>();

	private final Map<ThreadKey, IOThreadSettings> objectSettings = new ConcurrentHashMap<>();

	private final Unplugs unplugs = new Unplugs();

	private final HostThreads hostThreads;

	private final @Nullable BlockStatistics statistics;

	private volatile boolean statisticsWanted = true;

	private volatile Listed listed = Listed.NOTHING;

	private final AtomicLong readings = new AtomicLong();

	private long latestKept;

	private volatile boolean reportsHolders;

	private volatile Map<String, Long> threadIds = Map.of();

	private volatile long forgettings;

	// The forgetting that was one of everything.
	private long allForgotten;

	// The paths of what was forgotten, and which forgetting that was.
	private final Map<String, Long> forgotten = new HashMap<>();

	private final Set<String> drivesToAsk = ConcurrentHashMap.newKeySet();

	private int rechecked;

	private volatile long recheckedAt = System.nanoTime();

	private QemuSession(QmpClient client, QmpGreeting greeting, boolean listsAtOnce, @Nullable String managedBy,
			HostThreads hostThreads, @Nullable BlockStatistics statistics) {
		this.client = client;
		this.greeting = greeting;
		this.listsAtOnce = listsAtOnce;
		this.managedBy = managedBy;
		this.hostThreads = hostThreads;
		this.statistics = statistics;
	}

	/**
	 * Gets to know the QEMU behind a connection.
	 * @param client the connection, ready for commands
	 * @param address where that connection goes
	 * @param greeting how it greeted
	 * @param statisticsInterval how old what the block devices have done may be,
	 * {@code null} when it is not to be asked for
	 * @param hostThreads finds the threads of that QEMU on this host
	 * @return the session to come. It fails with {@link NotAMachineException} when there
	 * is something behind that must not, or cannot, be asked for IOThreads
	 */
	static CompletableFuture<QemuSession> begin(QmpClient client, MonitorAddress address, QmpGreeting greeting,
			@Nullable Duration statisticsInterval, HostThreads.Finder hostThreads) {
		List<CompletableFuture<JsonNode>> replies = client.executeAll(List.of(Command.QUERY_IOTHREADS.plain(),
				Qom.list(Qom.OBJECTS), Command.QUERY_CHARDEV.plain(), Qom.listGet(List.of(Qom.OBJECTS))));
		return settled(replies).thenApply((settled) -> {
			if (settled.get(0).failure() instanceof QmpCommandException refused
					&& "CommandNotFound".equals(refused.errorClass())) {
				throw new NotAMachineException("a qemu-storage-daemon, or something like it, answers there: "
						+ "it has no query-iothreads. Name the monitor of a qemu-system instead.");
			}
			settled.get(0).orThrow();
			if (Libvirt.owns(address, settled.get(2).value())) {
				throw new NotAMachineException("that is the monitor libvirt keeps for itself, and whoever holds it "
						+ "locks libvirt out. Give the machine a -qmp of its own, by <qemu:commandline> in its XML.");
			}
			boolean listsAtOnce = settled.get(3).failure() == null;
			return new QemuSession(client, greeting, listsAtOnce,
					Libvirt.manages(settled.get(1).value(), settled.get(2).value()) ? Libvirt.NAME : null,
					hostThreads.of((address instanceof UnixAddress unix) ? unix.path() : null),
					(statisticsInterval != null) ? new BlockStatistics(client, statisticsInterval) : null);
		});
	}

	String version() {
		return this.greeting.version();
	}

	QmpClient client() {
		return this.client;
	}

	/**
	 * Forgets what was read of an IOThread's object, because it has been changed.
	 * @param id the IOThread's id
	 */
	void forget(String id) {
		forgetAt(Qom.OBJECTS + "/" + id);
	}

	// A reading that is under way may have learnt it already, and must not keep it.
	private synchronized void forgetAt(String path) {
		if (path.length() > Qom.LONGEST_PATH) {
			return;
		}
		this.forgettings++;
		if (this.forgotten.size() >= MOST_FORGOTTEN) {
			// Too many to tell apart. Readings prune this, so it grows only without them.
			this.allForgotten = this.forgettings;
			this.forgotten.clear();
			this.devices.clear();
			this.objectSettings.clear();
		}
		this.forgotten.put(path, this.forgettings);
		this.devices.remove(path);
		this.objectSettings.keySet().removeIf((iothread) -> iothread.path().equals(path));
	}

	/**
	 * Tells whether this QEMU itself reports everything that is on an IOThread.
	 * @return {@code true} when it has reported {@code holders}
	 */
	boolean reportsHolders() {
		return this.reportsHolders;
	}

	/**
	 * Tells why a device must not be unplugged now.
	 * @param path the device's path
	 * @return the reason, {@code null} when it may be
	 */
	@Nullable String unplugHazard(String path) {
		KnownDevice known = this.devices.get(path);
		List<String> mistaken = (known != null) ? known.mistaken(this.threadIds) : List.of();
		return mistaken.isEmpty() ? null : mistakenFor(mistaken);
	}

	private static String mistakenFor(List<String> iothreads) {
		return "It runs on IOThread %s, which was deleted underneath it, and its id was given to another one since: QEMU aborts when the device is unplugged now. Remove that IOThread first, then unplug the device."
			.formatted(String.join(", ", iothreads));
	}

	/**
	 * Finds a device whose mapping names an IOThread that is not there.
	 * @param iothread the id of the IOThread
	 * @return the device's id, {@code null} when there is none
	 */
	@Nullable String mappedOn(String iothread) {
		return this.devices.entrySet()
			.stream()
			.filter((device) -> device.getValue().mapped()
					&& device.getValue().links().stream().anyMatch((link) -> link.id().equals(iothread)))
			.map((device) -> Qom.name(device.getKey()))
			.findFirst()
			.orElse(null);
	}

	Unplugs unplugs() {
		return this.unplugs;
	}

	/**
	 * Ends what still waits for this QEMU.
	 * @param reason why the session is over
	 */
	void end(RuntimeException reason) {
		this.unplugs.end(reason);
	}

	/**
	 * Takes notice of an event.
	 * @param event what QEMU tells
	 * @return whether a reading may give something else now
	 */
	boolean notice(QmpEvent event) {
		switch (event.name()) {
			case "DEVICE_DELETED" -> {
				String path = event.data().path("path").asString("");
				forgetAt(Qom.device(path));
				if (this.statistics != null) {
					this.statistics.forget(path);
				}
				// The backend goes before its device does, with an event of its own.
				this.unplugs.gone(path);
				return true;
			}
			case "DEVICE_UNPLUG_GUEST_ERROR" -> {
				String path = event.data().path("path").asString("");
				this.unplugs.refused(path, this.devices.containsKey(path));
				return true;
			}
			// A finished job may have put another node beneath a device.
			case "JOB_STATUS_CHANGE" -> {
				if ("concluded".equals(event.data().path("status").asString(""))) {
					this.drivesToAsk.addAll(this.devices.keySet());
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
	 * @return the snapshot to come; it fails with what the monitor failed with
	 */
	CompletableFuture<Snapshot> read() {
		return read(false);
	}

	/**
	 * Reads the machine, and nothing of it from memory that no event keeps right.
	 * @return the snapshot to come; it fails with what the monitor failed with
	 */
	CompletableFuture<Snapshot> readThoroughly() {
		return read(true);
	}

	private CompletableFuture<Snapshot> read(boolean thoroughly) {
		Instant begun = Instant.now();
		Turn turn = new Turn(this.readings.incrementAndGet(), System.nanoTime(), this.forgettings);
		// Three commands at most since QEMU 10.1: what is asked again takes, now and
		// then, the turn of what is counted.
		boolean rechecks = this.listsAtOnce && System.nanoTime() - this.recheckedAt > SPARE_TURN.toNanos();
		BlockStatistics due = (this.statistics != null && this.statisticsWanted && !rechecks
				&& this.statistics.areDue()) ? this.statistics : null;
		CompletableFuture<?> counted = (due != null) ? due.read() : CompletableFuture.completedFuture(null);
		return list(thoroughly, due == null)
			.thenCompose((lists) -> learnTypes(lists).thenCompose((typesKnown) -> learn(lists, thoroughly))
				.thenApply((learnt) -> {
					Snapshot snapshot = learnt.snapshot(begun, version(), this.managedBy);
					keep(learnt, turn);
					return snapshot;
				}))
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
		// Whoever has no device there is not asked again until it has one.
		this.statisticsWanted = !devices.isEmpty();
		HostThreads.Visible seen = this.hostThreads.look(snapshot.iothreads());
		return snapshot.with(new Activity(seen.threads(), seen.hiddenBecause(), onIOThreads, counted.observedAt()));
	}

	// Devices first, IOThreads after: so each IOThread that a listed device was made with
	// is in the list, unless it has gone since.
	private CompletableFuture<Lists> list(boolean thoroughly, boolean oneToSpare) {
		QmpCommand iothreads = Command.QUERY_IOTHREADS.plain();
		if (this.listsAtOnce) {
			List<String> paths = List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON, Qom.OBJECTS);
			Recheck recheck = oneToSpare ? nextRecheck() : null;
			List<QmpCommand> commands = new ArrayList<>(List.of(Qom.listGet(paths), iothreads));
			if (recheck != null) {
				commands.add(recheck.command());
			}
			return settled(this.client.executeAll(commands)).thenApply((replies) -> {
				List<List<Qom.Child>> children = new ArrayList<>();
				for (int i = 0; i < paths.size(); i++) {
					children.add(Qom.children(paths.get(i), replies.get(0).orThrow().path(i).path("properties")));
				}
				answer(recheck, replies.get(replies.size() - 1));
				return new Lists(children.get(0), children.get(1), children.get(2), replies.get(1).orThrow());
			});
		}
		Listed before = this.listed;
		boolean first = thoroughly || before == Listed.NOTHING;
		boolean spare = first || before.isOlderThan(SPARE_TURN);
		Recheck recheck = (!first && spare && before.objectsWereLast()) ? nextRecheck() : null;
		boolean objectsTurn = spare && recheck == null;
		boolean anonTurn = first || !spare;
		List<QmpCommand> commands = new ArrayList<>(List.of(iothreads, Qom.list(Qom.PERIPHERAL)));
		if (anonTurn) {
			commands.add(Qom.list(Qom.PERIPHERAL_ANON));
		}
		if (objectsTurn) {
			commands.add(Qom.list(Qom.OBJECTS));
		}
		if (recheck != null) {
			commands.add(recheck.command());
		}
		// QEMU answers in order: what is asked last is seen last.
		commands.add(commands.remove(0));
		return settled(this.client.executeAll(commands)).thenApply((replies) -> {
			int next = 1;
			List<Qom.Child> anon = anonTurn ? Qom.children(Qom.PERIPHERAL_ANON, replies.get(next++).orThrow())
					: before.anon();
			List<Qom.Child> others = objectsTurn ? Qom.children(Qom.OBJECTS, replies.get(next++).orThrow())
					: before.objects();
			if (recheck != null) {
				answer(recheck, replies.get(next++));
			}
			this.listed = new Listed(anon, others, spare ? System.nanoTime() : before.spared(),
					spare ? objectsTurn : before.objectsWereLast());
			return new Lists(Qom.children(Qom.PERIPHERAL, replies.get(0).orThrow()), anon, others,
					replies.get(next).orThrow());
		});
	}

	private void answer(@Nullable Recheck recheck, Reply reply) {
		JsonNode value = reply.orElseNull();
		if (recheck != null && value != null) {
			recheck.answered(this, value);
		}
	}

	// No event tells that others have tuned a thread pool or put another node beneath a
	// device. One of these is asked again whenever a reading has a command to spare.
	private @Nullable Recheck nextRecheck() {
		List<Recheck> rechecks = new ArrayList<>();
		this.objectSettings.forEach((iothread, settings) -> settings.values()
			.keySet()
			.forEach((property) -> rechecks.add(new SettingRecheck(iothread, property))));
		this.devices.forEach((path, device) -> {
			if (device.drive() != null) {
				rechecks.add(new DriveRecheck(path));
			}
		});
		this.recheckedAt = System.nanoTime();
		return rechecks.isEmpty() ? null : rechecks.get(Math.floorMod(this.rechecked++, rechecks.size()));
	}

	// An object that is there is listed, not its type: device-list-properties and
	// qom-list-properties make one of the type and drop it, and a QEMU before 10.1 aborts
	// when a colo-compare is dropped so.
	private CompletableFuture<?> learnTypes(Lists lists) {
		List<Qom.Child> listed = Stream.concat(lists.devices(), lists.objects().stream()).toList();
		NonsenseException.requireAtMost(MOST_DEVICES, "devices and objects", listed.size());
		long types = listed.stream().map(Qom.Child::type).distinct().count();
		NonsenseException.requireAtMost(MOST_TYPES, "types of objects", types);
		return learnTypes(listed);
	}

	private CompletableFuture<?> learnTypes(List<Qom.Child> listed) {
		Map<String, Qom.Child> unknown = new LinkedHashMap<>();
		listed.stream()
			.filter((child) -> !this.traits.containsKey(child.type()))
			.forEach((child) -> unknown.putIfAbsent(child.type(), child));
		if (unknown.isEmpty()) {
			return CompletableFuture.completedFuture(null);
		}
		if (this.traits.size() + unknown.size() > MOST_TYPES) {
			this.traits.clear();
		}
		List<Qom.Child> asked = List.copyOf(unknown.values());
		List<QmpCommand> commands = asked.stream().map((child) -> Qom.list(child.path())).toList();
		return settled(this.client.executeAll(commands)).thenCompose((replies) -> {
			List<Qom.Child> left = new ArrayList<>(listed);
			for (int i = 0; i < asked.size(); i++) {
				JsonNode properties = replies.get(i).orElseNull();
				if (properties != null) {
					this.traits.put(asked.get(i).type(), Qom.Traits.of(properties));
				}
			}
			// One that has gone since it was listed tells nothing; another of its type
			// may.
			left.removeAll(asked);
			return learnTypes(left);
		});
	}

	private CompletableFuture<Learnt> learn(Lists lists, boolean thoroughly) {
		Map<String, Long> threadIds = new HashMap<>();
		for (JsonNode iothread : Qom.elements("its IOThreads", lists.iothreads())) {
			String id = iothread.path("id").asString("");
			if (!iothread.path("id").isString() || id.isEmpty() || !iothread.path("thread-id").isIntegralNumber()) {
				throw new NonsenseException("one of its IOThreads has no id or no thread-id. Is that a QEMU?");
			}
			threadIds.put(Qom.checked(id), iothread.path("thread-id").asLong());
		}
		NonsenseException.requireAtMost(MOST_IOTHREADS, "IOThreads", threadIds.size());
		this.reportsHolders = lists.iothreads().path(0).has("holders");
		this.threadIds = threadIds;
		Learnt learnt = new Learnt(lists, threadIds, this.unplugs);
		List<Question> questions = new ArrayList<>();
		lists.devices().forEach((child) -> {
			Qom.Traits traits = this.traits.getOrDefault(child.type(), Qom.Traits.NONE);
			KnownDevice known = this.devices.get(child.path());
			if (known != null && known.type().equals(child.type())) {
				learnt.devices.put(child.path(), known);
				if (this.drivesToAsk.remove(child.path()) && traits.drive()) {
					questions.add(new DriveQuestion(child.path(), known));
				}
			}
			else if (traits.canRunOnIOThread()) {
				questions.add(new DeviceQuestion(child, traits));
			}
		});
		lists.objects().forEach((child) -> {
			Qom.Traits traits = this.traits.getOrDefault(child.type(), Qom.Traits.NONE);
			// Of an object that has gone and come again no event tells.
			KnownObject known = thoroughly ? null : this.objects.get(child.path());
			if (known != null && known.type().equals(child.type())) {
				learnt.objects.put(child.path(), known);
			}
			else if (traits.iothread()) {
				questions.add(new ObjectQuestion(child));
			}
		});
		threadIds.forEach((id, threadId) -> {
			ThreadKey key = new ThreadKey(id, threadId);
			IOThreadSettings known = this.objectSettings.get(key);
			if (known != null) {
				learnt.settings.put(key, known);
			}
			else {
				questions.add(new SettingsQuestion(key));
			}
		});
		return ask(questions, learnt);
	}

	private CompletableFuture<Learnt> ask(List<Question> questions, Learnt learnt) {
		if (questions.isEmpty()) {
			return CompletableFuture.completedFuture(learnt);
		}
		List<QmpCommand> commands = questions.stream().flatMap((question) -> question.commands().stream()).toList();
		return settled(this.client.executeAll(commands)).thenApply((replies) -> {
			int from = 0;
			for (Question question : questions) {
				int to = from + question.commands().size();
				question.answered(replies.subList(from, to), learnt);
				from = to;
			}
			return learnt;
		});
	}

	// What went, or was changed, while it was read may be something else by now, and what
	// a later reading has learnt is newer.
	private synchronized void keep(Learnt learnt, Turn turn) {
		if (turn.number() < this.latestKept) {
			return;
		}
		this.latestKept = turn.number();
		if (turn.forgettings() < this.allForgotten) {
			return;
		}
		this.forgotten.values().removeIf((when) -> when <= turn.forgettings());
		learnt.devices.keySet().removeAll(this.forgotten.keySet());
		learnt.settings.keySet().removeIf((iothread) -> this.forgotten.containsKey(iothread.path()));
		keep(this.devices, learnt.devices);
		keep(this.objects, learnt.objects);
		keep(this.objectSettings, learnt.settings);
		this.drivesToAsk.retainAll(this.devices.keySet());
		this.unplugs.keep(learnt.lists.devices().map(Qom.Child::path).collect(Collectors.toSet()), turn.begun());
	}

	private static <K, V> void keep(Map<K, V> known, Map<K, V> learnt) {
		known.keySet().retainAll(learnt.keySet());
		known.putAll(learnt);
	}

	private static CompletableFuture<List<Reply>> settled(List<CompletableFuture<JsonNode>> replies) {
		List<CompletableFuture<Reply>> settled = replies.stream()
			.map((reply) -> reply.handle((value, failure) -> new Reply(value, unwrapped(failure))))
			.toList();
		return CompletableFuture.allOf(settled.toArray(CompletableFuture<?>[]::new))
			.thenApply((done) -> settled.stream().map(CompletableFuture::join).toList());
	}

	private static @Nullable Throwable unwrapped(@Nullable Throwable failure) {
		return (failure instanceof CompletionException && failure.getCause() != null) ? failure.getCause() : failure;
	}

	/**
	 * What came of a command.
	 */
	private record Reply(@Nullable JsonNode value, @Nullable Throwable failure) {

		JsonNode orThrow() {
			if (this.failure != null) {
				throw (this.failure instanceof RuntimeException runtime) ? runtime
						: new CompletionException(this.failure);
			}
			return Objects.requireNonNull(this.value);
		}

		/**
		 * Returns the value, or {@code null} where QEMU refused: what was asked for is
		 * not there, or not any more.
		 */
		@Nullable JsonNode orElseNull() {
			return (this.failure instanceof QmpCommandException) ? null : orThrow();
		}

	}

	/**
	 * A reading's place among the others.
	 *
	 * @param number counts the readings
	 * @param begun when it began, by {@link System#nanoTime()}
	 * @param forgettings how often something had been forgotten by then
	 */
	private record Turn(long number, long begun, long forgettings) {

	}

	/**
	 * The lists that a reading begins with.
	 */
	private record Lists(List<Qom.Child> peripheral, List<Qom.Child> anon, List<Qom.Child> objects,
			JsonNode iothreads) {

		Stream<Qom.Child> devices() {
			return Stream.concat(this.peripheral.stream(), this.anon.stream());
		}

	}

	/**
	 * The lists that take turns.
	 */
	private record Listed(List<Qom.Child> anon, List<Qom.Child> objects, long spared, boolean objectsWereLast) {

		static final Listed NOTHING = new Listed(List.of(), List.of(), 0, false);

		boolean isOlderThan(Duration age) {
			return this == NOTHING || System.nanoTime() - this.spared > age.toNanos();
		}

	}

	/**
	 * An IOThread, and not another one that was given its id later.
	 */
	private record ThreadKey(String id, long threadId) {

		// The id of no thread: what runs on it was there before the IOThread of that
		// name.
		static final long GONE = -1;

		String path() {
			return Qom.OBJECTS + "/" + this.id;
		}

		boolean isAlive(Map<String, Long> threadIds) {
			return Long.valueOf(this.threadId).equals(threadIds.get(this.id));
		}

	}

	/**
	 * What was learnt of a device.
	 *
	 * @param mapped whether its links are those of a mapping, which names IOThreads and
	 * does not hold them
	 */
	private record KnownDevice(String type, String worker, List<ThreadKey> links, boolean mapped,
			@Nullable String drive) {

		KnownDevice serving(String node) {
			return new KnownDevice(this.type, this.worker, this.links, this.mapped, node.isEmpty() ? null : node);
		}

		/**
		 * Returns the ids of IOThreads that have gone from under it and were given to
		 * others since. QEMU 10.0 to 11.1 abort when it is unplugged then: they find the
		 * IOThread by its name and drop a reference that they never took.
		 */
		List<String> mistaken(Map<String, Long> threadIds) {
			return this.links.stream()
				.filter((link) -> this.mapped && threadIds.containsKey(link.id()) && !link.isAlive(threadIds))
				.map(ThreadKey::id)
				.toList();
		}

	}

	private record KnownObject(String type, @Nullable ThreadKey link) {

	}

	/**
	 * Something to ask, once.
	 */
	private interface Question {

		List<QmpCommand> commands();

		void answered(List<Reply> replies, Learnt learnt);

	}

	private record DeviceQuestion(Qom.Child device, Qom.Traits traits) implements Question {

		@Override
		public List<QmpCommand> commands() {
			List<QmpCommand> commands = new ArrayList<>();
			if (this.traits.iothread()) {
				commands.add(Qom.get(this.device.path(), "iothread"));
			}
			if (this.traits.mapping()) {
				commands.add(Qom.get(this.device.path(), "iothread-vq-mapping"));
			}
			if (this.traits.drive()) {
				commands.add(Qom.get(this.device.path(), "drive"));
			}
			return commands;
		}

		@Override
		public void answered(List<Reply> replies, Learnt learnt) {
			List<@Nullable JsonNode> values = new ArrayList<>();
			for (Reply reply : replies) {
				values.add(reply.orElseNull());
			}
			if (values.contains(null)) {
				return; // it has gone since it was listed
			}
			int next = 0;
			Set<String> iothreads = new LinkedHashSet<>();
			boolean mapped = false;
			if (this.traits.iothread()) {
				String link = text("the IOThread of a device", values.get(next++));
				if (!link.isEmpty()) {
					iothreads.add(Qom.name(link));
				}
			}
			if (this.traits.mapping()) {
				JsonNode mapping = Objects.requireNonNull(values.get(next++));
				Qom.elements("the IOThreads of a device", mapping)
					.forEach((queues) -> iothreads.add(text("the IOThread of virtqueues", queues.path("iothread"))));
				mapped = !mapping.isEmpty();
			}
			String drive = this.traits.drive() ? text("the drive of a device", values.get(next)) : "";
			learnt.devices.put(this.device.path(),
					new KnownDevice(this.device.type(), Qom.worker(this.device.path(), this.traits.proxy()),
							iothreads.stream().map(learnt::key).toList(), mapped, drive.isEmpty() ? null : drive));
		}

	}

	private record DriveQuestion(String path, KnownDevice known) implements Question {

		@Override
		public List<QmpCommand> commands() {
			return List.of(Qom.get(this.path, "drive"));
		}

		@Override
		public void answered(List<Reply> replies, Learnt learnt) {
			JsonNode drive = replies.get(0).orElseNull();
			if (drive != null) {
				learnt.devices.put(this.path, this.known.serving(text("the drive of a device", drive)));
			}
		}

	}

	/**
	 * Something to ask again.
	 */
	private interface Recheck {

		QmpCommand command();

		void answered(QemuSession session, JsonNode value);

	}

	private record SettingRecheck(ThreadKey iothread, IOThreadProperty property) implements Recheck {

		@Override
		public QmpCommand command() {
			return Qom.get(this.iothread.path(), this.property.qemuName());
		}

		@Override
		public void answered(QemuSession session, JsonNode value) {
			if (value.isIntegralNumber()) {
				session.objectSettings.computeIfPresent(this.iothread,
						(key, settings) -> settings.with(new IOThreadSettings(Map.of(this.property, value.asLong()))));
			}
		}

	}

	private record DriveRecheck(String path) implements Recheck {

		@Override
		public QmpCommand command() {
			return Qom.get(this.path, "drive");
		}

		@Override
		public void answered(QemuSession session, JsonNode value) {
			String drive = text("the drive of a device", value);
			session.devices.computeIfPresent(this.path, (path, known) -> known.serving(drive));
		}

	}

	private record ObjectQuestion(Qom.Child object) implements Question {

		@Override
		public List<QmpCommand> commands() {
			return List.of(Qom.get(this.object.path(), "iothread"));
		}

		@Override
		public void answered(List<Reply> replies, Learnt learnt) {
			JsonNode link = replies.get(0).orElseNull();
			if (link != null) {
				String path = text("the IOThread of an object", link);
				learnt.objects.put(this.object.path(),
						new KnownObject(this.object.type(), path.isEmpty() ? null : learnt.key(Qom.name(path))));
			}
		}

	}

	private record SettingsQuestion(ThreadKey iothread) implements Question {

		private static final List<IOThreadProperty> PROPERTIES = Stream.of(IOThreadProperty.values())
			.filter(IOThreadProperty::isOnlyOnTheObject)
			.toList();

		@Override
		public List<QmpCommand> commands() {
			return PROPERTIES.stream().map((property) -> Qom.get(this.iothread.path(), property.qemuName())).toList();
		}

		@Override
		public void answered(List<Reply> replies, Learnt learnt) {
			Map<IOThreadProperty, Long> values = new EnumMap<>(IOThreadProperty.class);
			for (int i = 0; i < replies.size(); i++) {
				JsonNode value = replies.get(i).orElseNull();
				if (value != null && value.isIntegralNumber()) {
					values.put(PROPERTIES.get(i), value.asLong());
				}
			}
			learnt.settings.put(this.iothread, new IOThreadSettings(values));
		}

	}

	private static String text(String what, @Nullable JsonNode node) {
		return Qom.text(what, Objects.requireNonNull(node));
	}

	/**
	 * All that one reading has to go by.
	 */
	private static final class Learnt {

		private final Lists lists;

		private final Map<String, Long> threadIds;

		private final Unplugs unplugs;

		private final Map<String, KnownDevice> devices = new LinkedHashMap<>();

		private final Map<String, KnownObject> objects = new LinkedHashMap<>();

		private final Map<ThreadKey, IOThreadSettings> settings = new HashMap<>();

		Learnt(Lists lists, Map<String, Long> threadIds, Unplugs unplugs) {
			this.lists = lists;
			this.threadIds = threadIds;
			this.unplugs = unplugs;
		}

		ThreadKey key(String iothread) {
			return new ThreadKey(iothread, this.threadIds.getOrDefault(iothread, ThreadKey.GONE));
		}

		Snapshot snapshot(Instant begun, String version, @Nullable String managedBy) {
			Map<String, Qom.Child> children = this.lists.devices()
				.collect(Collectors.toMap(Qom.Child::path, (child) -> child, (one, other) -> one));
			List<Device> read = new ArrayList<>();
			this.devices.forEach((path, known) -> read.add(device(path, known)));
			Holders holders = new Holders(children, this::worker);
			List<IOThread> iothreads = new ArrayList<>();
			for (JsonNode iothread : this.lists.iothreads()) {
				ThreadKey key = key(iothread.path("id").asString(""));
				List<Attachment> attached = new ArrayList<>(holders.of(iothread));
				attached.addAll(objectsOn(key));
				iothreads.add(new IOThread(key.id(), key.threadId(), settings(key, iothread), attached));
			}
			return Snapshot.join(begun, version, managedBy, iothreads, read);
		}

		private @Nullable String worker(String devicePath) {
			KnownDevice known = this.devices.get(devicePath);
			return (known != null) ? known.worker() : null;
		}

		private Device device(String path, KnownDevice known) {
			List<String> alive = new ArrayList<>();
			List<String> gone = new ArrayList<>();
			for (ThreadKey link : known.links()) {
				(link.isAlive(this.threadIds) ? alive : gone).add(link.id());
			}
			DeviceState state = DeviceState.ATTACHED;
			String reason = this.unplugs.refusal(path);
			if (this.unplugs.isUnderWay(path)) {
				state = DeviceState.DETACHING;
				reason = "Its unplug has been asked for, and the guest has yet to let go.";
			}
			else if (!gone.isEmpty()) {
				state = DeviceState.ORPHANED;
				List<String> mistaken = known.mistaken(this.threadIds);
				reason = mistaken.isEmpty()
						? "It still runs on IOThread %s, which was deleted underneath it. Unplug it and plug it again to put it on an IOThread that can be seen."
							.formatted(String.join(", ", gone))
						: mistakenFor(mistaken);
			}
			return new Device(Qom.name(path), known.type(), known.worker(), alive, state, reason, known.drive());
		}

		private Collection<Attachment> objectsOn(ThreadKey iothread) {
			List<Attachment> attached = new ArrayList<>();
			this.objects.forEach((path, known) -> {
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
			return new IOThreadSettings(values).with(this.settings.getOrDefault(key, IOThreadSettings.NONE));
		}

	}

}
