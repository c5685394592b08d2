package dev.iothreads;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

import dev.iothreads.qmp.MonitorAddress;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.Assert;

/**
 * What the service is told about the machines it looks after.
 *
 * @param machines the machines by name; without any the service shows an embedded one
 * @param refreshInterval how often a machine is read when nobody asks
 * @param maxAge how old the snapshot may be that a read is answered from
 * @param timeouts how long a QEMU may take
 */
@ConfigurationProperties("iothreads")
public record IOThreadsProperties(@DefaultValue Map<String, MachineProperties> machines,
		@DefaultValue("5s") Duration refreshInterval, @DefaultValue("1s") Duration maxAge,
		@DefaultValue Timeouts timeouts) {

	// Unreserved in a URL, so that a machine's address needs no encoding.
	private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._~-]{0,127}");

	public IOThreadsProperties {
		machines = new TreeMap<>(machines);
		machines.keySet()
			.forEach((name) -> Assert.isTrue(NAME.matcher(name).matches(),
					() -> "The machine's name '%s' cannot be part of a URL: use up to 128 letters, digits, '.', '_', '-', '~', beginning with a letter or digit"
						.formatted(name)));
		requirePositive("refresh-interval", refreshInterval);
		Assert.isTrue(!maxAge.isNegative(), () -> "max-age is %s: use 0s or more".formatted(maxAge));
	}

	private static void requirePositive(String name, Duration duration) {
		Assert.isTrue(duration.toMillis() > 0,
				() -> "%s is %s: use a millisecond or more, such as 5s".formatted(name, duration));
	}

	/**
	 * One machine.
	 *
	 * @param monitor where its monitor listens: unix:/path or tcp:host:port
	 * @param readOnly whether the service must not change it
	 */
	public record MachineProperties(MonitorAddress monitor, @DefaultValue("false") boolean readOnly) {

		public MachineProperties {
			Assert.notNull(monitor, "A machine needs a monitor, such as unix:/run/qemu/vm1.sock");
		}

	}

	/**
	 * How long a QEMU may take.
	 *
	 * @param connect to take a connection, and to greet
	 * @param command to answer
	 */
	public record Timeouts(@DefaultValue("2s") Duration connect, @DefaultValue("5s") Duration command) {

		public Timeouts {
			requirePositive("connect", connect);
			requirePositive("command", command);
		}

	}

}
