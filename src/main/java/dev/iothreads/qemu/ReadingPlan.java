package dev.iothreads.qemu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;
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

	private static final Duration SPARE_TURN = Duration.ofSeconds(10);

	private final QmpMonitor monitor;

	private final boolean listsAtOnce;

	private final Knowledge knowledge;

	private volatile Listed listed = Listed.NOTHING;

	private int rechecked;

	private volatile long recheckedAt = System.nanoTime();

	ReadingPlan(QmpMonitor monitor, boolean listsAtOnce, Knowledge knowledge) {
		this.monitor = monitor;
		this.listsAtOnce = listsAtOnce;
		this.knowledge = knowledge;
	}

	/**
	 * Returns whether the next reading is to ask something again instead of counting:
	 * that keeps it at three commands.
	 */
	boolean isRecheckDue() {
		return this.listsAtOnce && System.nanoTime() - this.recheckedAt > SPARE_TURN.toNanos();
	}

	/**
	 * Lists what is there.
	 * @param thoroughly whether to list everything
	 * @param oneToSpare whether the reading may have one more command
	 * @return the lists; it fails with what the monitor failed with
	 */
	CompletableFuture<Lists> list(boolean thoroughly, boolean oneToSpare) {
		return this.listsAtOnce ? listAtOnce(oneToSpare) : listInTurn(thoroughly);
	}

	private CompletableFuture<Lists> listAtOnce(boolean oneToSpare) {
		List<String> paths = List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON, Qom.OBJECTS);
		Recheck recheck = oneToSpare ? nextRecheck() : null;
		List<QmpCommand> commands = new ArrayList<>(List.of(Qom.listGet(paths), Command.QUERY_IOTHREADS.plain()));
		if (recheck != null) {
			commands.add(recheck.command());
		}
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			List<List<Qom.Child>> children = new ArrayList<>();
			for (int i = 0; i < paths.size(); i++) {
				children.add(Qom.children(paths.get(i), replies.get(0).orThrow().path(i).path("properties")));
			}
			onReply(recheck, replies.get(replies.size() - 1));
			return new Lists(children.get(0), children.get(1), children.get(2), replies.get(1).orThrow());
		});
	}

	private CompletableFuture<Lists> listInTurn(boolean thoroughly) {
		Listed before = this.listed;
		boolean first = thoroughly || before == Listed.NOTHING;
		boolean spare = first || before.isOlderThan(SPARE_TURN);
		Recheck recheck = (!first && spare && before.objectsWereLast()) ? nextRecheck() : null;
		boolean objectsTurn = spare && recheck == null;
		boolean anonTurn = first || !spare;
		List<QmpCommand> commands = new ArrayList<>(List.of(Qom.list(Qom.PERIPHERAL)));
		if (anonTurn) {
			commands.add(Qom.list(Qom.PERIPHERAL_ANON));
		}
		if (objectsTurn) {
			commands.add(Qom.list(Qom.OBJECTS));
		}
		if (recheck != null) {
			commands.add(recheck.command());
		}
		commands.add(Command.QUERY_IOTHREADS.plain());
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			int next = 1;
			List<Qom.Child> anon = anonTurn ? Qom.children(Qom.PERIPHERAL_ANON, replies.get(next++).orThrow())
					: before.anon();
			List<Qom.Child> objects = objectsTurn ? Qom.children(Qom.OBJECTS, replies.get(next++).orThrow())
					: before.objects();
			if (recheck != null) {
				onReply(recheck, replies.get(next++));
			}
			this.listed = new Listed(anon, objects, spare ? System.nanoTime() : before.spared(),
					spare ? objectsTurn : before.objectsWereLast());
			return new Lists(Qom.children(Qom.PERIPHERAL, replies.get(0).orThrow()), anon, objects,
					replies.get(next).orThrow());
		});
	}

	private void onReply(@Nullable Recheck recheck, Reply reply) {
		JsonNode value = reply.orElseNull();
		if (recheck != null && value != null) {
			recheck.onReply(this.knowledge, value);
		}
	}

	// No event says that another client has tuned a thread pool or put another node
	// beneath a device. One of these is asked again whenever a reading has a command to
	// spare.
	private @Nullable Recheck nextRecheck() {
		List<Recheck> rechecks = new ArrayList<>();
		this.knowledge.settings()
			.forEach((iothread, settings) -> settings.values()
				.keySet()
				.forEach((property) -> rechecks.add(new SettingRecheck(iothread, property))));
		this.knowledge.devices().forEach((path, device) -> {
			if (device.drive() != null) {
				rechecks.add(new DriveRecheck(path));
			}
		});
		this.recheckedAt = System.nanoTime();
		return rechecks.isEmpty() ? null : rechecks.get(Math.floorMod(this.rechecked++, rechecks.size()));
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
	private record Listed(List<Qom.Child> anon, List<Qom.Child> objects, long spared, boolean objectsWereLast) {

		static final Listed NOTHING = new Listed(List.of(), List.of(), 0, false);

		boolean isOlderThan(Duration age) {
			return this == NOTHING || System.nanoTime() - this.spared > age.toNanos();
		}

	}

	/**
	 * Something to ask again.
	 */
	private interface Recheck {

		QmpCommand command();

		void onReply(Knowledge knowledge, JsonNode value);

	}

	private record SettingRecheck(ThreadKey iothread, IOThreadProperty property) implements Recheck {

		@Override
		public QmpCommand command() {
			return Qom.get(this.iothread.path(), this.property.qemuName());
		}

		@Override
		public void onReply(Knowledge knowledge, JsonNode value) {
			if (value.isIntegralNumber()) {
				knowledge.setSetting(this.iothread, this.property, value.asLong());
			}
		}

	}

	private record DriveRecheck(String path) implements Recheck {

		@Override
		public QmpCommand command() {
			return Qom.get(this.path, "drive");
		}

		@Override
		public void onReply(Knowledge knowledge, JsonNode value) {
			knowledge.setDrive(this.path, Qom.text("the drive of a device", value));
		}

	}

}
