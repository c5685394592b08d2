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
			.withThreadFactory(options.threadFactory());
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
		QmpClient connection = this.client;
		MachineStatus now = this.status;
		// What it was asked before has yet to be answered: asking more would not help.
		boolean stalled = !now.isUp() && connection != null && connection.unanswered() > 0;
		if (current == null || connection == null || stalled) {
			return CompletableFuture.failedFuture(new MachineUnavailableException(now));
		}
		return current.read()
			.orTimeout(this.options.commandTimeout().toMillis(), TimeUnit.MILLISECONDS)
			.handle((snapshot, failure) -> {
				if (failure != null) {
					throw failed(current, failure);
				}
				if (this.session == current) {
					// One that ends as soon as it has begun is tried less and less often.
					if (System.nanoTime() - this.connectedSince > Backoff.LONGEST.toNanos()) {
						this.backoff.reset();
					}
					become(MachineStatus.UP);
				}
				return snapshot;
			});
	}

	@Override
	public Changes changes() {
		QemuSession current = this.session;
		if (current == null) {
			throw new MachineUnavailableException(this.status);
		}
		return new QemuChanges(current, new Dialogue(this.name, current.client()));
	}

	private MachineException failed(QemuSession asked, Throwable failure) {
		Throwable cause = unwrapped(failure);
		if (cause instanceof QmpTimeoutException || cause instanceof TimeoutException) {
			MachineStatus silent = silent();
			if (this.session == asked) {
				become(silent);
			}
			return new MachineTimeoutException(Objects.requireNonNull(silent.reason()));
		}
		if (cause instanceof QmpCommandException refused) {
			if (this.session == asked && !this.status.isUp()) {
				become(down(refused));
			}
			return new MachineRefusedException(refused.errorClass(),
					"QEMU of %s refused: %s".formatted(this.name, refused.description()));
		}
		QmpClient connection = this.client;
		if (!(cause instanceof QmpException) && connection != null && this.session == asked) {
			if (!(cause instanceof NonsenseException)) {
				logger.error("What {} answered cannot be read", this.name, cause);
			}
			this.dropped = cause;
			connection.close();
		}
		MachineStatus now = this.status;
		return new MachineUnavailableException(now.isUp() ? down(cause) : now);
	}

	private void open() {
		QmpClient opened;
		synchronized (this) {
			if (this.closed) {
				return;
			}
			this.dropped = null;
			this.socket = (this.address instanceof UnixAddress unix) ? SocketIdentity.of(unix.path()) : null;
			opened = QmpClient.open(this.address, this.qmpOptions, this::noticed);
			this.client = opened;
		}
		// Not under the lock: where the connection has failed by now, this tells
		// everybody.
		ScheduledFuture<?> overdue = this.scheduler.schedule(() -> greetingOverdue(opened),
				this.options.connectTimeout().toNanos(), TimeUnit.NANOSECONDS);
		CompletableFuture<QemuSession> beginning = opened.ready()
			.thenCompose(
					(greeting) -> QemuSession.begin(opened, this.address, greeting, this.options.statisticsInterval()));
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
		this.connectedSince = System.nanoTime();
		this.session = begun;
		read();
	}

	private void ended(QmpClient ended, CompletableFuture<QemuSession> beginning, QmpException reason) {
		QemuSession over;
		synchronized (this) {
			if (this.closed || this.client != ended) {
				return;
			}
			over = this.session;
			this.session = null;
			this.retry = this.scheduler.schedule(this::open, this.backoff.next().toNanos(), TimeUnit.NANOSECONDS);
		}
		Throwable rejected = beginning.handle((begun, failure) -> failure).getNow(null);
		Throwable ours = this.dropped;
		MachineStatus lost = down((ours != null) ? ours : (rejected != null) ? unwrapped(rejected) : reason);
		become(lost);
		if (over != null) {
			over.end(new MachineUnavailableException(lost));
		}
	}

	private void greetingOverdue(QmpClient opened) {
		if (this.client == opened && opened.state() == QmpState.GREETING) {
			become(new MachineStatus(MachineState.BUSY,
					"%s's monitor does not greet: another client holds it, or QEMU is stopped, or it is no QMP monitor. Give the service a -qmp of its own; it waits in line for this one."
						.formatted(this.name)));
		}
	}

	private void noticed(QmpEvent event) {
		QemuSession current = this.session;
		if (current != null && current.notice(event)) {
			tell();
		}
	}

	private void become(MachineStatus next) {
		synchronized (this) {
			if (this.closed || next.equals(this.status)) {
				return;
			}
			this.status = next;
		}
		QemuSession current = this.session;
		if (next.isUp() && current != null) {
			logger.info("{} is up: QEMU {} at {}", this.name, current.version(), this.address);
		}
		else {
			logger.warn("{}: {}", next.state().name().toLowerCase(Locale.ROOT), next.reason());
		}
		tell();
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
		synchronized (this) {
			this.closed = true;
			this.session = null;
			if (this.retry != null) {
				this.retry.cancel(false);
			}
			connection = this.client;
			this.status = new MachineStatus(MachineState.DOWN, this.name + " is no longer watched.");
		}
		if (connection != null) {
			connection.close();
		}
	}

}
