package dev.iothreads.qemu;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpBusyException;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpException;
import dev.iothreads.qmp.QmpOptions;
import dev.iothreads.qmp.QmpState;
import dev.iothreads.qmp.QmpTimeoutException;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * A QEMU behind its monitor. One connection to it is kept; when that ends another one is
 * made, after a while that grows with each failure, and the QEMU behind it is read
 * afresh.
 * <p>
 * A connection that is not greeted waits for its turn instead of coming again: QEMU
 * serves one client at a time and greets the next when that one leaves.
 */
public final class QemuMachine implements Machine {

	private static final Logger logger = LoggerFactory.getLogger(QemuMachine.class);

	// A reason may hold what changes with every try.
	private static final Duration COMPLAINT = Duration.ofMinutes(5);

	private final String name;

	private final MonitorAddress address;

	private final QemuOptions options;

	private final QmpOptions qmpOptions;

	private final ScheduledExecutorService scheduler;

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private final Backoff backoff = new Backoff();

	private volatile MachineStatus status;

	private volatile @Nullable QemuSession session;

	private volatile @Nullable QmpClient client;

	private volatile @Nullable SocketIdentity socket;

	private volatile long connectedSince;

	// Why this side ended the connection, if it did.
	private volatile @Nullable Throwable dropped;

	// Whether the connection before was given up because nothing was answered.
	private volatile boolean silentBefore;

	private volatile boolean socketSeen;

	private @Nullable QmpClient probed;

	private @Nullable Long complained;

	private @Nullable ScheduledFuture<?> retry;

	private boolean closed;

	private QemuMachine(String name, MonitorAddress address, QemuOptions options, ScheduledExecutorService scheduler) {
		this.name = name;
		this.address = address;
		this.options = options;
		this.qmpOptions = QmpOptions.defaults()
			.withConnectTimeout(options.connectTimeout())
			.withGreetingTimeout(null)
			.withCommandTimeout(options.commandTimeout())
			.withThreadFactory((work) -> options.threadFactory().newThread(() -> {
				lookAtSocket();
				work.run();
			}));
		this.scheduler = scheduler;
		this.status = new MachineStatus(MachineState.CONNECTING,
				"%s is being connected to, at %s. Ask again in a moment.".formatted(name, address));
	}

	/**
	 * Connects to a QEMU, and again whenever the connection ends. It returns at once.
	 * @param name what to call the machine in messages
	 * @param address where its monitor listens
	 * @param options how to talk to it
	 * @param scheduler starts what has to be done later; it is never made to wait
	 * @return the machine
	 */
	public static QemuMachine connect(String name, MonitorAddress address, QemuOptions options,
			ScheduledExecutorService scheduler) {
		QemuMachine machine = new QemuMachine(name, address, options, scheduler);
		machine.open();
		return machine;
	}

	@Override
	public String monitor() {
		return this.address.toString();
	}

