package dev.iothreads.qemu;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Refusal;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpException;
import dev.iothreads.qmp.QmpMonitor;
import dev.iothreads.qmp.QmpOptions;
import dev.iothreads.qmp.QmpState;
import dev.iothreads.qmp.QmpTimeoutException;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * A QEMU behind its monitor. It keeps one connection; when that ends it connects again,
 * after a delay that grows with each failure, and reads the QEMU anew.
 * <p>
 * A connection that is not greeted is kept: QEMU serves one client at a time and greets
 * the next when that one leaves.
 */
public final class QemuMachine implements Machine {

	private static final Logger logger = LoggerFactory.getLogger(QemuMachine.class);

	// A reason may contain text that changes with every try.
	private static final Duration WARNING_INTERVAL = Duration.ofMinutes(5);

	private final String name;

	private final String place;

	private final StatusTexts texts;

	private final Function<Consumer<QmpEvent>, QmpMonitor> opener;

	// Where the monitor is a socket.
	private final @Nullable SocketMonitors sockets;

	// Where QEMU may make one.
	private final @Nullable OwnMonitor own;

	private final QemuOptions options;

	private final ScheduledExecutorService scheduler;

	private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

	private final Backoff backoff = new Backoff();

	private volatile MachineStatus status;

	private volatile @Nullable QemuSession session;

	private volatile @Nullable QmpMonitor monitor;

	private volatile long connectedSince;

	// Why the service ended the connection, if it did.
	private volatile @Nullable Throwable dropped;

	// Whether the connection before was given up because QEMU did not answer.
	private volatile boolean unresponsiveBefore;

	private @Nullable QmpMonitor probed;

	private @Nullable Long warnedAt;

	private @Nullable ScheduledFuture<?> retry;

	private boolean closed;

	private QemuMachine(String name, String place, Function<Consumer<QmpEvent>, QmpMonitor> opener,
			@Nullable SocketMonitors sockets, @Nullable Path own, QemuOptions options,
			ScheduledExecutorService scheduler) {
		this.name = name;
		this.place = place;
		this.texts = new StatusTexts(name, place, options);
		this.opener = opener;
		this.sockets = sockets;
		this.own = (own != null) ? new OwnMonitor(own, options) : null;
		this.options = options;
		this.scheduler = scheduler;
		this.status = this.texts.connecting();
	}

	/**
	 * Connects to a QEMU, and again whenever the connection ends. It returns at once.
	 * @param name the machine's name in messages
	 * @param address where its monitor listens
	 * @param options deadlines and sources of threads
	 * @param scheduler runs what is due later; it is never blocked
	 * @return the machine
	 */
	public static QemuMachine connect(String name, MonitorAddress address, QemuOptions options,
			ScheduledExecutorService scheduler) {
		return connect(name, address, SocketUse.HELD, options, scheduler);
	}

	/**
	 * Connects to a QEMU as {@link #connect} does, or visits it.
	 * @param name the machine's name in messages
	 * @param address where its monitor listens
	 * @param use whether the connection is kept
	 * @param options deadlines and sources of threads
	 * @param scheduler runs what is due later; it is never blocked
	 * @return the machine
	 */
	public static QemuMachine connect(String name, MonitorAddress address, SocketUse use, QemuOptions options,
			ScheduledExecutorService scheduler) {
		SocketMonitors sockets = new SocketMonitors(address, use, options);
		QemuMachine machine = new QemuMachine(name, address.toString(), sockets::open, sockets,
				(use.hold() != Hold.FALSE) ? use.own() : null, options, scheduler);
		machine.open();
		return machine;
	}

