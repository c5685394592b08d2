package dev.iothreads.libvirt;

import java.time.Duration;
import java.time.Instant;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

import dev.iothreads.libvirt.rpc.LibvirtErrorException;
import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.ChangeRefusedException.Reason;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Snapshot;

/**
 * Changes of a domain by libvirt's own calls, so that libvirt knows them. The running
 * domain is changed, and its persistent definition as well, where that has the object.
 *
 * @param machine whose changes
 * @param name its name in messages
 * @param domain the domain
 * @param libvirt the daemon
 * @param timeout how long libvirt may take for an answer
 * @param lasting whether the definition is changed as well
 */
record LibvirtChanges(LibvirtMachine machine, String name, Domain domain, Hypervisor libvirt, Duration timeout,
		boolean lasting) implements Changes {

	// Its code is that of every internal error.
	private static final String NO_PORT = "PCI slots";

	// libvirt's IOThreads have numbers, and an object of another name in a QEMU crashes
	// it (9.0.0, 11.3.0).
	private static final Pattern ID = Pattern.compile(LibvirtMachine.PREFIX + "([1-9][0-9]{0,9})");

	private static final long LAST_NUMBER = 0xffffffffL;

	/** libvirt's version from which polling is kept in the definition. */
	private static final long LASTING_POLLING = 9_004_000;

	private static final long POOL_MAX_DEFAULT = 64;

	private static final Map<IOThreadProperty, String> PARAMETERS = Map.of(IOThreadProperty.POLL_MAX_NS, "poll_max_ns",
			IOThreadProperty.POLL_GROW, "poll_grow", IOThreadProperty.POLL_SHRINK, "poll_shrink",
			IOThreadProperty.THREAD_POOL_MIN, "thread_pool_min", IOThreadProperty.THREAD_POOL_MAX, "thread_pool_max");

	@Override
	public Changes liveOnly() {
		return new LibvirtChanges(this.machine, this.name, this.domain, this.libvirt, this.timeout, false);
	}

	@Override
	public String freeIOThreadId(Snapshot now) {
		Set<Long> defined = defined();
		for (long number = 1;; number++) {
			String id = LibvirtMachine.PREFIX + number;
			if (!defined.contains(number) && now.iothread(id).isEmpty()) {
				return id;
			}
		}
	}

	@Override
	public void addIOThread(String id, IOThreadSettings settings) {
		int number = number(id);
		Map<String, Long> parameters = parameters(settings);
		if (parameters.containsKey("thread_pool_min")) {
			parameters.putIfAbsent("thread_pool_max", POOL_MAX_DEFAULT);
		}
		requireFree();
		boolean both = isLasting() && !defined().contains(Integer.toUnsignedLong(number));
		int flags = flags(both);
		try {
			call(this.libvirt.addIOThread(this.domain, number, flags));
		}
		catch (LibvirtErrorException ex) {
			throw (ex.code() == Failures.INVALID_ARG) ? refused(Reason.IOTHREAD_EXISTS, "libvirt refused", ex)
					: failed(ex);
		}
		try {
			tune(number, parameters, both);
		}
		catch (LibvirtErrorException ex) {
			takeBack(this.libvirt.deleteIOThread(this.domain, number, flags));
			throw failed(ex);
		}
	}

	@Override
	public void tuneIOThread(String id, IOThreadSettings settings) {
		int number = number(id);
		if (settings.values().isEmpty()) {
			return;
		}
		Map<String, Long> parameters = parameters(settings);
		requireFree();
		try {
			tune(number, parameters, isDefined(number));
		}
		catch (LibvirtErrorException ex) {
			if (ex.code() == Failures.OPERATION_INVALID && parameters.containsKey("thread_pool_min")) {
				throw new InvalidRequestException("thread-pool-min",
						"Give thread-pool-min and thread-pool-max together: libvirt knows no maximum that it has not set. It says: %s."
							.formatted(ex.getMessage()));
			}
			throw (ex.code() == Failures.INVALID_ARG) ? noIOThread(ex) : failed(ex);
		}
	}

	// In two calls: when one call sets polling and thread pool, libvirt 9.0 leaves the
	// thread pool out of the domain's XML. The pool comes first: libvirt refuses more of
	// its values.
	private void tune(int number, Map<String, Long> parameters, boolean both) throws LibvirtErrorException {
		Map<String, Long> pool = new TreeMap<>(parameters);
		pool.keySet().removeIf((parameter) -> parameter.startsWith("poll"));
		Map<String, Long> polling = new TreeMap<>(parameters);
		polling.keySet().removeAll(pool.keySet());
		if (!pool.isEmpty()) {
			call(this.libvirt.tuneIOThread(this.domain, number, pool, flags(both)));
		}
		if (!polling.isEmpty()) {
			call(this.libvirt.tuneIOThread(this.domain, number, polling,
					flags(both && this.libvirt.version() >= LASTING_POLLING)));
		}
	}

	private static Map<String, Long> parameters(IOThreadSettings settings) {
		Map<String, Long> parameters = new TreeMap<>();
		settings.values().forEach((property, value) -> {
			String parameter = PARAMETERS.get(property);
			if (parameter == null) {
				throw new ChangeRefusedException(Reason.NOT_SUPPORTED,
						"libvirt cannot set %s. Leave it out.".formatted(property.qemuName()));
			}
			parameters.put(parameter, value);
		});
		return parameters;
	}

	@Override
	public void removeIOThread(String id) {
		int number = number(id);
		requireNoHiddenUser(id);
		requireFree();
		try {
			call(this.libvirt.deleteIOThread(this.domain, number, flags(isDefined(number))));
		}
		catch (LibvirtErrorException ex) {
			if (ex.code() != Failures.INVALID_ARG) {
				throw failed(ex);
			}
			throw answer(this.libvirt.iothreads(this.domain, Hypervisor.LIVE))
				.containsKey(Integer.toUnsignedLong(number))
						? refused(Reason.IOTHREAD_IN_USE, "Detach what runs on it first. libvirt says", ex)
						: noIOThread(ex);
		}
	}

	// libvirt deletes an IOThread under a device that it does not know of.
	private void requireNoHiddenUser(String id) {
		DomainDescription now = description(0);
		if (now.mentions(id)) {
			throw new ChangeRefusedException(Reason.IOTHREAD_IN_USE,
					"The domain's <qemu:commandline> puts a device on %s, which libvirt does not know of. Take it out of the XML first."
						.formatted(id));
		}
		if (!this.machine.seesAll() && this.machine.isTainted()) {
			throw new ChangeRefusedException(Reason.NOT_SUPPORTED,
					"%s was given commands by its monitor (custom-monitor in virsh dominfo), and libvirt does not know what devices these made. Set iothreads.libvirt.reading to monitor, so that the service sees them."
						.formatted(this.name));
		}
	}

	@Override
	public void pinIOThread(IOThread iothread, BitSet cpus) {
		int number = number(iothread.id());
		requireFree();
		try {
			call(this.libvirt.pinIOThread(this.domain, number, cpus, flags(isDefined(number))));
		}
		catch (LibvirtErrorException ex) {
			throw (ex.code() == Failures.SYSTEM_ERROR || ex.code() == Failures.INVALID_ARG)
					? new InvalidRequestException("cpus",
							"Name CPUs that the domain's host has online. libvirt says: %s".formatted(ex.getMessage()))
					: failed(ex);
		}
	}

	@Override
	public void attach(NewDevice device) {
		String xml = new DiskXml(this.name, this.libvirt.version(), device).write(description(0),
				isLasting() ? description(Hypervisor.CONFIG) : description(0));
		requireFree();
		try {
			call(this.libvirt.attach(this.domain, xml, flags(isLasting() && isDefined(device))));
		}
		catch (LibvirtErrorException ex) {
			throw switch (ex.code()) {
				case Failures.SYSTEM_ERROR -> new InvalidRequestException("image.file", ex.getMessage() + ".");
				case Failures.CONFIG_UNSUPPORTED -> new InvalidRequestException("iothreads", ex.getMessage() + ".");
				case Failures.XML_ERROR -> refused(Reason.DEVICE_EXISTS, "libvirt refused", ex);
				case Failures.INTERNAL_ERROR ->
					String.valueOf(ex.getMessage()).contains(NO_PORT) ? new ChangeRefusedException(Reason.NO_FREE_PORT,
							"No PCIe port of %s is free, and libvirt adds none while it runs. Detach a device, or add <controller type='pci' model='pcie-root-port'/> to its XML and start it again. libvirt says: %s."
								.formatted(this.name, ex.getMessage()))
							: refused(Reason.NODE_IN_USE, "Another process may have the image locked. libvirt says",
									ex);
				default -> failed(ex);
			};
		}
	}

	private boolean isDefined(NewDevice device) {
		Set<Long> defined = defined();
		return device.iothreads().stream().allMatch((id) -> defined.contains(Integer.toUnsignedLong(number(id))));
	}

	@Override
	public String deviceId(String asked) {
		return asked.startsWith(DiskXml.USER_ALIAS) ? asked : DiskXml.USER_ALIAS + asked;
	}

	// libvirt finds room by itself, and its block nodes are its own.
	@Override
	public Attachable attachable() {
		return new Attachable(Instant.now(), List.of(), List.of());
	}

	@Override
	public CompletableFuture<Void> detach(String device, boolean force) {
		DomainDescription live = description(0);
		if (!live.has(device)) {
			throw new NotFoundException(NotFoundException.Kind.DEVICE,
					"%s has no device '%s' any more.".formatted(this.name, device));
		}
		DomainDescription defined = isLasting() ? description(Hypervisor.CONFIG) : null;
		boolean both = defined != null && defined.hasAlias(device);
		requireFree();
		boolean again = this.machine.isLeaving(device);
		CompletableFuture<Void> gone = this.machine.leave(device);
		try {
			call(this.libvirt.detach(this.domain, device, flags(both)));
		}
		catch (LibvirtErrorException ex) {
			// For some seconds QEMU does not let a guest be asked again.
			if (again && ex.code() == Failures.INTERNAL_ERROR) {
				return gone;
			}
			this.machine.stay(device);
			throw switch (ex.code()) {
				case Failures.OPERATION_FAILED, Failures.OPERATION_UNSUPPORTED, Failures.ARGUMENT_UNSUPPORTED ->
					refused(Reason.UNPLUG_REFUSED, "libvirt refused", ex);
				default -> failed(ex);
			};
		}
		catch (MachineException ex) {
			this.machine.stay(device);
			throw ex;
		}
		if (defined != null && !both) {
			live.disk(device).filter(defined::hasLike).ifPresent(this::undefine);
		}
		return gone;
	}

	// A definition has no aliases but those that users gave.
	private void undefine(DomainDescription.KnownDisk disk) {
		try {
			call(this.libvirt.undefine(this.domain, disk.target()));
		}
		catch (LibvirtErrorException ex) {
			throw refused(Reason.UNPLUG_REFUSED,
					"It leaves the running domain, and stays in its definition. libvirt says", ex);
		}
	}

	private boolean isLasting() {
		return this.lasting && answer(this.libvirt.isPersistent(this.domain));
	}

	private boolean isDefined(int number) {
		return isLasting() && defined().contains(Integer.toUnsignedLong(number));
	}

	private Set<Long> defined() {
		return answer(this.libvirt.isPersistent(this.domain))
				? answer(this.libvirt.iothreads(this.domain, Hypervisor.CONFIG)).keySet() : Set.of();
	}

	private DomainDescription description(int flags) {
		return DomainDescription.parse(answer(this.libvirt.xml(this.domain, flags)));
	}

	private static int flags(boolean both) {
		return both ? Hypervisor.LIVE | Hypervisor.CONFIG : Hypervisor.LIVE;
	}

	// A call that has to wait for another job is given up by libvirt after 30 s.
	private void requireFree() {
		Hypervisor.Control control = answer(this.libvirt.control(this.domain));
		if (control.isBusy()) {
			throw new ChangeRefusedException(Reason.MANAGED_BY_LIBVIRT,
					"libvirt is at another job of %s, for %d ms (virsh domcontrol, domjobinfo). Nothing was changed: try again when that is done."
						.formatted(this.name, control.since().toMillis()));
		}
	}

	private static int number(String id) {
		var matcher = ID.matcher(id);
		if (!matcher.matches() || Long.parseLong(matcher.group(1)) > LAST_NUMBER) {
			throw new InvalidRequestException("id",
					"libvirt's IOThreads are called iothread and a number from 1 to %d, such as iothread4. Leave the id out for the next that is free."
						.formatted(LAST_NUMBER));
		}
		return Integer.parseUnsignedInt(matcher.group(1));
	}

	private static NotFoundException noIOThread(LibvirtErrorException ex) {
		return new NotFoundException(NotFoundException.Kind.IOTHREAD, "libvirt says: %s.".formatted(ex.getMessage()));
	}

	private static ChangeRefusedException refused(Reason reason, String advice, LibvirtErrorException ex) {
		return new ChangeRefusedException(reason, "%s: %s.".formatted(advice, ex.getMessage()));
	}

	private MachineException failed(LibvirtErrorException ex) {
		if (ex.code() == Failures.OPERATION_TIMEOUT) {
			return refused(Reason.MANAGED_BY_LIBVIRT, "Another job of the domain takes long, try again later", ex);
		}
		return Failures.of(this.name, ex);
	}

	private void takeBack(CompletableFuture<?> undoing) {
		try {
			call(undoing);
		}
		catch (LibvirtErrorException ex) {
			throw failed(ex);
		}
	}

	private <T> T answer(CompletableFuture<T> answer) {
		try {
			return call(answer);
		}
		catch (LibvirtErrorException ex) {
			throw failed(ex);
		}
	}

	private <T> T call(CompletableFuture<T> answer) throws LibvirtErrorException {
		try {
			return answer.get(this.timeout.toMillis(), TimeUnit.MILLISECONDS);
		}
		catch (ExecutionException ex) {
			Throwable cause = Failures.unwrap(Objects.requireNonNull(ex.getCause()));
			if (cause instanceof LibvirtErrorException error) {
				throw error;
			}
			throw Failures.of(this.name, cause);
		}
		catch (TimeoutException ex) {
			throw Failures.of(this.name, ex);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw Failures.unavailable("The service is stopping. Try again when it is back.");
		}
	}

}
