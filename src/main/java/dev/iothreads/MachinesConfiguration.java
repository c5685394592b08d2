package dev.iothreads;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import dev.iothreads.discovery.SocketDirectory;
import dev.iothreads.discovery.SocketDiscovery;
import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.host.ProcFinder;
import dev.iothreads.inventory.ChangeService;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineSource;
import dev.iothreads.inventory.Upkeep;
import dev.iothreads.libvirt.LibvirtAddress;
import dev.iothreads.libvirt.LibvirtOptions;
import dev.iothreads.libvirt.LibvirtSource;
import dev.iothreads.machine.ImageDirectories;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.ReadOnlyMachine;
import dev.iothreads.qemu.Hold;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qemu.SocketUse;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.security.SecurityProperties;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.thread.Threading;
import org.springframework.boot.web.server.autoconfigure.ServerProperties;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;
import org.springframework.core.task.VirtualThreadTaskExecutor;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/**
 * Creates the sources of machines, the inventory that keeps them, and the services.
 */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(IOThreadsProperties.class)
class MachinesConfiguration {

	private static final Logger logger = LoggerFactory.getLogger(MachinesConfiguration.class);

	static final String DEMO = "demo";

	// Of so many machines the pools are kept at once.
	private static final int UPKEEP_THREADS = 8;