	/**
	 * Asks a QEMU through a monitor that is no socket.
	 * @param name the machine's name in messages
	 * @param place where the monitor is, for messages
	 * @param opener begins to open a monitor that gives its events to a listener, and
	 * another one whenever that has ended. It returns at once
	 * @param own the file of a socket that QEMU may make for the service alone, as
	 * {@link SocketUse} has it
	 * @param options deadlines and sources of threads
	 * @param scheduler runs what is due later; it is never blocked
	 * @return the machine
	 */
	public static QemuMachine through(String name, String place, Function<Consumer<QmpEvent>, QmpMonitor> opener,
			@Nullable Path own, QemuOptions options, ScheduledExecutorService scheduler) {
		QemuMachine machine = new QemuMachine(name, place, opener, null, own, options, scheduler);
		machine.open();
		return machine;
	}

	@Override
	public String monitor() {
		return this.place;
	}

	/**
	 * Returns the socket of the latest connection, as it was just before connecting.
	 * @return the socket, {@code null} when there was none, or it is not a Unix socket
	 */
	public @Nullable SocketIdentity socket() {
		return (this.sockets != null) ? this.sockets.socket() : null;
	}

	@Override
	public MachineStatus status() {
		return this.status;
	}

	@Override
	public @Nullable Refusal refusal() {
		QemuSession current = this.session;
		String manager = (current != null) ? current.managedBy() : null;
		return (manager == null) ? null
				: manager.equals(Snapshot.PROXMOX) ? Proxmox.refusal(this.name) : Libvirt.refusal(this.name);
	}

	@Override
	public void listen(Runnable listener) {
		this.listeners.add(listener);
	}

	@Override
	public CompletableFuture<Snapshot> read() {
		QemuSession current = this.session;
		MachineStatus now = this.status;
		// An earlier command is unanswered: another one would wait behind it.
		boolean stalled = current != null && !now.isUp() && current.monitor().unanswered() > 0;
		if (current == null || stalled) {
			return CompletableFuture.failedFuture(unavailable(now));
		}
		return current.read()
			.orTimeout(this.options.commandTimeout().toMillis(), TimeUnit.MILLISECONDS)
			.handle((snapshot, failure) -> {
				if (failure != null) {
					throw failed(current, failure);
				}
				// A connection that ends soon after its begin keeps its growing delay.
				if (System.nanoTime() - this.connectedSince > Backoff.LONGEST.toNanos()) {
					this.backoff.reset();
				}
				if (!setStatus(MachineStatus.UP, current)) {
					throw unavailable(this.status); // the next one may be to another QEMU
				}
				if (this.own != null && this.own.isDue()) {
					makeOwn(current);
				}
				return snapshot;
			});
	}

	private MachineUnavailableException unavailable(MachineStatus now) {
		return new MachineUnavailableException(now.isUp() ? this.texts.justEnded() : now);
	}

	@Override
	public Changes changes() {
		QemuSession current = this.session;
		Changes changes = (current != null) ? current.changes(this.name) : null;
		if (changes == null) {
			throw unavailable(this.status);
		}
		return changes;
	}

	private MachineException failed(QemuSession asked, Throwable failure) {
		Throwable cause = Reply.unwrap(failure);
		if (cause instanceof QmpTimeoutException || cause instanceof TimeoutException) {
			MachineStatus unresponsive = this.texts.unresponsive();
			if (setStatus(unresponsive, asked)) {
				probe(asked);
			}
			return new MachineTimeoutException(Objects.requireNonNull(unresponsive.reason()));
		}
		if (cause instanceof QmpCommandException refused) {
			if (!this.status.isUp()) {
				setStatus(this.texts.down(refused), asked);
			}
			return new MachineRefusedException(refused.errorClass(),
					"QEMU of %s refused: %s".formatted(this.name, refused.description()));
		}
		if (!(cause instanceof QmpException) && this.session == asked) {
			if (!(cause instanceof InvalidReplyException)) {
				logger.error("What {} answered cannot be read", this.name, cause);
			}
			drop(asked.monitor(), cause);
		}
		MachineStatus now = this.status;
		return new MachineUnavailableException(now.isUp() ? this.texts.down(cause) : now);
	}

