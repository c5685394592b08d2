package dev.iothreads;

import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

import dev.iothreads.inventory.MachineName;
import dev.iothreads.libvirt.LibvirtAddress;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.ObjectId;
import dev.iothreads.machine.Pool;
import dev.iothreads.qemu.Hold;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.SocketIdentity;
import dev.iothreads.security.SecurityProperties;
import org.jspecify.annotations.Nullable;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.NestedConfigurationProperty;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.convert.DurationUnit;
import org.springframework.util.Assert;
import org.springframework.validation.Errors;
import org.springframework.validation.Validator;

/**
 * The settings of the service. Everything beneath {@code iothreads} has its place in
 * here, because what has none stops the start: a misspelt name must not pass for a
 * default.
 *
 * @param machines Machines by name, each with the address of its monitor. With neither
 * machines nor discovery the service shows an embedded one, 'demo'.
 * @param discovery A directory in which each socket is a machine. None is looked into
 * unless it is named.
 * @param ownMonitor The monitors that visited QEMUs make for the service.
 * @param libvirt The libvirt daemon whose running domains are machines. None is asked
 * unless its URI is given.
 * @param refreshInterval How often a machine is read while a client reads the stream of
 * events, from 100ms to 24h. A plain number is seconds.
 * @param idleInterval How often a machine is read without requests while no client reads
 * the stream of events, from 100ms to 24h. A value below refresh-interval has no effect.
 * A plain number is seconds.
 * @param maxAge How old the reading may be that a request is answered from, from 0s to
 * 24h. A plain number is seconds.
 * @param timeouts How long a QEMU may take.
 * @param attach What may be attached.
 * @param pools The IOThreads that machines are to have whenever they come up, by a glob
 * for the machines' names. A machine's own name goes before the globs, of which the first
 * that fits is taken.
 * @param metrics What is measured.
 * @param simulated Whether the embedded machine has a guest that works, and devices that
 * are slow to go.
 * @param security Who may do what.
 */
