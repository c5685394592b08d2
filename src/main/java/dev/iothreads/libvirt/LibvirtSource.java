package dev.iothreads.libvirt;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.inventory.MachineName;
import dev.iothreads.inventory.MachineSource;
import dev.iothreads.libvirt.rpc.RpcConnection;
import dev.iothreads.libvirt.rpc.RpcEvent;
import dev.iothreads.libvirt.rpc.RpcOptions;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the running domains of a libvirt daemon. It follows the daemon's events; when the
 * daemon is restarted it connects again, and what ended meanwhile is lost then.
 */
public final class LibvirtSource implements MachineSource {

	private static final Logger logger = LoggerFactory.getLogger(LibvirtSource.class);

	private static final Duration RETRY = Duration.ofSeconds(1);

	private static final Duration LONGEST_RETRY = Duration.ofSeconds(30);

	private static final int SHORT_UUID = 8;

	private final LibvirtOptions options;

	private final Map<String, MonitorAddress> configured;

	private final Set<Domain> configuredDomains = ConcurrentHashMap.newKeySet();

	private final Map<UUID, Known> known = new HashMap<>();

	private final Map<String, MonitorAddress> monitors = new ConcurrentHashMap<>();

	private @Nullable Sink sink;

	private @Nullable Hypervisor hypervisor;

	private Duration delay = RETRY;

	private String warned = "";

	private boolean listing;

	private boolean listAgain;

	private boolean closed;

	/**
	 * Creates it.
	 * @param options which daemon, and how to talk to it
	 * @param configured the monitors of machines that are configured, by name: a domain
	 * that has one of them is that machine, and not another
	 */
	public LibvirtSource(LibvirtOptions options, Map<String, MonitorAddress> configured) {
		this.options = options;
		this.configured = Map.copyOf(configured);
	}

	@Override
	public void start(Sink machines) {
		synchronized (this) {
			this.sink = machines;
		}
		logger.info("Every running domain of {} is a machine", this.options.address());
		connect();
	}

	/**
	 * The further monitors that QEMUs of these machines have: a source that finds one of
	 * them has found a machine that is known already.
	 * @return a live view, each with a name for messages
	 */
	public Map<String, MonitorAddress> monitors() {
		return this.monitors;
	}

	private void connect() {
		synchronized (this) {
			if (this.closed) {
				return;
			}
		}
		// To pass commands on to a QEMU is a change to libvirt.
		boolean readOnly = this.options.readOnly() && !this.options.monitored();
		Path socket = this.options.address().find(readOnly);
		RpcOptions rpc = new RpcOptions(this.options.address().uri(), readOnly, this.options.connectTimeout(),
				this.options.commandTimeout(), this.options.threadFactory(), this.options.scheduler());
		RpcConnection prompt = RpcConnection.open(socket, rpc, this::onEvent);
		RpcConnection slow = RpcConnection.open(socket, rpc, (event) -> {
		});
		CompletableFuture.allOf(prompt.ready(), slow.ready())
			.thenCompose((opened) -> Hypervisor.of(prompt, slow))
			.thenCompose(
					(opened) -> CompletableFuture
						.allOf(Stream
							.of(Hypervisor.LIFECYCLE, Hypervisor.DEVICE_REMOVED, Hypervisor.DEVICE_ADDED,
									Hypervisor.DEVICE_REMOVAL_FAILED)
							.map(opened::register)
							.toArray(CompletableFuture[]::new))
						.thenCompose((registered) -> this.options.monitored() ? opened.registerMonitorEvents()
								: CompletableFuture.completedFuture(null))
						.thenApply((registered) -> opened))
			.whenComplete((opened, failure) -> {
				if (opened == null) {
					prompt.close();
					slow.close();
					onEnded(null, Failures.advice(failure));
				}
				else {
					onConnected(opened);
				}
			});
	}

