package dev.iothreads.qemu;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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

	private volatile boolean visits;

	private volatile @Nullable SocketIdentity socket;

	private volatile boolean ofLibvirt;

	private volatile boolean looked;

	private volatile boolean greeted;

	private volatile int silences;

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
		this.ofLibvirt = address instanceof UnixAddress unix && Libvirt.owns(unix.path());
		this.options = options.ofConnection();
	}

	MonitorAddress address() {
		return this.address;
	}

	QmpMonitor open(Consumer<QmpEvent> listener) {
		this.looked = false;
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
	}

	/**
	 * Handles the end of a monitor. A QEMU whose monitor others need is visited from then
	 * on.
	 * @return whether it may be no monitor at all, and is tried every {@link #SELDOM}
	 * only
	 */
	boolean isGivenUpAfter(Throwable reason) {
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
