package dev.iothreads.qemu;

import java.util.function.Consumer;

import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
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

	/** After how many tries a socket that was found, and never greets, is left alone. */
	static final int TRIES = 3;

	private final MonitorAddress address;

	private final boolean found;

	private final QmpOptions options;

	private volatile boolean visits;

	private volatile @Nullable SocketIdentity socket;

	private volatile boolean looked;

	private volatile boolean greeted;

	private volatile int silences;

	/**
	 * Creates it.
	 * @param address where the monitor listens
	 * @param hold whether its connection is kept
	 * @param found whether the socket was found in a directory, so that it may be no
	 * monitor at all
	 * @param options deadlines and the source of threads
	 */
	SocketMonitors(MonitorAddress address, Hold hold, boolean found, QemuOptions options) {
		this.address = address;
		this.found = found;
		this.visits = hold == Hold.FALSE || Proxmox.owns(address);
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
		if (this.visits) {
			return VisitingMonitor.open(this.address, this.options, this::look, listener);
		}
		QmpOptions held = this.options.withThreadFactory((work) -> this.options.threadFactory().newThread(() -> {
			look();
			work.run();
		}));
		return QmpClient.open(this.address,
				isUnknown() ? held.withGreetingTimeout(this.options.connectTimeout()) : held, listener);
	}

	// What was found and has never greeted may be a console, which a connection that is
	// kept would take from its user.
	private boolean isUnknown() {
		return this.found && !this.greeted;
	}

	// On the connection's thread: a file system that hangs blocks no other machine.
	private @Nullable SocketIdentity look() {
		SocketIdentity now = (this.address instanceof UnixAddress unix) ? SocketIdentity.of(unix.path()) : null;
		this.socket = now;
		this.looked = true;
		return now;
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
	 * @return whether to leave the socket alone until its file is another one
	 */
	boolean isGivenUpAfter(Throwable reason) {
		if (reason instanceof OthersNeedItException) {
			this.visits = true;
		}
		boolean silent = reason instanceof QmpConnectException ex
				&& ex.reason() == QmpConnectException.Reason.NOT_GREETED;
		if (silent && isUnknown()) {
			this.silences++;
		}
		return isUnknown() && this.silences >= TRIES;
	}

}
