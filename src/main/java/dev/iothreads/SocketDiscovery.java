package dev.iothreads;

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

import dev.iothreads.SocketDirectory.Listing;
import dev.iothreads.SocketDirectory.SocketFile;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Machine;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a machine in the registry for each socket in a directory. It looks again and
 * again, on a thread of its own: a file system that hangs keeps nobody else waiting.
 */
final class SocketDiscovery implements AutoCloseable {

	private static final Logger logger = LoggerFactory.getLogger(SocketDiscovery.class);

	private final SocketDirectory directory;

	private final Map<String, MonitorAddress> configured;

	private final Inventory inventory;

	private final BiFunction<String, MonitorAddress, Connection> connect;

	private final ScheduledExecutorService thread;

	private final Map<String, Found> known = new TreeMap<>();

	private Map<Path, String> complaints = Map.of();

	private boolean closed;

	/**
	 * Creates it. It does nothing yet.
	 * @param directory where the sockets are
	 * @param configured the monitors of the machines that are in the registry already, by
	 * name
	 * @param inventory the registry
	 * @param connect makes a machine of a name and its monitor, without waiting
	 * @param threads makes the thread
	 */
	SocketDiscovery(SocketDirectory directory, Map<String, MonitorAddress> configured, Inventory inventory,
			BiFunction<String, MonitorAddress, Connection> connect, ThreadFactory threads) {
		this.directory = directory;
		this.configured = configured;
		this.inventory = inventory;
		this.connect = connect;
		this.thread = Executors.newSingleThreadScheduledExecutor(threads);
	}

	/**
	 * Begins to look, at once and then again and again.
	 * @param interval how long to wait between two looks
	 */
	void start(Duration interval) {
		logger.info("Every socket in {} is a machine", this.directory.path());
		this.thread.scheduleWithFixedDelay(this::look, 0, interval.toNanos(), TimeUnit.NANOSECONDS);
	}

	/**
	 * Looks once. Whatever fails, it can be called again.
	 */
	void look() {
		try {
			lookOnce();
		}
		catch (RuntimeException | Error ex) {
			// What escapes from here would end the looking, without a word.
			logger.error("Looking for sockets in {} failed, and is tried again", this.directory.path(), ex);
		}
	}

	private void lookOnce() {
		Map<Path, String> found = new HashMap<>();
		try {
			Listing listing = list(found);
			Map<SocketIdentity, String> taken = configuredSockets();
			update(listing, taken, found);
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
		complain(found);
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
		this.configured.forEach((name, monitor) -> {
			SocketIdentity identity = (monitor instanceof UnixAddress unix) ? SocketIdentity.of(unix.path()) : null;
			if (identity != null) {
				sockets.put(identity, name);
			}
		});
		return sockets;
	}

	private synchronized void update(Listing listing, Map<SocketIdentity, String> taken, Map<Path, String> found) {
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
			this.inventory.remove(name);
		});
		added.forEach((socket) -> add(socket, taken, found));
		gone.forEach(
				(name) -> logger.info(this.known.containsKey(name) ? "{} has another socket, and is connected to anew"
						: "{} has gone: its socket is no longer there", name));
	}

	private void add(SocketFile socket, Map<SocketIdentity, String> taken, Map<Path, String> found) {
		String owner = taken.get(socket.identity());
		if (socket.name().equals(owner)) {
			return; // the configuration has it, under the same name
		}
		if (owner != null) {
			found.put(socket.path(), "%s is skipped: it is the socket of %s, and a monitor serves one client at a time."
				.formatted(socket.path(), owner));
		}
		else if (!IOThreadsProperties.isName(socket.name())) {
			found.put(socket.path(), "%s is skipped: '%s' cannot be part of a URL. Rename the file: %s."
				.formatted(socket.path(), socket.name(), IOThreadsProperties.NAME_RULE));
		}
		else if (this.configured.containsKey(socket.name())) {
			found.put(socket.path(),
					"%s is skipped: the configuration has a machine '%s' already, at %s. Rename one of them."
						.formatted(socket.path(), socket.name(), this.configured.get(socket.name())));
		}
		else {
			try {
				MonitorAddress monitor = new UnixAddress(socket.path());
				Connection connection = this.connect.apply(socket.name(), monitor);
				addToInventory(socket.name(), connection.machine());
				this.known.put(socket.name(), new Found(socket, connection));
				taken.put(socket.identity(), socket.name());
			}
			catch (IllegalArgumentException ex) {
				found.put(socket.path(), "%s is skipped: %s".formatted(socket.path(), ex.getMessage()));
			}
		}
	}

	private void addToInventory(String name, Machine machine) {
		try {
			this.inventory.add(name, machine, false);
		}
		catch (RuntimeException | Error ex) {
			machine.close();
			throw ex;
		}
	}

	// Once each, and again when it comes back.
	private void complain(Map<Path, String> found) {
		found.forEach((path, complaint) -> {
			if (!complaint.equals(this.complaints.get(path))) {
				logger.warn(complaint);
			}
		});
		this.complaints = found;
	}

	/**
	 * Stops looking. The machines stay in the registry.
	 */
	@Override
	public synchronized void close() {
		this.closed = true;
		this.thread.shutdownNow();
	}

	/**
	 * A machine, and how to learn which socket it is connected through by now: it may
	 * have found the next one at its path by itself.
	 *
	 * @param machine the machine
	 * @param through gives the socket that it was last connected through
	 */
	record Connection(Machine machine, Supplier<@Nullable SocketIdentity> through) {

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