	private void drop(QmpMonitor connection, Throwable reason) {
		synchronized (this) {
			if (this.monitor != connection) {
				return;
			}
			this.dropped = reason;
		}
		connection.close();
	}

	// QEMU answers in order. A reply to this says that it goes on, and that everything
	// before is answered; without a reply the connection may be dead.
	private void probe(QemuSession asked) {
		QmpMonitor connection = asked.monitor();
		synchronized (this) {
			if (this.probed == connection) {
				return;
			}
			this.probed = connection;
		}
		connection.execute(Command.QUERY_IOTHREADS.plain(), this.options.unresponsiveLimit())
			.whenComplete((answer, failure) -> onProbeReply(connection, failure));
	}

	private void onProbeReply(QmpMonitor connection, @Nullable Throwable failure) {
		synchronized (this) {
			this.probed = null;
		}
		if (failure instanceof QmpTimeoutException) {
			drop(connection, this.texts.givenUp());
		}
		else if (connection.hasLostReply()) {
			drop(connection, new InvalidReplyException(
					"it left a command unanswered and answered a later one, which no QEMU does. Is there something between the service and its monitor? The service connects again."));
		}
		else if (failure == null || failure instanceof QmpCommandException) {
			read();
		}
	}

	private void open() {
		QmpMonitor opened;
		synchronized (this) {
			if (this.closed) {
				return;
			}
			this.dropped = null;
			QmpMonitor alone = (this.own != null) ? this.own.open(this::onEvent) : null;
			opened = (alone != null) ? alone : this.opener.apply(this::onEvent);
			this.monitor = opened;
		}
		// Not under the lock: where the connection has failed by now, this calls the
		// listeners.
		ScheduledFuture<?> overdue = this.scheduler.schedule(() -> onGreetingOverdue(opened),
				this.options.connectTimeout().toNanos(), TimeUnit.NANOSECONDS);
		boolean isOurs = this.sockets == null || (this.own != null && this.own.isOpen());
		CompletableFuture<QemuSession> beginning = opened.ready()
			.thenCompose((greeting) -> QemuSession.begin(opened, (this.sockets != null) ? this.sockets.address() : null,
					isOurs, greeting, this.options));
		opened.closed().thenAccept((reason) -> onEnded(opened, beginning, reason));
		beginning.whenComplete((begun, failure) -> {
			overdue.cancel(false);
			if (begun != null) {
				onBegun(begun);
			}
			else {
				opened.close();
			}
		});
	}

	// It is up when it has been read: what greets like a QEMU may answer like none.
	private void onBegun(QemuSession begun) {
		synchronized (this) {
			if (this.closed || this.monitor != begun.monitor()) {
				return; // it has ended by now
			}
			if (this.sockets != null) {
				this.sockets.onGreeted();
			}
			if (this.own != null) {
				this.own.onGreeted();
			}
			this.connectedSince = System.nanoTime();
			this.session = begun;
			this.unresponsiveBefore = false;
		}
		makeOwn(begun).thenAccept((made) -> {
			if (!made) {
				read();
			}
		});
	}

	private CompletableFuture<Boolean> makeOwn(QemuSession asked) {
		boolean isShared = this.sockets == null
				|| (!asked.monitor().hasAllEvents() && !Snapshot.LIBVIRT.equals(asked.managedBy()));
		OwnMonitor wanted = this.own;
		if (wanted == null || !isShared || wanted.isOpen()) {
			return CompletableFuture.completedFuture(false);
		}
		return wanted.make(asked, socket()).whenComplete((made, failure) -> {
			if (made) {
				drop(asked.monitor(), new OthersNeedItException("It has a monitor of the service's own."));
			}
		});
	}