	/**
	 * Returns which socket the machine was last connected through, as it was just before.
	 * @return the socket, or {@code null} when there was none, or it is not a Unix socket
	 */
	public @Nullable SocketIdentity socket() {
		return this.socket;
	}

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		QemuSession current = this.session;
		MachineStatus now = this.status;
		// What it was asked before has yet to be answered: asking more would not help.
		boolean stalled = current != null && !now.isUp() && current.client().unanswered() > 0;
		if (current == null || stalled) {
			return CompletableFuture.failedFuture(unavailable(now));
		}
		return current.read()
			.orTimeout(this.options.commandTimeout().toMillis(), TimeUnit.MILLISECONDS)
			.handle((snapshot, failure) -> {
				if (failure != null) {
					throw failed(current, failure);
				}
				// One that ends as soon as it has begun is tried less and less often.
				if (System.nanoTime() - this.connectedSince > Backoff.LONGEST.toNanos()) {
					this.backoff.reset();
				}
				if (!become(MachineStatus.UP, current)) {
					throw unavailable(this.status); // behind the next one may be another
				}
				return snapshot;
			});
	}

	private MachineUnavailableException unavailable(MachineStatus now) {
		return new MachineUnavailableException(now.isUp()
				? new MachineStatus(MachineState.DOWN,
						"%s is down: its connection has just ended. Try again in a moment.".formatted(this.name))
				: now);
	}

	@Override
	public Changes changes() {
		QemuSession current = this.session;
		if (current == null) {
			throw unavailable(this.status);
		}
		return new QemuChanges(current, new Dialogue(this.name, current.client()));
	}

	private MachineException failed(QemuSession asked, Throwable failure) {
		Throwable cause = unwrapped(failure);
		if (cause instanceof QmpTimeoutException || cause instanceof TimeoutException) {
			MachineStatus silent = silent();
			if (become(silent, asked)) {
				probe(asked);
			}
			return new MachineTimeoutException(Objects.requireNonNull(silent.reason()));
		}
		if (cause instanceof QmpCommandException refused) {
			if (!this.status.isUp()) {
				become(down(refused), asked);
			}
			return new MachineRefusedException(refused.errorClass(),
					"QEMU of %s refused: %s".formatted(this.name, refused.description()));
		}
		if (!(cause instanceof QmpException) && this.session == asked) {
			if (!(cause instanceof NonsenseException)) {
				logger.error("What {} answered cannot be read", this.name, cause);
			}
			drop(asked.client(), cause);
		}
		MachineStatus now = this.status;
		return new MachineUnavailableException(now.isUp() ? down(cause) : now);
	}

	private void drop(QmpClient connection, Throwable reason) {
		synchronized (this) {
			if (this.client != connection) {
				return;
			}
			this.dropped = reason;
		}
		connection.close();
	}

	// QEMU answers in order. So the answer to this tells that it goes on, and what became
	// of everything before; and if there is none, the connection may be dead.
	private void probe(QemuSession asked) {
		QmpClient connection = asked.client();
		synchronized (this) {
			if (this.probed == connection) {
				return;
			}
			this.probed = connection;
		}
		connection.execute(Command.QUERY_IOTHREADS.plain(), this.options.silenceLimit())
			.whenComplete((answer, failure) -> probed(connection, failure));
	}

	private void probed(QmpClient connection, @Nullable Throwable failure) {
		synchronized (this) {
			this.probed = null;
		}
		if (failure instanceof QmpTimeoutException || failure instanceof QmpBusyException) {
			drop(connection, new SilenceException(
					"it has not answered for %s s: QEMU is stopped, or its main loop is blocked, or what lies between has vanished. Look at the process; it is connected to anew."
						.formatted(seconds(this.options.silenceLimit()))));
		}
		else if (connection.isAnyPassedOver()) {
			drop(connection, new NonsenseException(
					"it left a command unanswered and answered a later one, which no QEMU does. Is there something between the service and its monitor? It is connected to anew."));
		}
		else if (failure == null || failure instanceof QmpCommandException) {
			read();
		}
	}

	// On the thread of the connection: a file system that hangs keeps nobody else
	// waiting.
	private void lookAtSocket() {
		this.socket = (this.address instanceof UnixAddress unix) ? SocketIdentity.of(unix.path()) : null;
		this.socketSeen = true;
	}

	private void open() {
		QmpClient opened;
		synchronized (this) {
			if (this.closed) {
				return;
			}
			this.dropped = null;
			this.socketSeen = false;
			opened = QmpClient.open(this.address, this.qmpOptions, this::noticed);
			this.client = opened;
		}
		// Not under the lock: where the connection has failed by now, this tells
		// everybody.
		ScheduledFuture<?> overdue = this.scheduler.schedule(() -> greetingOverdue(opened),
				this.options.connectTimeout().toNanos(), TimeUnit.NANOSECONDS);
		CompletableFuture<QemuSession> beginning = opened.ready()
			.thenCompose((greeting) -> QemuSession.begin(opened, this.address, greeting,
					this.options.statisticsInterval(), this.options.hostThreads()));
		opened.closed().thenAccept((reason) -> ended(opened, beginning, reason));
		beginning.whenComplete((begun, failure) -> {
			overdue.cancel(false);
			if (begun != null) {
				begun(begun);
			}
			else {
				opened.close();
			}
		});
	}

	// It is up when it has been read: something that greets well may answer nonsense.
	private void begun(QemuSession begun) {
		synchronized (this) {
			if (this.closed || this.client != begun.client()) {
				return; // it has ended by now
			}
			this.connectedSince = System.nanoTime();
			this.session = begun;
			this.silentBefore = false;
		}
		read();
	}

	private void ended(QmpClient ended, CompletableFuture<QemuSession> beginning, QmpException reason) {
		QemuSession over;
		Throwable ours;
		synchronized (this) {
			if (this.closed || this.client != ended) {
				return;
			}
			over = this.session;
			ours = this.dropped;
			this.session = null;
			this.client = null;
			this.silentBefore = ours instanceof SilenceException;
			this.retry = this.scheduler.schedule(this::open, this.backoff.next().toNanos(), TimeUnit.NANOSECONDS);
		}
		Throwable rejected = beginning.handle((begun, failure) -> failure).getNow(null);
		MachineStatus lost = down((ours != null) ? ours : (rejected != null) ? unwrapped(rejected) : reason);
		become(lost, null);
		if (over != null) {
			over.end(new MachineUnavailableException(lost));
		}
	}

	private void greetingOverdue(QmpClient opened) {
		QmpState now = opened.state();
		if (this.client != opened) {
			return;
		}
		if (now == QmpState.GREETING && this.silentBefore) {
			become(new MachineStatus(MachineState.DOWN,
					"%s did not answer for %s s, and does not greet on a new connection either: QEMU is stopped, or its main loop is blocked. Look at the process; the service goes on by itself as soon as it answers."
						.formatted(this.name, seconds(this.options.silenceLimit()))),
					null);
		}
		else if (now == QmpState.GREETING) {
			become(new MachineStatus(MachineState.BUSY,
					"%s's monitor does not greet: another client holds it, or QEMU is stopped, or it is no QMP monitor. Give the service a -qmp of its own; it waits in line for this one."
						.formatted(this.name)),
					null);
		}
		else if (now == QmpState.CONNECTING && !this.socketSeen) {
			become(new MachineStatus(MachineState.DOWN,
					"%s is down: %s cannot be looked at, because its file system does not answer. The service goes on by itself as soon as it does."
						.formatted(this.name, this.address)),
					null);
		}
	}

	private void noticed(QmpEvent event) {
		QemuSession current = this.session;
		if (current != null && current.notice(event)) {
			tell();
		}
	}

	/**
	 * Goes to another status, unless it was learnt over a connection that is not the one
	 * any more.
	 * @return whether that is the status now
	 */
	private boolean become(MachineStatus next, @Nullable QemuSession learntOver) {
		boolean worthALine;
		synchronized (this) {
			if (this.closed || (learntOver != null && this.session != learntOver)) {
				return false;
			}
			if (next.equals(this.status)) {
				return true;
			}
			worthALine = isNews(next);
			this.status = next;
		}
		if (next.isUp() && learntOver != null) {
			logger.info("{} is up: QEMU {} at {}", this.name, learntOver.version(), this.address);
		}
		else {
			logger.atLevel(worthALine ? Level.WARN : Level.DEBUG)
				.log("{}: {}", next.state().name().toLowerCase(Locale.ROOT), next.reason());
		}
		tell();
		return true;
	}

	// Called with the lock held.
	private boolean isNews(MachineStatus next) {
		long now = System.nanoTime();
		Long last = this.complained;
		boolean news = next.state() != this.status.state() || last == null || now - last > COMPLAINT.toNanos();
		if (news) {
			this.complained = now;
		}
		return news;
	}

	private void tell() {
		this.listeners.forEach(Runnable::run);
	}

	private MachineStatus silent() {
		return new MachineStatus(MachineState.DOWN,
				"%s did not answer within %s s: QEMU is stopped, or its main loop is blocked. Look at the process; the service goes on by itself as soon as it answers."
					.formatted(this.name, seconds(this.options.commandTimeout())));
	}

	private MachineStatus down(Throwable cause) {
		return (cause instanceof QmpTimeoutException) ? silent()
				: new MachineStatus(MachineState.DOWN, "%s is down: %s".formatted(this.name, cause.getMessage()));
	}

	private static String seconds(Duration duration) {
		return BigDecimal.valueOf(duration.toMillis(), 3).stripTrailingZeros().toPlainString();
	}

	private static Throwable unwrapped(Throwable failure) {
		return (failure instanceof CompletionException && failure.getCause() != null) ? failure.getCause() : failure;
	}

	@Override
	public void close() {
		QmpClient connection;
		QemuSession over;
		MachineStatus end = new MachineStatus(MachineState.DOWN, this.name + " is no longer watched.");
		synchronized (this) {
			this.closed = true;
			over = this.session;
			this.session = null;
			if (this.retry != null) {
				this.retry.cancel(false);
			}
			connection = this.client;
			this.status = end;
		}
		if (connection != null) {
			connection.close();
		}
		if (over != null) {
			over.end(new MachineUnavailableException(end));
		}
	}

}
