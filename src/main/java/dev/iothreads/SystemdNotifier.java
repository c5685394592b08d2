package dev.iothreads;

import java.io.IOException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/**
 * Reports to systemd that the service takes requests, is alive and ends, where systemd
 * asks for it (docs: sd_notify(3)). It goes by the program {@code systemd-notify}: the
 * socket takes datagrams, which the JDK does not send to a Unix socket.
 */
@Component
class SystemdNotifier {

	private static final Logger logger = LoggerFactory.getLogger(SystemdNotifier.class);

	private final Environment environment;

	private final ScheduledExecutorService scheduler;

	/**
	 * Creates it.
	 * @param environment has what systemd sets: {@code NOTIFY_SOCKET}, and
	 * {@code WATCHDOG_USEC} in µs
	 * @param machineScheduler the thread that starts readings: when it hangs, the reports
	 * end, and systemd restarts the service
	 */
	SystemdNotifier(Environment environment, ScheduledExecutorService machineScheduler) {
		this.environment = environment;
		this.scheduler = machineScheduler;
	}

	@EventListener(ApplicationReadyEvent.class)
	void onReady() {
		report("READY=1");
		long period = this.environment.getProperty("WATCHDOG_USEC", Long.class, 0L) / 2;
		if (period > 0) {
			this.scheduler.scheduleAtFixedRate(() -> report("WATCHDOG=1"), period, period, TimeUnit.MICROSECONDS);
		}
	}

	@EventListener(ContextClosedEvent.class)
	void onClosed() {
		report("STOPPING=1");
	}

	private void report(String state) {
		String socket = this.environment.getProperty("NOTIFY_SOCKET");
		if (socket == null) {
			return;
		}
		ProcessBuilder notify = new ProcessBuilder("systemd-notify", state).redirectErrorStream(true)
			.redirectOutput(ProcessBuilder.Redirect.DISCARD);
		notify.environment().put("NOTIFY_SOCKET", socket);
		try {
			notify.start();
		}
		catch (IOException ex) {
			logger.error("systemd is not informed of {}: install systemd-notify, or set Type=exec in the unit. {}",
					state, ex.getMessage());
		}
	}

}
