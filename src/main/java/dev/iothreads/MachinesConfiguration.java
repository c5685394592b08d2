package dev.iothreads;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.host.ProcFinder;
import dev.iothreads.inventory.ChangeService;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.security.Access;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.thread.Threading;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.core.task.VirtualThreadTaskExecutor;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/**
 * Puts the machines of the configuration into the registry.
 */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(IOThreadsProperties.class)
class MachinesConfiguration {

	private static final Logger logger = LoggerFactory.getLogger(MachinesConfiguration.class);

	static final String DEMO = "demo";

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
				properties.metrics().io() ? properties.refreshInterval().dividedBy(2) : null, new ProcFinder());
	}

	@Bean
	Inventory inventory(IOThreadsProperties properties, QemuOptions options,
			ScheduledExecutorService machineScheduler) {
		Inventory inventory = new Inventory(machineScheduler, properties.refreshInterval());
		if (properties.machines().isEmpty() && properties.discovery() == null) {
			logger.info("No machines are configured: '{}' is an embedded one, to try things on", DEMO);
			inventory.add(DEMO, EmbeddedMachine.demo(), false);
		}
		properties.machines()
			.forEach((name, machine) -> inventory.add(name,
					QemuMachine.connect(name, machine.monitor(), options, machineScheduler), machine.readOnly()));
		return inventory;
	}

	// Without a condition: those are frozen when the application is prepared ahead of
	// time.
	@Bean
	@Nullable SocketDiscovery socketDiscovery(IOThreadsProperties properties, Inventory inventory, QemuOptions options,
			ScheduledExecutorService machineScheduler) {
		IOThreadsProperties.Discovery discovery = properties.discovery();
		if (discovery == null) {
			return null;
		}
		Map<String, MonitorAddress> configured = new TreeMap<>();
		properties.machines().forEach((name, machine) -> configured.put(name, machine.monitor()));
		SocketDirectory directory = new SocketDirectory(Path.of(discovery.directory()), discovery.pattern());
		SocketDiscovery sockets = new SocketDiscovery(directory, configured, inventory, (name, monitor) -> {
			QemuMachine machine = QemuMachine.connect(name, monitor, options, machineScheduler);
			return new SocketDiscovery.Connection(machine, machine::socket);
		}, daemon("discovery-"));
		sockets.start(discovery.interval());
		return sockets;
	}

	@Bean
	Access access(IOThreadsProperties properties) {
		return properties.security();
	}

	@Bean
	IOThreadService ioThreadService(Inventory inventory, IOThreadsProperties properties) {
		return new IOThreadService(inventory, properties.maxAge());
	}

	@Bean
	ChangeService changeService(Inventory inventory, IOThreadsProperties properties) {
		return new ChangeService(inventory, Set.copyOf(properties.attach().drivers()), properties.timeouts().detach(),
				properties.maxAge());
	}

	private static ThreadFactory connectionThreads(Environment environment) {
		return Threading.VIRTUAL.isActive(environment) ? new VirtualThreadTaskExecutor("qmp-").getVirtualThreadFactory()
				: daemon("qmp-");
	}

	private static ThreadFactory daemon(String prefix) {
		CustomizableThreadFactory threads = new CustomizableThreadFactory(prefix);
		threads.setDaemon(true);
		return threads;
	}

}
