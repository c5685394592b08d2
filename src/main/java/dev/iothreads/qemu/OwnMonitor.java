package dev.iothreads.qemu;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpConnectException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpGreeting;
import dev.iothreads.qmp.QmpMonitor;
import dev.iothreads.qmp.QmpOptions;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A monitor that a running QEMU makes for the service alone (QEMU 11.1 and newer): a
 * chardev that listens at a socket, and a monitor on it. QEMU deletes both, and the
 * socket's file, when the service's connection ends (measured, 11.1.3); see {@link #end}.
 * <p>
 * Both have one id, the name of the socket's file. Nothing of another id is touched.
 * Where a service finds one of its own name without a client, another service of that
 * name may be about to connect: it is replaced when it is the same at a later try.
 */
final class OwnMonitor {

	static final String SUFFIX = ".sock";

	// A service that has one made connects to it at once.
	private static final Duration SOON = Duration.ofSeconds(2);

	private static final String USED = "another service uses the one of this name, %s. Give one of the two another iothreads.own-monitor.directory.";

	private static final String UNUSED = "there is one of this name without a client, %s. It is replaced in a moment, unless another service connects to it.";

	private static final String NONE = "It has no monitor of the service's own: ";

	private final UnixAddress address;

	private final String id;

	private final QmpOptions options;

	private final Backoff backoff = new Backoff();

	// QEMU has made it, and it is connected to next.
	private volatile boolean made;

	// The monitor, where it is that of the service's own.
	private volatile @Nullable QmpMonitor present;

	// It was made, and has not greeted.
	private volatile boolean unconnected;

	// Why there is none, null where there may be one.
	private volatile @Nullable String refusal;

	private volatile @Nullable SocketIdentity refusedBy;

	// When to try again, by System.nanoTime(), though this QEMU has refused.
	private volatile @Nullable Long due;

	// Since when there is one without a client, by System.nanoTime().
	private volatile @Nullable Long unused;

	private boolean ended;

	private CompletableFuture<?> making = CompletableFuture.completedFuture(null);

	private int failures;

	/**
	 * Creates it.
	 * @param socket the file, whose name says which service and machine it is for
	 * @param options deadlines and the source of threads
	 */
	OwnMonitor(Path socket, QemuOptions options) {
		String name = socket.getFileName().toString();
		this.address = new UnixAddress(socket);
		this.id = name.substring(0, name.length() - SUFFIX.length());
		this.options = options.ofConnection().withGreetingTimeout(options.connectTimeout());
	}

	/**
	 * Connects to the one that QEMU has made.
	 * @return the monitor, {@code null} where there is none
	 */
	@Nullable QmpMonitor open(Consumer<QmpEvent> listener) {
		this.present = this.made ? QmpClient.open(this.address, this.options, listener) : null;
		this.made = false;
		return this.present;
	}

	/**
	 * Returns whether it is the present monitor.
	 */
	boolean isOpen() {
		return this.present != null;
	}

	/**
	 * Returns whether to try again over the same monitor.
	 */
	boolean isDue() {
		Long when = this.due;
		return when != null && !isOpen() && System.nanoTime() - when >= 0;
	}

	void onGreeted() {
		if (isOpen()) {
			this.unconnected = false;
			this.failures = 0;
			this.backoff.reset();
		}
	}

	/**
	 * Handles that the present monitor has ended.
	 * @param reason why
	 * @param pause how long to wait before the next one
	 * @return how long to wait then: not at all where there is one to connect to
	 */
	Duration onEnded(Throwable reason, Duration pause) {
		if (isOpen() && reason instanceof QmpConnectException ex
				&& (ex.reason() == QmpConnectException.Reason.NOT_CONNECTED
						|| ++this.failures >= SocketMonitors.TRIES)) {
			this.refusal = NONE
					+ "QEMU made one, and the service cannot connect to %s. Let the service's user enter that directory and write to its sockets; in a container, mount the same one as QEMU has."
						.formatted(this.address);
		}
		return this.made ? Duration.ZERO : pause;
	}

	/**
	 * Has QEMU make the monitor. Where the same QEMU has refused that before, what is
	 * left of the monitor is removed instead. Where a change is under way, the monitor is
	 * made later. From the beginning of this call the session takes no change; it takes
	 * them again when the monitor could not be made.
	 * @param asked the session to ask for it
	 * @param qemu the socket of that session, by which another QEMU is known
	 * @return whether it is made, to be connected to next; it never fails
	 */
	CompletableFuture<Boolean> make(QemuSession asked, @Nullable SocketIdentity qemu) {
		boolean again = this.due != null;
		this.due = null;
		if (this.refusal != null && !again && Objects.equals(qemu, this.refusedBy)) {
			asked.limitedBy(this.refusal);
			return remove(asked.monitor()).handle((removed, failure) -> false);
		}
		if (!asked.beginToLeave()) {
			this.due = System.nanoTime();
			return CompletableFuture.completedFuture(false);
		}
		CompletableFuture<Boolean> result = new CompletableFuture<>();
		synchronized (this) {
			if (this.ended) {
				return CompletableFuture.completedFuture(false);
			}
			this.making = result;
		}
		make(asked.monitor()).whenComplete((refused, failure) -> {
			this.made = refused == null && failure == null;
			this.refusal = refused;
			this.refusedBy = qemu;
			asked.limitedBy(refused);
			if (!this.made) {
				asked.stay();
			}
			result.complete(this.made);
		});
		return result;
	}

	// Returns why there is none.
	private CompletableFuture<@Nullable String> make(QmpMonitor through) {
		return through.ready().thenCompose((greeting) -> {
			if (!isSupportedBy(greeting)) {
				return CompletableFuture
					.completedFuture(NONE + "that takes QEMU 11.1, and this is QEMU %s.".formatted(greeting.version()));
			}
			return look(through).thenCompose((found) -> switch (found) {
				case USED -> {
					this.unused = null;
					yield CompletableFuture.completedFuture(later(USED));
				}
				case UNUSED -> isLeftover() ? make(through, List.of(objectDel(), chardevRemove()))
						: CompletableFuture.completedFuture(later(UNUSED));
				case ABSENT -> make(through, List.of());
			});
		});
	}

	private String later(String reason) {
		this.due = System.nanoTime() + this.backoff.next().toNanos();
		return NONE + reason.formatted(this.address.path());
	}

	// What this service or an earlier self has made and not connected to.
	private boolean isLeftover() {
		Long since = this.unused;
		if (since == null) {
			this.unused = System.nanoTime();
		}
		return this.unconnected || (since != null && System.nanoTime() - since > SOON.toNanos());
	}

	private CompletableFuture<@Nullable String> make(QmpMonitor through, List<QmpCommand> before) {
		this.unused = null;
		List<QmpCommand> commands = new ArrayList<>(before);
		commands.add(Command.CHARDEV_ADD.with(Map.of("id", this.id, "backend",
				Map.of("type", "socket", "data",
						Map.of("addr", Map.of("type", "unix", "data", Map.of("path", this.address.path().toString())),
								"server", true, "wait", false)))));
		commands.add(Command.OBJECT_ADD
			.with(Map.of("qom-type", "monitor-qmp", "id", this.id, "chardev", this.id, "close-action", "delete")));
		this.unconnected = true; // an answer that is lost may be yes
		return Reply.toAll(through, commands).thenCompose((replies) -> {
			Reply listens = replies.get(before.size());
			Reply monitors = replies.get(before.size() + 1);
			if (listens.failure() instanceof QmpCommandException refused) {
				this.unconnected = false;
				// Another service of this name may have been faster.
				return look(through).thenApply((found) -> switch (found) {
					case USED -> later(USED);
					case UNUSED -> later(UNUSED);
					case ABSENT -> NONE + "its QEMU cannot make the socket (%s). Let QEMU's user write to %s."
						.formatted(refused.description(), this.address.path().getParent());
				});
			}
			if (monitors.failure() instanceof QmpCommandException refused) {
				this.unconnected = false;
				return Reply.to(through, chardevRemove())
					.thenApply((removed) -> NONE + "QEMU says: %s.".formatted(refused.description()));
			}
			listens.orThrow();
			monitors.orThrow();
			return CompletableFuture.<@Nullable String>completedFuture(null);
		});
	}

	// QEMU deletes a monitor when its client leaves: one that has a client is no
	// leftover.
	private CompletableFuture<Found> look(QmpMonitor through) {
		return Reply.to(through, Command.QUERY_CHARDEV.plain()).thenApply((reply) -> {
			JsonNode chardevs = reply.orElseNull();
			if (Qom.isConnected(chardevs, this.id)) {
				return Found.USED;
			}
			boolean there = chardevs != null
					&& chardevs.valueStream().anyMatch((chardev) -> this.id.equals(chardev.path("label").asString("")));
			return there ? Found.UNUSED : Found.ABSENT;
		});
	}

	private CompletableFuture<?> remove(QmpMonitor through) {
		if (!this.unconnected) {
			return CompletableFuture.completedFuture(null);
		}
		return look(through)
			.thenCompose(
					(found) -> (found == Found.UNUSED) ? Reply.toAll(through, List.of(objectDel(), chardevRemove()))
							: CompletableFuture.completedFuture(List.of()))
			.thenAccept((removed) -> this.unconnected = false);
	}

	/**
	 * Leaves nothing behind: what was made goes when its client leaves. QEMU 11.1.3
	 * misses that at times where a command is under way (seen in 1 to 5 of 100 cases),
	 * and has ended where another client waited in line. So the service leaves when all
	 * is answered. It waits for 2 s at most where QEMU is making one, which is longer
	 * than a visit, and for 4 s at most for the answers.
	 */
	void end() {
		CompletableFuture<?> last;
		synchronized (this) {
			this.ended = true;
			last = this.making;
		}
		try {
			last.get(SOON.toMillis(), TimeUnit.MILLISECONDS);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
		}
		catch (ExecutionException | TimeoutException ex) {
			this.unconnected = true; // it may be made all the same
		}
		QmpMonitor connected = this.present;
		if (connected == null && this.unconnected) {
			connected = QmpClient.open(this.address, this.options, (event) -> {
			});
		}
		if (connected != null) {
			awaitRest(connected);
			connected.close();
		}
	}

	// QEMU answers in order, and a reading that is under way asks further commands.
	private static void awaitRest(QmpMonitor connected) {
		long begun = System.nanoTime();
		try {
			connected.ready().get(SOON.toMillis(), TimeUnit.MILLISECONDS);
			do {
				connected.execute(Command.QUERY_NAME.plain()).get(SOON.toMillis(), TimeUnit.MILLISECONDS);
			}
			while (connected.unanswered() > 0 && System.nanoTime() - begun < SOON.toNanos());
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
		}
		catch (ExecutionException | TimeoutException ex) {
			// There is none, or the next service replaces it.
		}
	}

	private QmpCommand objectDel() {
		return Command.OBJECT_DEL.with(Map.of("id", this.id));
	}

	private QmpCommand chardevRemove() {
		return Command.CHARDEV_REMOVE.with(Map.of("id", this.id));
	}

	private static boolean isSupportedBy(QmpGreeting qemu) {
		return qemu.major() > 11 || (qemu.major() == 11 && qemu.minor() >= 1);
	}

	private enum Found {

		ABSENT, UNUSED, USED

	}

}
