package dev.iothreads.qemu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpMonitor;
import tools.jackson.databind.JsonNode;

/**
 * The commands that each reading begins with. Devices are listed first and IOThreads
 * last, so that each IOThread that a listed device was made with is listed too, unless it
 * was deleted since.
 * <p>
 * QEMU 10.1 lists everything in one command. Before that three lists take three commands
 * and the IOThreads a fourth; objects other than devices that run on an IOThread are
 * rare, so every {@link #SPARE_TURN} their list takes the place of the devices without an
 * id.
 */
final class ReadingPlan {

	static final Duration SPARE_TURN = Duration.ofSeconds(10);

	private final QmpMonitor monitor;

	private final boolean listsAtOnce;

	private final Knowledge knowledge;

	private final Duration spareTurn;

	private volatile Listed listed = Listed.NOTHING;

	ReadingPlan(QmpMonitor monitor, boolean listsAtOnce, Knowledge knowledge, Duration spareTurn) {
		this.monitor = monitor;
		this.listsAtOnce = listsAtOnce;
		this.knowledge = knowledge;
		this.spareTurn = spareTurn;
	}

	/**
	 * Lists what is there.
	 * @param thoroughly whether to list everything
	 * @return the lists; it fails with what the monitor failed with
	 */
	CompletableFuture<Lists> list(boolean thoroughly) {
		return this.listsAtOnce ? listAtOnce(List.copyOf(this.knowledge.settings().keySet())) : listInTurn(thoroughly);
	}

	// The IOThreads' objects are read with the lists, for the settings that
	// query-iothreads leaves out. The command fails as a whole where one of them was
	// removed since.
	private CompletableFuture<Lists> listAtOnce(List<ThreadKey> iothreads) {
		List<String> paths = new ArrayList<>(List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON, Qom.OBJECTS));
		int places = paths.size();
		iothreads.forEach((iothread) -> paths.add(iothread.path()));
		long asked = System.nanoTime();
		return Reply.toAll(this.monitor, List.of(Qom.listGet(paths), Command.QUERY_IOTHREADS.plain()))
			.thenCompose((replies) -> {
				if (!iothreads.isEmpty() && replies.get(0).failure() instanceof QmpCommandException) {
					return listAtOnce(List.of());
				}
				JsonNode objects = replies.get(0).orThrow();
				List<List<Qom.Child>> children = new ArrayList<>();
				for (int i = 0; i < places; i++) {
					children.add(Qom.children(paths.get(i), objects.path(i).path("properties")));
				}
				for (int i = 0; i < iothreads.size(); i++) {
					keepSettings(iothreads.get(i), objects.path(places + i).path("properties"), asked);
				}
				return CompletableFuture.completedFuture(
						new Lists(children.get(0), children.get(1), children.get(2), replies.get(1).orThrow()));
			});
	}

	private void keepSettings(ThreadKey iothread, JsonNode properties, long asked) {
		for (JsonNode property : Qom.elements("the properties of an IOThread", properties)) {
			JsonNode value = property.path("value");
			IOThreadProperty.named(property.path("name").asString(""))
				.filter((named) -> named.isOnlyOnTheObject() && value.isIntegralNumber())
				.ifPresent((named) -> this.knowledge.setSetting(new Knowledge.Setting(iothread, named), value.asLong(),
						asked));
		}
	}

	private CompletableFuture<Lists> listInTurn(boolean thoroughly) {
		Listed before = this.listed;
		boolean first = thoroughly || before == Listed.NOTHING;
		boolean spare = first || before.isOlderThan(this.spareTurn);
		// No event says that another client has tuned a thread pool. One bound of one is
		// asked again whenever a reading has a command to spare.
		Knowledge.Setting recheck = (!first && spare && before.objectsWereLast())
				? this.knowledge.oldestSetting().orElse(null) : null;
		boolean objectsTurn = spare && recheck == null;
		// Where readings are rare, each has a turn to spare.
		boolean anonTurn = first || !spare || System.nanoTime() - before.anonAt() > this.spareTurn.toNanos();
		List<QmpCommand> commands = new ArrayList<>(List.of(Qom.list(Qom.PERIPHERAL)));
		if (anonTurn) {
			commands.add(Qom.list(Qom.PERIPHERAL_ANON));
		}
		if (objectsTurn) {
			commands.add(Qom.list(Qom.OBJECTS));
		}
		if (recheck != null) {
			commands.add(Qom.get(recheck.iothread().path(), recheck.property().qemuName()));
		}
		commands.add(Command.QUERY_IOTHREADS.plain());
		long asked = System.nanoTime();
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			int next = 1;
			List<Qom.Child> anon = anonTurn ? Qom.children(Qom.PERIPHERAL_ANON, replies.get(next++).orThrow())
					: before.anon();
			List<Qom.Child> objects = objectsTurn ? Qom.children(Qom.OBJECTS, replies.get(next++).orThrow())
					: before.objects();
			if (recheck != null) {
				JsonNode value = replies.get(next++).orElseNull();
				if (value != null && value.isIntegralNumber()) {
					this.knowledge.setSetting(recheck, value.asLong(), asked);
				}
			}
			this.listed = new Listed(anon, anonTurn ? asked : before.anonAt(), objects,
					spare ? System.nanoTime() : before.spared(), spare ? objectsTurn : before.objectsWereLast());
			return new Lists(Qom.children(Qom.PERIPHERAL, replies.get(0).orThrow()), anon, objects,
					replies.get(next).orThrow());
		});
	}

	/**
	 * What is there.
	 */
	record Lists(List<Qom.Child> peripheral, List<Qom.Child> anon, List<Qom.Child> objects, JsonNode iothreads) {

		Stream<Qom.Child> devices() {
			return Stream.concat(this.peripheral.stream(), this.anon.stream());
		}

		List<Qom.Child> all() {
			return Stream.concat(devices(), this.objects.stream()).toList();
		}

	}

	/**
	 * The lists that take turns.
	 */
	private record Listed(List<Qom.Child> anon, long anonAt, List<Qom.Child> objects, long spared,
			boolean objectsWereLast) {

		static final Listed NOTHING = new Listed(List.of(), 0, List.of(), 0, false);

		boolean isOlderThan(Duration age) {
			return this == NOTHING || System.nanoTime() - this.spared > age.toNanos();
		}

	}

}