@ConfigurationProperties(prefix = "iothreads", ignoreUnknownFields = false)
public record IOThreadsProperties(@DefaultValue Map<String, MachineProperties> machines, @Nullable Discovery discovery,
		@DefaultValue OwnMonitor ownMonitor, @Nullable Libvirt libvirt,
		@DefaultValue("5s") @DurationUnit(ChronoUnit.SECONDS) Duration refreshInterval,
		@DefaultValue("60s") @DurationUnit(ChronoUnit.SECONDS) Duration idleInterval,
		@DefaultValue("1s") @DurationUnit(ChronoUnit.SECONDS) Duration maxAge, @DefaultValue Timeouts timeouts,
		@DefaultValue Attach attach, @DefaultValue Map<String, PoolProperties> pools, @DefaultValue Metrics metrics,
		@DefaultValue("true") boolean simulated,
		@NestedConfigurationProperty @DefaultValue SecurityProperties security) implements Validator {

	// Source: QEMU's include/block/aio.h.
	private static final long DEFAULT_POOL_MAX = 64;

	private static final Duration LONGEST = Duration.ofDays(1);

	// So that a mistyped interval does not load QEMU's main loop.
	private static final Duration SHORTEST_INTERVAL = Duration.ofMillis(100);

	public IOThreadsProperties {
		pools = Collections.unmodifiableMap(new LinkedHashMap<>(pools));
		machines = Collections.unmodifiableMap(new TreeMap<>(machines));
	}

	/**
	 * Returns whether there is no source of machines, so that the service shows the
	 * embedded demo only, which any client on loopback may change.
	 */
	boolean isDemo() {
		return this.machines.isEmpty() && this.discovery == null && this.libvirt == null;
	}

	/**
	 * Finds the pool of a machine.
	 */
	Optional<Pool> poolOf(String machine) {
		FileSystem files = FileSystems.getDefault();
		return Stream
			.concat(this.pools.entrySet().stream().filter((pool) -> machine.equals(pool.getKey())),
					this.pools.entrySet()
						.stream()
						.filter((pool) -> files.getPathMatcher("glob:" + pool.getKey()).matches(Path.of(machine))))
			.findFirst()
			.map((pool) -> pool.getValue().toPool(pool.getKey()));
	}

	@Override
	public boolean supports(Class<?> type) {
		return IOThreadsProperties.class == type;
	}

	@Override
	public void validate(Object target, Errors errors) {
		IOThreadsProperties properties = (IOThreadsProperties) target;
		properties.machines.keySet().forEach((name) -> {
			if (!MachineName.isValid(name)) {
				errors.rejectValue("machines[" + name + "]", "name",
						"'" + name + "' cannot be part of a URL: " + MachineName.RULE);
			}
		});
		properties.machines.forEach((name, machine) -> {
			if (machine.hold != Hold.TRUE && !(machine.monitor instanceof UnixAddress)) {
				errors.rejectValue("machines[" + name + "].hold", "tcp",
						"use true, or a Unix socket: over TCP the service cannot see that another QEMU listens than at the visit before");
			}
		});
		requireOneEach(errors, properties.machines);
		requireRange(errors, "refreshInterval", properties.refreshInterval, SHORTEST_INTERVAL);
		requireRange(errors, "idleInterval", properties.idleInterval, SHORTEST_INTERVAL);
		requireRange(errors, "maxAge", properties.maxAge, Duration.ZERO);
		requireRange(errors, "timeouts.connect", properties.timeouts.connect, Duration.ofMillis(1));
		requireRange(errors, "timeouts.command", properties.timeouts.command, Duration.ofMillis(1));
		requireRange(errors, "timeouts.detach", properties.timeouts.detach, Duration.ZERO);
		properties.attach.validate(errors);
		properties.pools.forEach((glob, pool) -> pool.validate(glob, errors));
		if (properties.discovery != null) {
			requireRange(errors, "discovery.interval", properties.discovery.interval, SHORTEST_INTERVAL);
			properties.discovery.validate(errors);
		}
		if (properties.discovery != null && properties.discovery.directory.equals(properties.ownMonitor.directory)) {
			errors.rejectValue("ownMonitor.directory", "taken",
					"use another directory than iothreads.discovery.directory, in which each socket is a machine");
		}
		properties.ownMonitor.validate(errors, (properties.discovery != null && properties.discovery.hold == Hold.OWN)
				|| properties.machines.values().stream().anyMatch((machine) -> machine.hold == Hold.OWN));
		if (properties.libvirt != null) {
			properties.libvirt.validate(errors);
		}
	}

	// A monitor serves one client at a time: the second machine would wait without
	// end for the first.
	private static void requireOneEach(Errors errors, Map<String, MachineProperties> machines) {
		Map<Object, String> owners = new HashMap<>();
		machines.forEach((name, machine) -> {
			String owner = owners.putIfAbsent(place(machine.monitor), name);
			if (owner != null) {
				errors.rejectValue("machines[" + name + "].monitor", "taken",
						"'%s' has this monitor already, and a monitor serves one client at a time: give each a -qmp of its own"
							.formatted(owner));
			}
		});
	}

	private static Object place(MonitorAddress monitor) {
		if (monitor instanceof UnixAddress unix) {
			SocketIdentity socket = SocketIdentity.of(unix.path());
			return (socket != null) ? socket : unix.path().normalize();
		}
		return monitor;
	}

	private static void requireRange(Errors errors, String field, Duration duration, Duration shortest) {
		if (duration.compareTo(shortest) < 0 || duration.compareTo(LONGEST) > 0) {
			errors.rejectValue(field, "range",
					shortest.isZero() ? "use 0s to 24h" : "use %dms to 24h, such as 5s".formatted(shortest.toMillis()));
		}
	}

	/**
	 * One machine.
	 *
	 * @param monitor Where its monitor listens: unix:/path or tcp:host:port.
	 * @param readOnly Whether the service must not change it.
	 * @param hold Whether its connection is kept: true, or false where other programs
	 * need the monitor, too, so that each reading and each command is a visit, or own
	 * where its QEMU is to make a monitor for the service.
	 */
	public record MachineProperties(MonitorAddress monitor, @DefaultValue("false") boolean readOnly,
			@DefaultValue("true") Hold hold) {

		public MachineProperties {
			Assert.notNull(monitor, "the machine has no monitor: set one, such as unix:/run/qemu/vm1.sock");
		}

	}

	/**
	 * A directory in which each socket is a machine.
	 *
	 * @param directory The directory, an absolute path. It need not exist yet.
	 * @param pattern Which of its files to look at, as a glob. A machine's name is the
	 * file's without what the pattern ends with: by *.sock, vm1.sock is vm1.
	 * @param interval How often to look, from 100ms to 24h. A plain number is seconds.
	 * @param hold Whether the connections are kept: true, or false where other programs
	 * need the monitors, too, so that each reading and each command is a visit, or own
	 * where each QEMU is to make a monitor for the service.
	 */
	public record Discovery(String directory, @DefaultValue("*.sock") String pattern,
			@DefaultValue("2s") @DurationUnit(ChronoUnit.SECONDS) Duration interval, @DefaultValue("true") Hold hold) {

		public Discovery {
			Assert.hasText(directory, "there is no directory to look into: set one, such as /run/qemu");
		}

		private void validate(Errors errors) {
			try {
				if (!Path.of(this.directory).isAbsolute()) {
					errors.rejectValue("discovery.directory", "path", "use an absolute path, such as /run/qemu");
				}
			}
			catch (InvalidPathException ex) {
				errors.rejectValue("discovery.directory", "path", "use a valid path: " + ex.getMessage());
			}
			try {
				if (this.pattern.isBlank() || this.pattern.contains("/")) {
					errors.rejectValue("discovery.pattern", "glob", "use a pattern for file names, such as *.sock");
				}
				FileSystems.getDefault().getPathMatcher("glob:" + this.pattern);
			}
			catch (PatternSyntaxException ex) {
				errors.rejectValue("discovery.pattern", "glob",
						"use a glob, such as *.sock (" + ex.getDescription() + ")");
			}
		}

	}

	/**
	 * The monitors that visited QEMUs make for the service: QEMU 11.1 and newer.
	 *
	 * @param directory Where their sockets are, an absolute path of at most 60
	 * characters. QEMU must be able to write to it, and the service to enter it. Without
	 * it none is made.
	 */
	public record OwnMonitor(@Nullable String directory) {

		private static final int LONGEST = 60;

		private void validate(Errors errors, boolean needed) {
			if (this.directory == null) {
				if (needed) {
					errors.rejectValue("ownMonitor.directory", "missing",
							"hold: own needs a directory that QEMU may write to: set one, such as /run/iothread-inventory");
				}
			}
			else if (!this.directory.startsWith("/") || this.directory.length() > LONGEST) {
				errors.rejectValue("ownMonitor.directory", "path",
						"use an absolute path of at most %d characters, such as /run/iothread-inventory"
							.formatted(LONGEST));
			}
		}

	}

	/**
	 * A libvirt daemon of this host.
	 *
	 * @param uri Which daemon: qemu:///system, qemu:///session, or with ?socket=/path.
	 * @param reading How its domains are read: xml leaves no trace in libvirt, monitor
	 * asks their QEMUs through it.
	 * @param domains Which domains are machines, by their names, as a glob.
	 * @param readOnly Whether the service must not change them. libvirt's read-only
	 * socket will do then.
	 */
	public record Libvirt(String uri, @DefaultValue("xml") Reading reading, @DefaultValue("*") String domains,
			@DefaultValue("false") boolean readOnly) {

		public Libvirt {
			Assert.hasText(uri, "there is no libvirt to ask: set its uri, such as qemu:///system");
		}

		private void validate(Errors errors) {
			try {
				LibvirtAddress.parse(this.uri);
			}
			catch (IllegalArgumentException ex) {
				errors.rejectValue("libvirt.uri", "uri", String.valueOf(ex.getMessage()));
			}
			try {
				FileSystems.getDefault().getPathMatcher("glob:" + this.domains);
			}
			catch (PatternSyntaxException ex) {
				errors.rejectValue("libvirt.domains", "glob",
						"use a glob, such as web-* (" + ex.getDescription() + ")");
			}
		}

		/**
		 * How domains are read.
		 */
		public enum Reading {

			/** By libvirt's own calls: XML, IOThreads, statistics. */
			XML,

			/** By QMP through libvirt, which then notes that the domain is tainted. */
			MONITOR

		}

	}

	/**
	 * How long a QEMU may take.
	 *
	 * @param connect How long to take a connection, and then to greet. A plain number is
	 * seconds.
	 * @param command How long to answer. A plain number is seconds.
	 * @param detach How long to wait for a guest to let go of a device, before it is said
	 * that it has yet to. A plain number is seconds.
	 */
	public record Timeouts(@DefaultValue("2s") @DurationUnit(ChronoUnit.SECONDS) Duration connect,
			@DefaultValue("5s") @DurationUnit(ChronoUnit.SECONDS) Duration command,
			@DefaultValue("10s") @DurationUnit(ChronoUnit.SECONDS) Duration detach) {

	}

	/**
	 * What may be attached.
	 *
	 * @param drivers The drivers of devices that may be attached. Nothing else reaches
	 * QEMU's device_add, whatever a request says.
	 * @param images The directories from which image files may be attached, absolute
	 * paths. None is, unless one is named. The service must see them where QEMU does, and
	 * a guest or an untrusted user must not be able to write there.
	 * @param imagesShared Whether every QEMU sees the same files there as the service,
	 * also where the service cannot find that out: it may not look into QEMU's process,
	 * or does not see that.
	 */
	public record Attach(@DefaultValue( {
			"virtio-blk-pci", "virtio-blk-pci-transitional", "virtio-blk-pci-non-transitional", "virtio-blk-ccw",
			"virtio-blk-device", "virtio-scsi-pci", "virtio-scsi-pci-transitional", "virtio-scsi-pci-non-transitional",
			"virtio-scsi-ccw", "virtio-scsi-device", "scsi-hd", "virtio-balloon-pci", "virtio-balloon-pci-transitional",
			"virtio-balloon-pci-non-transitional", "virtio-balloon-ccw",
			"virtio-balloon-device" }) List<String> drivers, @DefaultValue List<String> images,
			@DefaultValue("false") boolean imagesShared){

		private void validate(Errors errors) {
			for (String directory : this.images) {
				if (!directory.startsWith("/") || directory.indexOf('\0') >= 0
						|| Path.of(directory).normalize().getNameCount() == 0) {
					errors.rejectValue("attach.images", "path",
							"use absolute paths beneath the root, such as /var/lib/qemu/images");
				}
			}
		}

	}

	/**
	 * IOThreads that a machine is to have.
	 *
	 * @param size How many.
	 * @param id What they are called: {n} in it is counted from 0.
	 * @param settings The properties that each is to have, such as poll-max-ns.
	 */
	public record PoolProperties(@DefaultValue("1") int size, @DefaultValue("pool{n}") String id,
			@DefaultValue Map<String, Long> settings) {

		private static final int LARGEST = 256;

		Pool toPool(String name) {
			Map<IOThreadProperty, Long> values = new EnumMap<>(IOThreadProperty.class);
			this.settings.forEach((property, value) -> IOThreadProperty.named(property)
				.ifPresent((known) -> values.put(known, value)));
			return new Pool(name, this.id, this.size, new IOThreadSettings(values));
		}

		private void validate(String glob, Errors errors) {
			String field = "pools[" + glob + "]";
			try {
				FileSystems.getDefault().getPathMatcher("glob:" + glob);
			}
			catch (PatternSyntaxException ex) {
				errors.rejectValue(field, "glob", "use a glob, such as web-* (" + ex.getDescription() + ")");
			}
			if (this.size < 1 || this.size > LARGEST) {
				errors.rejectValue(field + ".size", "range", "use 1 to %d".formatted(LARGEST));
			}
			if (!this.id.contains(Pool.NUMBER)
					|| !ObjectId.isWellFormed(this.id.replace(Pool.NUMBER, Integer.toString(LARGEST)))) {
				errors.rejectValue(field + ".id", "id",
						"use letters, digits, '-', '.' or '_' with {n} among them, such as pool{n}");
			}
			this.settings.forEach((name, value) -> {
				IOThreadProperty property = IOThreadProperty.named(name).orElse(null);
				if (property == null || !property.allows(value)) {
					errors.rejectValue(field + ".settings", "setting",
							(property == null) ? "there is no setting '%s' of an IOThread".formatted(name)
									: "use %d to %d for %s".formatted(property.min(), property.max(), name));
				}
			});
			Long min = this.settings.get(IOThreadProperty.THREAD_POOL_MIN.qemuName());
			Long max = this.settings.get(IOThreadProperty.THREAD_POOL_MAX.qemuName());
			if (min != null && min > ((max != null) ? max : DEFAULT_POOL_MAX)) {
				errors.rejectValue(field + ".settings", "setting",
						"use a thread-pool-min that is no more than thread-pool-max");
			}
		}

	}

	/**
	 * What is measured.
	 *
	 * @param io Whether to count what the devices on IOThreads read and write. It costs
	 * each QEMU one command more for each reading.
	 */
	public record Metrics(@DefaultValue("true") boolean io) {

	}

}
