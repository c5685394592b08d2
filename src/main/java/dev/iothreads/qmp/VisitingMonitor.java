package dev.iothreads.qmp;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Supplier;

import dev.iothreads.qmp.QmpConnectException.Reason;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A monitor that other clients need, too: it is connected to for as long as commands are
 * unanswered. What a continuation asks for goes out in the same visit; what is asked for
 * when a visit has lasted half its limit goes into the next one. One visit is under way
 * at a time.
 * <p>
 * A visit that is not greeted is left, and what was to be sent waits for another one,
 * {@value #TRIES} in all with growing pauses. Then this monitor ends, and also where a
 * visit has failed otherwise, or another socket is at the address: behind that there is
 * another QEMU.
 * <p>
 * Events between two visits are missed.
 */
public final class VisitingMonitor implements QmpMonitor {

	/** How many visits in a row may not be greeted. */
	public static final int TRIES = 3;

	private static final Duration PAUSE = Duration.ofMillis(100);

	private static final Duration ENOUGH = QmpOptions.VISIT_LIMIT.dividedBy(2);

	private final MonitorAddress address;

	private final QmpOptions options;

	private final Supplier<@Nullable SocketIdentity> socket;

	private final QmpListeners listeners;

	private final CompletableFuture<QmpGreeting> ready = new CompletableFuture<>();

	private final CompletableFuture<QmpException> closed = new CompletableFuture<>();

	private final List<Asked> waiting = new ArrayList<>();

	private @Nullable Visit visit;

	private boolean pausing;

	private int ungreeted;

	private volatile @Nullable SocketIdentity visited;

	private volatile @Nullable QmpException reason;

	private VisitingMonitor(MonitorAddress address, QmpOptions options, Supplier<@Nullable SocketIdentity> socket) {
		this.address = address;
		this.listeners = new QmpListeners(address.toString());
		this.socket = socket;
		this.options = options.forVisit()
			.withThreadFactory((work) -> options.threadFactory().newThread(() -> lookThen(work)));
	}

	/**
	 * Begins the first visit, and returns at once.
	 * @param address where the monitor listens
	 * @param options the limit of a message, and the source of the threads
	 * @param socket says which socket is at the address, on the thread of a visit;
	 * {@code null} for none
	 * @param listener gets the events of the visits
	 * @return the monitor
	 */
	public static VisitingMonitor open(MonitorAddress address, QmpOptions options,
			Supplier<@Nullable SocketIdentity> socket, Consumer<QmpEvent> listener) {
		VisitingMonitor monitor = new VisitingMonitor(address, options, socket);
		monitor.addListener(listener);
		monitor.goOn();
		return monitor;
	}

	private void lookThen(Runnable work) {
		SocketIdentity now = this.socket.get();
		SocketIdentity before = this.visited;
		if (before != null && now != null && !before.equals(now)) {
			end(new QmpClosedException(this.address + ": another QEMU listens there than at the visit before", null));
			return;
		}
		this.visited = (now != null) ? now : before;
		work.run();
	}

	@Override
	public CompletableFuture<QmpGreeting> ready() {
		return this.ready.copy();
	}

	@Override
	public QmpState state() {
		return (this.reason != null) ? QmpState.CLOSED : this.ready.isDone() ? QmpState.READY : QmpState.CONNECTING;
	}

	@Override
	public boolean hasAllEvents() {
		return false;
	}

	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command) {
		return executeAll(List.of(command)).get(0);
	}

	/**
	 * Sends a command; the limit of the visit is shorter than any other.
	 */
	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command, Duration timeout) {
		return execute(command);
	}

	@Override
	public List<CompletableFuture<JsonNode>> executeAll(List<QmpCommand> commands) {
		commands.forEach(CommandQueue::requireSendable);
		List<Asked> asked = commands.stream().map((command) -> new Asked(command, new CompletableFuture<>())).toList();
		QmpException over;
		synchronized (this) {
			over = this.reason;
			if (over == null) {
				this.waiting.addAll(asked);
			}
		}
		if (over != null) {
			notSent(asked, over);
		}
		else {
			goOn();
		}
		return asked.stream().map(Asked::reply).toList();
	}

	private static void notSent(List<Asked> asked, QmpException reason) {
		asked.forEach((each) -> each.reply()
			.completeExceptionally(
					new QmpNotSentException(each.command().name() + " was not sent. " + reason.getMessage(), reason)));
	}

	// Nothing is sent, and no future completed, with the lock held.
	private void goOn() {
		Visit current;
		List<Asked> next;
		boolean begins;
		synchronized (this) {
			begins = this.visit == null;
			if (this.reason != null || this.pausing || (begins && this.ready.isDone() && this.waiting.isEmpty())) {
				return;
			}
			current = (this.visit != null) ? this.visit : new Visit();
			if (!begins && !current.takesMore()) {
				return; // the next visit takes it
			}
			this.visit = current;
			next = List.copyOf(this.waiting);
			this.waiting.clear();
			current.open += next.size();
		}
		if (begins) {
			QmpClient.visit(this.address, this.options, (client) -> {
				current.client = client;
				client.addListener(this.listeners);
				current.ask(client, next);
				client.ready().whenComplete((greeting, failure) -> greeted(current, greeting, failure));
				return current.over;
			}).exceptionally((failure) -> null);
		}
		else {
			current.ask(Objects.requireNonNull(current.client), next);
		}
	}

	private void greeted(Visit current, @Nullable QmpGreeting greeting, @Nullable Throwable failure) {
		if (greeting != null) {
			synchronized (this) {
				this.ungreeted = 0;
			}
			this.ready.complete(greeting);
		}
		else {
			current.failed(failure);
		}
		answered(current);
	}

	/**
	 * Counts an answer, and leaves after the last one.
	 */
	private void answered(Visit current) {
		synchronized (this) {
			if (--current.open > 0) {
				return;
			}
			this.visit = null;
		}
		QmpException failure = current.failure;
		current.over.complete(null);
		if (failure == null) {
			goOn();
		}
		else if (!(failure instanceof QmpConnectException ex && ex.reason() == Reason.NOT_GREETED && pause())) {
			end(failure);
		}
	}

	private synchronized boolean putBack(Asked unsent) {
		return this.reason == null && this.waiting.add(unsent);
	}

	private synchronized boolean pause() {
		if (++this.ungreeted >= TRIES) {
			return false;
		}
		this.pausing = true;
		new Deadline(PAUSE.multipliedBy(this.ungreeted), () -> {
			synchronized (this) {
				this.pausing = false;
			}
			goOn();
		});
		return true;
	}

	private void end(QmpException why) {
		List<Asked> unsent;
		Visit last;
		synchronized (this) {
			if (this.reason != null) {
				return;
			}
			this.reason = why;
			last = this.visit;
			unsent = List.copyOf(this.waiting);
			this.waiting.clear();
		}
		if (last != null) {
			last.over.complete(null);
		}
		notSent(unsent, why);
		this.ready.completeExceptionally(why);
		this.closed.complete(why);
	}

	@Override
	public void addListener(Consumer<QmpEvent> listener) {
		this.listeners.add(listener);
	}

	@Override
	public synchronized int unanswered() {
		QmpMonitor client = (this.visit != null) ? this.visit.client : null;
		return (client != null) ? client.unanswered() : 0;
	}

	@Override
	public boolean hasLostReply() {
		return false;
	}

	@Override
	public CompletableFuture<QmpException> closed() {
		return this.closed.copy();
	}

	@Override
	public void close() {
		end(new QmpClosedException(this.address + ": this side visits it no more", null));
	}

	@Override
	public String toString() {
		return "VisitingMonitor[" + this.address + ", " + state() + "]";
	}

	/**
	 * A visit that is under way.
	 */
	private final class Visit {

		private final long begun = System.nanoTime();

		private final CompletableFuture<Void> over = new CompletableFuture<>();

		private volatile @Nullable QmpMonitor client;

		private volatile @Nullable QmpException failure;

		// The answers that have yet to come. The greeting is the first.
		private int open = 1;

		boolean takesMore() {
			return this.client != null && System.nanoTime() - this.begun < ENOUGH.toNanos();
		}

		void ask(QmpMonitor asked, List<Asked> commands) {
			List<CompletableFuture<JsonNode>> replies = asked
				.executeAll(commands.stream().map(Asked::command).toList());
			for (int i = 0; i < commands.size(); i++) {
				Asked command = commands.get(i);
				replies.get(i).whenComplete((value, why) -> {
					onReply(command, value, why);
					answered(this);
				});
			}
		}

		private void onReply(Asked command, @Nullable JsonNode value, @Nullable Throwable why) {
			if (value != null) {
				command.reply().complete(value);
			}
			else if (why instanceof QmpNotSentException unsent && putBack(command)) {
				failed(unsent.getCause());
			}
			else {
				if (!(why instanceof QmpCommandException)) {
					failed(why);
				}
				command.reply().completeExceptionally(Objects.requireNonNull(why));
			}
		}

		void failed(@Nullable Throwable why) {
			Throwable cause = (why instanceof CompletionException) ? why.getCause() : why;
			if (this.failure == null) {
				this.failure = (cause instanceof QmpException known) ? known
						: new QmpClosedException(VisitingMonitor.this.address + ": the visit failed", cause);
			}
		}

	}

	private record Asked(QmpCommand command, CompletableFuture<JsonNode> reply) {

	}

}
