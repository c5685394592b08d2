package dev.iothreads.advice;

import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

import dev.iothreads.history.History;
import dev.iothreads.history.Load;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * What the rules look at.
 *
 * @param machine the machine's name
 * @param snapshot what was read of it last
 * @param means its figures since it is as it is now
 * @param service where clients reach the service, {@code null} where it may not change
 * the machine
 */
record Situation(String machine, Snapshot snapshot, History.Means means, @Nullable URI service) {

	List<IOThread> iothreads() {
		return this.snapshot.iothreads();
	}

	/**
	 * Returns what an IOThread uses of a CPU.
	 * @return the mean, in % of one CPU; {@code null} where it is not known
	 */
	@Nullable Double cpuPercent(IOThread iothread) {
		return load(iothread).cpuPercent();
	}

	/**
	 * Returns what an IOThread does.
	 * @return the mean, in operations per second; {@code null} where it is not known
	 */
	@Nullable Double operations(IOThread iothread) {
		return load(iothread).operations();
	}

	private Load load(IOThread iothread) {
		return this.means.iothreads()
			.stream()
			.filter((load) -> load.id().equals(iothread.id()))
			.findFirst()
			.orElse(new Load(iothread.id(), null, null));
	}

	/**
	 * Returns what a device does.
	 * @return the mean, in operations per second; {@code null} where it is not known
	 */
	@Nullable Double operations(Device device) {
		return this.means.operations().get(device.qomPath());
	}

	/**
	 * Returns what an IOThread may poll for.
	 * @return {@code poll-max-ns}, in ns; {@code null} where it is not known
	 */
	@Nullable Long pollMaxNs(IOThread iothread) {
		return iothread.settings().get(IOThreadProperty.POLL_MAX_NS);
	}

	boolean isOfLibvirt() {
		return Snapshot.LIBVIRT.equals(this.snapshot.managedBy());
	}

	/** Returns libvirt's name of the machine. */
	String domain() {
		return Objects.requireNonNullElse(this.snapshot.identity().guestName(), this.machine);
	}

	boolean isOfProxmox() {
		return Snapshot.PROXMOX.equals(this.snapshot.managedBy());
	}

	boolean isChangeable() {
		return this.service != null;
	}

	/** Returns the address of a thing of this machine, for curl. */
	String address(String... path) {
		StringBuilder address = new StringBuilder(this.service + "/api/v1/machines/" + encode(this.machine));
		for (String part : path) {
			address.append('/').append(encode(part));
		}
		return address.toString();
	}

	private static String encode(String part) {
		return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
	}

	static String format(String format, Object... arguments) {
		return String.format(Locale.ROOT, format, arguments);
	}

	static String join(List<String> names) {
		int last = names.size() - 1;
		return (last < 1) ? String.join("", names)
				: String.join(", ", names.subList(0, last)) + " and " + names.get(last);
	}

}