	private void onConnected(Hypervisor opened) {
		synchronized (this) {
			if (this.closed) {
				opened.close();
				return;
			}
			this.hypervisor = opened;
			this.delay = RETRY;
			this.warned = "";
			this.listing = false;
		}
		logger.info("Connected to libvirt {} at {}", opened.version(), this.options.address());
		CompletableFuture.anyOf(opened.prompt().closed(), opened.slow().closed()).thenAccept((reason) -> {
			opened.close();
			onEnded(opened, reason instanceof Exception ended ? String.valueOf(ended.getMessage()) : "it has ended");
		});
		list();
	}

	private void onEnded(@Nullable Hypervisor ended, String reason) {
		List<Known> suspended;
		synchronized (this) {
			if (this.closed || this.hypervisor != ended) {
				return;
			}
			this.hypervisor = null;
			suspended = new ArrayList<>(this.known.values());
			if (!reason.equals(this.warned)) {
				logger.warn("libvirt at {} cannot be asked, and is tried again: {}", this.options.address(), reason);
				this.warned = reason;
			}
			this.options.scheduler().schedule(this::connect, this.delay.toMillis(), TimeUnit.MILLISECONDS);
			this.delay = (this.delay.compareTo(LONGEST_RETRY) < 0) ? this.delay.multipliedBy(2) : LONGEST_RETRY;
		}
		suspended.forEach((known) -> known.machine().suspend(reason));
	}

	// One listing at a time: what happens meanwhile is seen by the next.
	private void list() {
		Hypervisor current;
		synchronized (this) {
			current = this.hypervisor;
			this.listAgain = this.listing;
			if (current == null || this.listing) {
				return;
			}
			this.listing = true;
		}
		current.running()
			.thenCompose((domains) -> started(current, domains))
			.thenCompose((domains) -> update(current, domains))
			.whenComplete((done, failure) -> onListed(current, failure));
	}

	private void onListed(Hypervisor current, @Nullable Throwable failure) {
		boolean again;
		synchronized (this) {
			if (this.hypervisor != current) {
				return;
			}
			this.listing = false;
			again = this.listAgain;
		}
		if (failure != null) {
			logger.warn("The domains of {} cannot be listed: {}", this.options.address(),
					Failures.unwrap(failure).getMessage());
		}
		if (again) {
			list();
		}
	}

	// A domain is listed before its QEMU answers; an event says when it does.
	private CompletableFuture<List<Domain>> started(Hypervisor current, List<Domain> domains) {
		List<Domain> started = new ArrayList<>();
		CompletableFuture<?> all = CompletableFuture.completedFuture(null);
		for (Domain domain : domains) {
			if (!this.options.domains().test(domain.name())) {
				continue;
			}
			CompletableFuture<?> state = current.state(domain).handle((found, failure) -> {
				if (found != null && !found.isStarting()) {
					started.add(domain);
				}
				return found;
			});
			all = all.thenCombine(state, (one, other) -> other);
		}
		return all.thenApply((done) -> started);
	}

	private CompletableFuture<?> update(Hypervisor current, List<Domain> domains) {
		Set<Domain> present = new HashSet<>(domains);
		List<Known> gone = new ArrayList<>();
		List<Known> kept = new ArrayList<>();
		Sink machines;
		synchronized (this) {
			machines = Objects.requireNonNull(this.sink);
			this.known.values().removeIf((before) -> {
				boolean stays = present.remove(before.domain());
				(stays ? kept : gone).add(before);
				return !stays;
			});
		}
		kept.forEach((machine) -> {
			if (machine.machine().hypervisor() != current) {
				machine.machine().resume(current);
			}
		});
		// To close a machine may take until libvirt has answered what it was asked, and
		// this is the thread that reads the answers.
		CompletableFuture<?> lost = gone.isEmpty() ? CompletableFuture.completedFuture(null) : CompletableFuture
			.runAsync(() -> lose(machines, gone), (work) -> this.options.threadFactory().newThread(work).start());
		return lost.thenCompose((done) -> CompletableFuture.allOf(present.stream()
			.map((domain) -> current.xml(domain, 0)
				.thenApply(DomainDescription::parse)
				.thenAccept((description) -> add(machines, current, domain, description))
				.exceptionally((failure) -> {
					logger.warn("Domain {} cannot be looked at: {}", domain.name(),
							Failures.unwrap(failure).getMessage());
					return null;
				}))
			.toArray(CompletableFuture[]::new)));
	}

