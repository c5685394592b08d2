package dev.iothreads.qemu;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpConnectException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpMonitor;
import dev.iothreads.qmp.QmpOptions;
import dev.iothreads.qmp.SocketIdentity;
import dev.iothreads.qmp.VisitingMonitor;
import org.jspecify.annotations.Nullable;

/**
 * Makes the monitors of the QEMU behind one socket: a connection that is kept, or one
 * that visits.
 */
final class SocketMonitors {

	/**
	 * After how many tries a socket that was found, and never greets, is tried seldom.
	 */
	static final int TRIES = 3;

	/** How often it is tried then. */
	static final Duration SELDOM = Duration.ofMinutes(1);

	/** How long such a try waits for a greeting: a QEMU that is not busy needs less. */
	private static final Duration SHORT = Duration.ofMillis(200);

	private static final Set<QmpConnectException.Reason> NO_MONITOR = Set.of(QmpConnectException.Reason.NOT_GREETED,
			QmpConnectException.Reason.HUMAN_MONITOR, QmpConnectException.Reason.NOT_QMP);

	private final MonitorAddress address;

	private final boolean found;

	private final QmpOptions options;

	private final @Nullable OwnMonitor own;

	private volatile boolean visits;

	// Whether QEMU has made the own monitor, which is connected to next.
	private volatile boolean made;

	private volatile boolean throughOwn;

	private volatile @Nullable String withoutOwn;

	private volatile @Nullable SocketIdentity refusedBy;

	private volatile @Nullable SocketIdentity socket;

	private volatile boolean ofLibvirt;

	private volatile boolean looked;

	private volatile boolean greeted;

	private volatile int silences;

	private int ownFailures;

	/**
	 * Creates it.
	 * @param address where the monitor listens
	 * @param use whether its connection is kept, and whether it may be no monitor at all
	 * @param options deadlines and the source of threads
	 */
	SocketMonitors(MonitorAddress address, SocketUse use, QemuOptions options) {
		this.address = address;
		this.found = use.found();
		this.visits = use.hold() != Hold.TRUE || Proxmox.owns(address);
		Path socket = use.own();
		this.own = (socket != null && use.hold() != Hold.FALSE) ? new OwnMonitor(socket) : null;
		this.ofLibvirt = address instanceof UnixAddress unix && Libvirt.owns(unix.path());
		this.options = QmpOptions.defaults()
			.withConnectTimeout(options.connectTimeout())
			.withGreetingTimeout(null)
			.withCommandTimeout(options.commandTimeout())
			.withThreadFactory(options.threadFactory());
	}

	MonitorAddress address() {
		return this.address;
	}

	QmpMonitor open(Consumer<QmpEvent> listener) {
		this.looked = false;
		this.throughOwn = this.made;
		this.made = false;
		if (this.throughOwn && this.own != null) {
			this.looked = true;
			return QmpClient.open(this.own.address(), this.options.withGreetingTimeout(this.options.connectTimeout()),
					listener);
		}
		if (this.visits && !this.ofLibvirt) {
			return VisitingMonitor.open(this.address, this.options, this::look, listener);
		}
		CompletableFuture<QmpMonitor> opened = new CompletableFuture<>();
		QmpOptions held = this.options.withThreadFactory((work) -> this.options.threadFactory().newThread(() -> {
			look();
			if (this.ofLibvirt) {
				opened.thenAccept(QmpMonitor::close);
			}
			else {
				work.run();
			}
		}));
		opened.complete(QmpClient.open(this.address,
				isUnknown() ? held.withGreetingTimeout(isGivenUp() ? SHORT : this.options.connectTimeout()) : held,
				listener));
		return opened.join();
	}

	/**
	 * Returns whether the socket is libvirt's own monitor, which is not connected to.
	 */
	boolean isOfLibvirt() {
		return this.ofLibvirt;
	}

	// What was found and has never greeted may be a console, which a connection that is
	// kept would take from its user.
	private boolean isUnknown() {
		return this.found && !this.greeted;
	}

	private boolean isGivenUp() {
		return isUnknown() && this.silences >= TRIES;
	}

	// On the connection's thread: a file system that hangs blocks no other machine.
	private @Nullable SocketIdentity look() {
		SocketIdentity now = (this.address instanceof UnixAddress unix) ? SocketIdentity.of(unix.path()) : null;
		this.socket = now;
		this.ofLibvirt = this.address instanceof UnixAddress unix && Libvirt.owns(followed(unix.path()));
		this.looked = true;
		return now;
	}

	private static Path followed(Path socket) {
		try {
			return socket.toRealPath();
		}
		catch (IOException ex) {
			return socket; // there is none, which connecting finds as well
		}
	}

	/**
	 * Returns the socket of the latest connection, as it was just before connecting.
	 */
	@Nullable SocketIdentity socket() {
		return this.socket;
	}

	/**
	 * Returns whether the socket of the latest connection has been looked at.
	 */
	boolean hasLooked() {
		return this.looked;
	}

	void onGreeted() {
		this.greeted = true;
		if (this.throughOwn) {
			this.ownFailures = 0;
		}
	}

	/**
	 * Returns whether the present monitor is the service's alone.
	 */
	boolean isThroughOwn() {
		return this.throughOwn;
	}

	/**
	 * Returns why a visited QEMU has no monitor for the service alone, {@code null} where
	 * it may have one or none is wanted.
	 */
	@Nullable String withoutOwn() {
		return this.withoutOwn;
	}

	/**
	 * Has a visited QEMU make a monitor for the service alone, unless that was in vain
	 * before: then what is left of it is removed.
	 * @return whether it has one, to be connected to next; it never fails
	 */
	CompletableFuture<Boolean> makeOwn(QmpMonitor visited) {
		OwnMonitor wanted = this.own;
		if (wanted == null || visited.hasAllEvents()) {
			return CompletableFuture.completedFuture(false);
		}
		SocketIdentity now = this.socket;
		if (this.withoutOwn != null && Objects.equals(now, this.refusedBy)) {
			return wanted.remove(visited).handle((removed, failure) -> false);
		}
		return wanted.make(visited).handle((refusal, failure) -> {
			this.made = refusal == null && failure == null;
			this.withoutOwn = refusal;
			this.refusedBy = now;
			return this.made;
		});
	}

	/**
	 * Handles the end of a monitor. A QEMU whose monitor others need is visited from then
	 * on.
	 * @return whether it may be no monitor at all, and is tried every {@link #SELDOM}
	 * only
	 */
	boolean isGivenUpAfter(Throwable reason) {
		if (this.throughOwn && this.own != null && reason instanceof QmpConnectException ex
				&& (ex.reason() == QmpConnectException.Reason.NOT_CONNECTED || ++this.ownFailures >= TRIES)) {
			this.withoutOwn = "It has no monitor of the service's own: QEMU made one, and the service cannot connect to %s. Let the service's user enter that directory and write to its sockets; in a container, mount the same one as QEMU has."
				.formatted(this.own.address());
			return false;
		}
		if (reason instanceof OthersNeedItException) {
			this.visits = true;
			this.greeted = true;
		}
		if (isUnknown() && reason instanceof QmpConnectException ex && NO_MONITOR.contains(ex.reason())) {
			this.silences++;
		}
		return isGivenUp();
	}

}