	private void onEnded(QmpMonitor ended, CompletableFuture<QemuSession> beginning, QmpException reason) {
		QemuSession over;
		Throwable cause;
		boolean givenUp;
		Throwable rejected = beginning.handle((begun, failure) -> failure).getNow(null);
		synchronized (this) {
			if (this.closed || this.monitor != ended) {
				return;
			}
			over = this.session;
			cause = (this.dropped != null) ? this.dropped : (rejected != null) ? Reply.unwrap(rejected) : reason;
			this.session = null;
			this.monitor = null;
			this.unresponsiveBefore = cause instanceof UnresponsiveQemuException;
			givenUp = this.sockets != null && this.sockets.isGivenUpAfter(cause);
			Duration pause = givenUp ? SocketMonitors.SELDOM : this.backoff.next();
			if (this.own != null) {
				pause = this.own.onEnded(cause, pause);
			}
			this.retry = this.scheduler.schedule(this::open, pause.toNanos(), TimeUnit.NANOSECONDS);
		}
		MachineStatus lost = this.texts.ended(cause, this.sockets, givenUp);
		if (cause instanceof OthersNeedItException) {
			logger.info("{}: {}", this.name, cause.getMessage());
		}
		else {
			setStatus(lost, null);
		}
		if (over != null) {
			over.end(new MachineUnavailableException(lost));
		}
	}

	private void onGreetingOverdue(QmpMonitor opened) {
		QmpState now = opened.state();
		if (this.monitor != opened) {
			return;
		}
		if (now == QmpState.GREETING) {
			setStatus(this.unresponsiveBefore ? this.texts.stillUnresponsive() : this.texts.waitingInLine(), null);
		}
		else if (now == QmpState.CONNECTING && this.sockets != null && !this.sockets.hasLooked()) {
			setStatus(this.texts.unreachable(), null);
		}
	}

	private void onEvent(QmpEvent event) {
		QemuSession current = this.session;
		if (current != null && current.onEvent(event)) {
			String path = event.data().path("path").asString("");
			String unasked = current.unplugs().unasked().get(path);
			if (event.name().equals("DEVICE_DELETED") && unasked != null && path.equals(Qom.device(path))) {
				logger.warn("{}: device {} has gone. {}", this.name, Qom.name(path), unasked);
			}
			notifyListeners();
		}
	}

	/**
	 * Sets the status, unless it was read over a connection that has ended.
	 * @return whether that is the status now
	 */
	private boolean setStatus(MachineStatus next, @Nullable QemuSession readOver) {
		boolean isToBeLogged;
		synchronized (this) {
			if (this.closed || (readOver != null && this.session != readOver)) {
				return false;
			}
			if (next.equals(this.status)) {
				return true;
			}
			isToBeLogged = isToBeLogged(next);
			this.status = next;
		}
		if (next.isUp() && readOver != null) {
			logger.info("{} is up: QEMU {} at {}", this.name, readOver.version(), this.place);
		}
		else {
			logger.atLevel(isToBeLogged ? Level.WARN : Level.DEBUG)
				.log("{}: {}", next.state().name().toLowerCase(Locale.ROOT), next.reason());
		}
		notifyListeners();
		return true;
	}

	// Called with the lock held.
	private boolean isToBeLogged(MachineStatus next) {
		long now = System.nanoTime();
		Long last = this.warnedAt;
		boolean news = next.state() != this.status.state() || last == null || now - last > WARNING_INTERVAL.toNanos();
		if (news) {
			this.warnedAt = now;
		}
		return news;
	}

	private void notifyListeners() {
		this.listeners.forEach(Runnable::run);
	}

	@Override
	public void close() {
		QmpMonitor connection;
		QemuSession over;
		MachineStatus end = this.texts.unwatched();
		synchronized (this) {
			this.closed = true;
			over = this.session;
			this.session = null;
			if (this.retry != null) {
				this.retry.cancel(false);
			}
			connection = this.monitor;
			this.status = end;
		}
		if (this.own != null) {
			this.own.end();
		}
		if (connection != null) {
			connection.close();
		}
		if (over != null) {
			over.end(new MachineUnavailableException(end));
		}
	}

}