	@Bean(destroyMethod = "shutdownNow")
	ScheduledExecutorService machineScheduler() {
		ThreadFactory threads = daemon("machines-");
		ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1, threads);
		scheduler.setRemoveOnCancelPolicy(true);
		return scheduler;
	}

	@Bean
	QemuOptions qemuOptions(IOThreadsProperties properties, Environment environment) {
		return new QemuOptions(properties.timeouts().connect(), properties.timeouts().command(),
				connectionThreads(environment),
				properties.metrics().io() ? min(properties.refreshInterval().dividedBy(2), properties.maxAge()) : null,
				new ProcFinder());
	}

	@Bean
	Connector connector(QemuOptions options, ScheduledExecutorService machineScheduler, IOThreadsProperties properties,
			ServerProperties server) {
		return (name, monitor, hold, found) -> QemuMachine.connect(name, monitor,
				new SocketUse(hold, found, ownSocket(properties, name, monitor, server)), options, machineScheduler);
	}

	@Bean
	@Order(1)
	MachineSource configuredMachines(IOThreadsProperties properties, Connector connector) {
		Map<String, Supplier<Machine>> machines = new TreeMap<>();
		properties.machines().forEach((name, machine) -> machines.put(name, () -> {
			Machine connected = connector.connect(name, machine.monitor(), machine.hold(), false);
			return machine.readOnly() ? new ReadOnlyMachine(connected,
					"%s is read-only here. Set iothreads.machines.%1$s.read-only to false to change it."
						.formatted(name))
					: connected;
		}));
		return MachineSource.of(machines);
	}

	// The sources have no conditions: AOT processing would evaluate them at build time.
	@Bean
	@Order(2)
	@Nullable MachineSource socketDirectory(IOThreadsProperties properties, Connector connector,
			ObjectProvider<LibvirtSource> libvirt) {
		IOThreadsProperties.Discovery discovery = properties.discovery();
		if (discovery == null) {
			return null;
		}
		Map<String, MonitorAddress> configured = monitors(properties);
		return new SocketDiscovery(new SocketDirectory(Path.of(discovery.directory()), discovery.pattern()), () -> {
			Map<String, MonitorAddress> taken = new TreeMap<>(configured);
			libvirt.ifAvailable((source) -> source.monitors().forEach(taken::putIfAbsent));
			return taken;
		}, (name, monitor) -> {
			QemuMachine machine = connector.connect(name, monitor, discovery.hold(), true);
			return new SocketDiscovery.Connection(machine, machine::socket);
		}, discovery.interval(), daemon("discovery-"));
	}

	@Bean
	@Order(3)
	@Nullable LibvirtSource libvirt(IOThreadsProperties properties, QemuOptions qemu, Environment environment,
			ScheduledExecutorService machineScheduler, ServerProperties server) {
		IOThreadsProperties.Libvirt libvirt = properties.libvirt();
		if (libvirt == null) {
			return null;
		}
		PathMatcher glob = FileSystems.getDefault().getPathMatcher("glob:" + libvirt.domains());
		return new LibvirtSource(new LibvirtOptions(LibvirtAddress.parse(libvirt.uri()),
				(domain) -> glob.matches(Path.of(domain)), libvirt.readOnly(),
				libvirt.reading() == IOThreadsProperties.Libvirt.Reading.MONITOR, qemu.connectTimeout(),
				qemu.commandTimeout(), daemon("libvirt-"), machineScheduler, qemu.statisticsInterval(),
				qemu.hostThreads(), (name, uuid) -> ownSocket(properties, name, uuid, server)), monitors(properties));
	}

	private static Map<String, MonitorAddress> monitors(IOThreadsProperties properties) {
		Map<String, MonitorAddress> monitors = new TreeMap<>();
		properties.machines().forEach((name, machine) -> monitors.put(name, machine.monitor()));
		return monitors;
	}

	@Bean
	@Nullable MachineSource demo(IOThreadsProperties properties) {
		if (!properties.isDemo()) {
			return null;
		}
		logger.info("No machines are configured: '{}' is an embedded one, to try things on", DEMO);
		return MachineSource
			.of(Map.of(DEMO, properties.simulated() ? EmbeddedMachine::simulated : EmbeddedMachine::demo));
	}

	@Bean(destroyMethod = "shutdownNow")
	ExecutorService upkeepExecutor() {
		ThreadPoolExecutor executor = new ThreadPoolExecutor(UPKEEP_THREADS, UPKEEP_THREADS, 10, TimeUnit.SECONDS,
				new LinkedBlockingQueue<>(), daemon("upkeep-"));
		executor.allowCoreThreadTimeOut(true);
		return executor;
	}

	@Bean
	Inventory inventory(IOThreadsProperties properties, ScheduledExecutorService machineScheduler,
			List<MachineSource> sources) {
		Inventory inventory = new Inventory(machineScheduler, properties.refreshInterval(), properties.idleInterval(),
				properties::poolOf);
		sources.forEach(inventory::start);
		return inventory;
	}

	// Not before the audit listens.
	@Bean
	ApplicationListener<ApplicationReadyEvent> upkeep(IOThreadsProperties properties, Inventory inventory,
			@Qualifier("upkeepExecutor") ExecutorService executor, ApplicationEventPublisher events) {
		return (ready) -> {
			boolean images = !properties.attach().images().isEmpty();
			if (images || !properties.pools().isEmpty()) {
				inventory.listen(new Upkeep(inventory, images, executor, events::publishEvent));
			}
		};
	}

	@Bean
	SecurityProperties securityProperties(IOThreadsProperties properties, ServerProperties server) {
		return properties.security().withDefaults(properties.isDemo(), server.getAddress());
	}

	@Bean
	IOThreadService ioThreadService(Inventory inventory, IOThreadsProperties properties) {
		return new IOThreadService(inventory, properties.maxAge());
	}

	@Bean
	ChangeService changeService(Inventory inventory, IOThreadsProperties properties) {
		return new ChangeService(inventory, Set.copyOf(properties.attach().drivers()),
				new ImageDirectories(properties.attach().images().stream().map(Path::of).toList(),
						properties.attach().imagesShared(), properties.timeouts().command()),
				properties.timeouts().detach(), properties.maxAge());
	}

	// A service has the same name after a restart, and two on one host listen at
	// different addresses or ports.
	private static @Nullable Path ownSocket(IOThreadsProperties properties, String machine, Object monitor,
			ServerProperties server) {
		String directory = properties.ownMonitor().directory();
		if (directory == null) {
			return null;
		}
		Integer port = server.getPort();
		String service = host() + ":" + server.getAddress() + ":"
				+ ((port != null && port == 0) ? "pid" + ProcessHandle.current().pid() : port);
		return Path.of(directory,
				"iothread-inventory-" + UUID
					.nameUUIDFromBytes((service + ":" + machine + ":" + monitor).getBytes(StandardCharsets.UTF_8))
					.toString()
					.substring(0, 13) + ".sock");
	}

	private static String host() {
		try {
			return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
		}
		catch (IOException ex) {
			return "";
		}
	}

	private static ThreadFactory connectionThreads(Environment environment) {
		return Threading.VIRTUAL.isActive(environment) ? new VirtualThreadTaskExecutor("qmp-").getVirtualThreadFactory()
				: daemon("qmp-");
	}

	private static Duration min(Duration one, Duration other) {
		return (one.compareTo(other) < 0) ? one : other;
	}

	private static ThreadFactory daemon(String prefix) {
		CustomizableThreadFactory threads = new CustomizableThreadFactory(prefix);
		threads.setDaemon(true);
		return threads;
	}

	/**
	 * Connects to QEMUs.
	 */
	interface Connector {

		QemuMachine connect(String name, MonitorAddress monitor, Hold hold, boolean found);

	}

}
