package dev.iothreads;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;

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

	static final String DEMO = "demo";

	@Bean(destroyMethod = "shutdownNow")
	ScheduledExecutorService machineScheduler() {
		ThreadFactory threads = daemon("machines-");
		ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1, threads);
		scheduler.setRemoveOnCancelPolicy(true);
		return scheduler;
	}

	@Bean
	Inventory inventory(IOThreadsProperties properties, ScheduledExecutorService machineScheduler,
			Environment environment) {
		Inventory inventory = new Inventory(machineScheduler, properties.refreshInterval());
		if (properties.machines().isEmpty()) {
			inventory.add(DEMO, EmbeddedMachine.demo(), false);
		}
		QemuOptions options = new QemuOptions(properties.timeouts().connect(), properties.timeouts().command(),
				connectionThreads(environment));
		properties.machines()
			.forEach((name, machine) -> inventory.add(name,
					QemuMachine.connect(name, machine.monitor(), options, machineScheduler), machine.readOnly()));
		return inventory;
	}

	@Bean
	IOThreadService ioThreadService(Inventory inventory, IOThreadsProperties properties) {
		return new IOThreadService(inventory, properties.maxAge());
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