	private void lose(Sink machines, List<Known> gone) {
		gone.forEach((lost) -> {
			this.monitors.keySet().removeIf((key) -> key.equals(lost.name()) || key.startsWith(lost.name() + " "));
			machines.lost(lost.name());
			logger.info("{} has gone: libvirt no longer runs it", lost.name());
		});
	}

	private void add(Sink machines, Hypervisor current, Domain domain, DomainDescription description) {
		String owner = owner(description);
		if (owner != null) {
			if (this.configuredDomains.add(domain)) {
				logger.info(
						"Domain {} is the machine {} already, by its monitor: remove iothreads.machines.{} to have it changed through libvirt",
						domain.name(), owner, owner);
			}
			return;
		}
		String name = name(domain);
		int number = 0;
		for (Path socket : description.monitors()) {
			this.monitors.put((number++ == 0) ? name : name + " " + number, new UnixAddress(socket));
		}
		for (String tried : List.of(name, distinct(domain))) {
			try {
				machines.found(tried, () -> {
					LibvirtMachine machine = new LibvirtMachine(tried, domain, description.title(), current,
							this.options);
					synchronized (this) {
						this.known.put(domain.uuid(), new Known(tried, domain, machine));
					}
					return machine;
				});
				return;
			}
			catch (IllegalArgumentException ex) {
				logger.warn("Domain {} of {} cannot be called {}: {}", domain.name(), this.options.address(), tried,
						ex.getMessage());
			}
		}
	}

	private @Nullable String owner(DomainDescription description) {
		Set<SocketIdentity> sockets = description.monitors()
			.stream()
			.map(SocketIdentity::of)
			.filter(Objects::nonNull)
			.collect(Collectors.toSet());
		return this.configured.entrySet()
			.stream()
			.filter((machine) -> machine.getValue() instanceof UnixAddress unix
					&& sockets.contains(SocketIdentity.of(unix.path())))
			.map(Map.Entry::getKey)
			.findFirst()
			.orElse(null);
	}

	private static String name(Domain domain) {
		return MachineName.isValid(domain.name()) ? domain.name() : distinct(domain);
	}

	// Names that differ only in what a URL cannot have must not become the same.
	private static String distinct(Domain domain) {
		String fit = domain.name().replaceAll("[^A-Za-z0-9._-]+", "_").replaceFirst("^[^A-Za-z0-9]+", "");
		return fit.substring(0, Math.min(fit.length(), 100)) + (fit.isEmpty() ? "" : "~")
				+ domain.uuid().toString().substring(0, SHORT_UUID);
	}

	private void onEvent(RpcEvent event) {
		event.body().number();
		Domain domain = Domain.read(event.body());
		Known machine;
		synchronized (this) {
			machine = this.known.get(domain.uuid());
		}
		switch (event.procedure()) {
			case DOMAIN_EVENT_CALLBACK_LIFECYCLE -> {
				list();
				if (machine != null) {
					machine.machine().changed();
				}
			}
			case DOMAIN_EVENT_CALLBACK_DEVICE_ADDED -> {
				if (machine != null) {
					machine.machine().changed();
				}
			}
			case DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED -> {
				if (machine != null) {
					machine.machine().removed(event.body().string());
				}
			}
			case DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED -> {
				if (machine != null) {
					machine.machine().removalFailed(event.body().string());
				}
			}
			case QEMU_DOMAIN_MONITOR_EVENT -> {
				if (machine != null) {
					machine.machine()
						.onEvent(event.body().string(),
								Instant.ofEpochSecond(event.body().hyper()).plusNanos(1000L * event.body().number()),
								event.body().optionalString());
				}
			}
			default -> {
				// It was not registered for.
			}
		}
	}

	@Override
	public void close() {
		Hypervisor current;
		synchronized (this) {
			this.closed = true;
			current = this.hypervisor;
			this.hypervisor = null;
		}
		if (current != null) {
			current.close();
			current.awaitEnd();
		}
	}

	private record Known(String name, Domain domain, LibvirtMachine machine) {

	}

}
