package dev.iothreads.discovery;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Supplier;

import dev.iothreads.discovery.SocketDirectory.Listing;
import dev.iothreads.discovery.SocketDirectory.SocketFile;
import dev.iothreads.inventory.MachineSource;
import dev.iothreads.machine.Machine;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds a machine behind each socket in a directory. It looks at intervals, on a thread
 * of its own: a file system that hangs delays no machine.
 */
public final class SocketDiscovery implements MachineSource {

	private static final Logger logger = LoggerFactory.getLogger(SocketDiscovery.class);

	private final SocketDirectory directory;

	private final Supplier<Map<String, MonitorAddress>> configured;

	private final BiFunction<String, MonitorAddress, Connection> connect;

	private final Duration interval;

	private final ScheduledExecutorService thread;

	private final Map<String, Found> known = new TreeMap<>();

	private Map<Path, String> warnings = Map.of();

	private boolean closed;

	/**
	 * Creates it.
	 * @param directory where the sockets are
	 * @param configured the monitors of machines that are known already, by name. Their
	 * sockets are left out
	 * @param connect makes a machine of a name and its monitor, without waiting
	 * @param interval how long to wait between two looks
	 * @param threads makes the thread
	 */
	public SocketDiscovery(SocketDirectory directory, Supplier<Map<String, MonitorAddress>> configured,
			BiFunction<String, MonitorAddress, Connection> connect, Duration interval, ThreadFactory threads) {
		this.directory = directory;
		this.configured = configured;
		this.connect = connect;
		this.interval = interval;
		this.thread = Executors.newSingleThreadScheduledExecutor(threads);
	}

	@Override
	public void start(Sink sink) {
		logger.info("Every socket in {} is a machine", this.directory.path());
		this.thread.scheduleWithFixedDelay(() -> look(sink), 0, this.interval.toNanos(), TimeUnit.NANOSECONDS);
	}

	/**
	 * Looks once. It never throws, because that would end the looks at intervals.
	 * @param sink what to report to
	 */
	void look(Sink sink) {
		try {
			lookOnce(sink);
		}
		catch (RuntimeException | Error ex) {
			logger.error("Looking for sockets in {} failed, and is tried again", this.directory.path(), ex);
		}
	}

	private void lookOnce(Sink sink) {
		Map<Path, String> found = new HashMap<>();
		try {
			Listing listing = list(found);
			Map<SocketIdentity, String> taken = configuredSockets();
			update(sink, listing, taken, found);
		}
		catch (AccessDeniedException ex) {
			found.put(this.directory.path(),
					"%s may not be read by the user '%s': the machines are those of before. Allow this user to list and to enter it."
						.formatted(this.directory.path(), System.getProperty("user.name")));
		}
		catch (IOException | RuntimeException ex) {
			found.put(this.directory.path(),
					"%s cannot be read: the machines are those of before. %s".formatted(this.directory.path(), ex));
		}
		warn(found);
	}

	private Listing list(Map<Path, String> found) throws IOException {
		try {
			return this.directory.list();
		}
		catch (NoSuchFileException | NotDirectoryException ex) {
			found.put(this.directory.path(), "%s is no directory yet: there are no machines in it until it is made."
				.formatted(this.directory.path()));
			return new Listing(List.of(), Map.of());
		}
	}

	private Map<SocketIdentity, String> configuredSockets() {
		Map<SocketIdentity, String> sockets = new HashMap<>();
		this.configured.get().forEach((name, monitor) -> {
			SocketIdentity identity = (monitor instanceof UnixAddress unix) ? SocketIdentity.of(unix.path()) : null;
			if (identity != null) {
				sockets.put(identity, name);
			}
		});
		return sockets;
	}

	private synchronized void update(Sink sink, Listing listing, Map<SocketIdentity, String> taken,
			Map<Path, String> found) {
		if (this.closed) {
			return;
		}
		Set<String> gone = new TreeSet<>(this.known.keySet());
		List<SocketFile> added = new ArrayList<>();
		listing.hidden().forEach((path, why) -> {
			gone.removeIf((name) -> Objects.requireNonNull(this.known.get(name)).isKept(path, taken));
			found.put(path, "%s cannot be looked at: it is left as it was. Allow the user '%s' to reach it: %s"
				.formatted(path, System.getProperty("user.name"), why));
		});
		for (SocketFile socket : listing.sockets()) {
			Found before = this.known.get(socket.name());
			if (before != null && before.isAt(socket) && taken.putIfAbsent(socket.identity(), socket.name()) == null) {
				this.known.put(socket.name(), new Found(socket, before.connection()));
				gone.remove(socket.name());
			}
			else {
				added.add(socket);
			}
		}
		gone.forEach((name) -> {
			this.known.remove(name);
			sink.lost(name);
		});
		added.forEach((socket) -> add(sink, socket, taken, found));
		gone.forEach(
				(name) -> logger.info(this.known.containsKey(name) ? "{} has another socket, and is connected to anew"
						: "{} has gone: its socket is no longer there", name));
	}

	private void add(Sink sink, SocketFile socket, Map<SocketIdentity, String> taken, Map<Path, String> found) {
		String owner = taken.get(socket.identity());
		if (socket.name().equals(owner)) {
			return; // the configuration has it, under the same name
		}
		if (owner != null) {
			found.put(socket.path(), "%s is skipped: it is the socket of %s, and a monitor serves one client at a time."
				.formatted(socket.path(), owner));
		}
		else {
			try {
				MonitorAddress monitor = new UnixAddress(socket.path());
				sink.found(socket.name(), () -> {
					Connection connection = this.connect.apply(socket.name(), monitor);
					this.known.put(socket.name(), new Found(socket, connection));
					return connection.machine();
				});
				taken.put(socket.identity(), socket.name());
			}
			catch (IllegalArgumentException ex) {
				found.put(socket.path(), "%s is skipped: %s".formatted(socket.path(), ex.getMessage()));
			}
		}
	}

	// A warning is logged again only when it was absent in between.
	private void warn(Map<Path, String> found) {
		found.forEach((path, warning) -> {
			if (!warning.equals(this.warnings.get(path))) {
				logger.warn(warning);
			}
		});
		this.warnings = found;
	}

	@Override
	public synchronized void close() {
		this.closed = true;
		this.thread.shutdownNow();
	}

	/**
	 * A machine, and the socket it is connected through: it may have reconnected to a new
	 * socket at its path.
	 *
	 * @param machine the machine
	 * @param through returns the socket of its latest connection
	 */
	public record Connection(Machine machine, Supplier<@Nullable SocketIdentity> through) {

	}

	private record Found(SocketFile socket, Connection connection) {

		boolean isAt(SocketFile now) {
			return now.equals(this.socket) || (now.path().equals(this.socket.path())
					&& now.identity().equals(this.connection.through().get()));
		}

		boolean isKept(Path hidden, Map<SocketIdentity, String> taken) {
			if (!hidden.equals(this.socket.path())) {
				return false;
			}
			taken.putIfAbsent(this.socket.identity(), this.socket.name());
			return true;
		}

	}

}
