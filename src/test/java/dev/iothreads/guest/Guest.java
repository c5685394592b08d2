package dev.iothreads.guest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A Linux that runs in a QEMU without KVM, driven over its serial console. It boots in 5
 * to 10 s. {@code .ci/make-guest} makes its kernel and its initramfs, and says what it
 * can do.
 */
public final class Guest implements AutoCloseable {

	private static final Duration BOOT = Duration.ofMinutes(3);

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	private static final Pattern READY = Pattern.compile("GUEST-READY\\r?\\n");

	private final Qemu qemu;

	private final SocketChannel console;

	private final StringBuilder seen = new StringBuilder();

	private int commands;

	private @Nullable IOException end;

	private Guest(Qemu qemu) {
		this.qemu = qemu;
		this.console = connect(qemu.console());
		Thread reader = new Thread(this::read, "guest-console");
		reader.setDaemon(true);
		reader.start();
	}

	/**
	 * Begins the description of a guest to boot.
	 * @param binary the QEMU that runs it
	 * @return a builder
	 */
	public static Builder of(QemuBinary binary) {
		return new Builder(binary);
	}

	/**
	 * The QEMU that the guest runs in.
	 * @return the QEMU
	 */
	public Qemu qemu() {
		return this.qemu;
	}

	/**
	 * Runs a command in the guest's shell and waits for its end.
	 * @param command a line of shell
	 * @return what it printed, without white space around it
	 * @throws AssertionError if it ends with a status other than 0, or not within 60 s
	 */
	public String run(String command) {
		Result result = tryToRun(command, DEADLINE);
		if (result.status() != 0) {
			throw new AssertionError(
					"'%s' ended with status %d in the guest: %s".formatted(command, result.status(), result.output()));
		}
		return result.output();
	}

	/**
	 * Runs a command in the guest's shell and waits for its end. One command runs at a
	 * time.
	 * @param command a line of shell
	 * @param deadline how long to wait
	 * @return what came of it
	 * @throws AssertionError if it does not end in time
	 */
	public Result tryToRun(String command, Duration deadline) {
		int number = ++this.commands;
		write("@ t%d %s\n".formatted(number, command));
		Found found = await(Pattern.compile("@@t" + number + " (\\d+)\\r?\\n"), deadline,
				"the end of '" + command + "'");
		return new Result(Integer.parseInt(found.match().group(1)), found.before().replace("\r", "").strip());
	}

	/**
	 * Runs a command in the guest's shell again and again until it succeeds.
	 * @param command a line of shell
	 * @return what it printed
	 * @throws AssertionError if it has not succeeded within 60 s
	 */
	public String await(String command) {
		return run(
				"n=0; until out=$( { %s; } 2>/dev/null ); do n=$((n+1)); [ $n -gt 500 ] && exit 1; usleep 100000; done; echo \"$out\""
					.formatted(command));
	}

	/**
	 * Waits until the guest has started anew, after a reset.
	 */
	public void awaitBoot() {
		await(READY, BOOT, "the start of the guest");
	}

	/**
	 * Says which devices run on which IOThread, as QOM has it.
	 * @return the ids of the devices by the id of their IOThread
	 */
	public Map<String, Set<String>> attached() {
		try (Monitor monitor = this.qemu.monitor()) {
			Map<String, Set<String>> attached = new TreeMap<>();
			monitor.execute("query-iothreads")
				.forEach((iothread) -> attached.put(iothread.path("id").asString(), new TreeSet<>()));
			for (String folder : List.of("/machine/peripheral", "/machine/peripheral-anon")) {
				for (String device : monitor.children(folder).keySet()) {
					List<String> ids = new ArrayList<>();
					JsonNode link = monitor.property(folder + "/" + device, "iothread");
					if (link != null && !link.asString("").isEmpty()) {
						ids.add(link.asString().substring(link.asString().lastIndexOf('/') + 1));
					}
					JsonNode mapping = monitor.property(folder + "/" + device, "iothread-vq-mapping");
					if (mapping != null) {
						mapping.forEach((queues) -> ids.add(queues.path("iothread").asString()));
					}
					ids.forEach((id) -> attached.computeIfAbsent(id, (key) -> new TreeSet<>()).add(device));
				}
			}
			return attached;
		}
	}

	@Override
	public void close() {
		try {
			this.console.close();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		finally {
			this.qemu.close();
		}
	}

	private static SocketChannel connect(Path socket) {
		try {
			SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
			channel.connect(UnixDomainSocketAddress.of(socket));
			return channel;
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private void write(String line) {
		ByteBuffer bytes = StandardCharsets.UTF_8.encode(line);
		try {
			while (bytes.hasRemaining()) {
				this.console.write(bytes);
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private void read() {
		ByteBuffer bytes = ByteBuffer.allocate(65536);
		try {
			while (this.console.read(bytes.clear()) >= 0) {
				received(StandardCharsets.ISO_8859_1.decode(bytes.flip()).toString());
			}
			ended(new IOException("QEMU closed the console"));
		}
		catch (IOException ex) {
			ended(ex);
		}
	}

	private synchronized void received(String text) {
		this.seen.append(text);
		notifyAll();
	}

	private synchronized void ended(IOException reason) {
		this.end = reason;
		notifyAll();
	}

	private synchronized Found await(Pattern wanted, Duration deadline, String what) {
		long end = System.nanoTime() + deadline.toNanos();
		while (true) {
			Matcher matcher = wanted.matcher(this.seen);
			if (matcher.find()) {
				Found found = new Found(this.seen.substring(0, matcher.start()), matcher.toMatchResult());
				String rest = this.seen.substring(matcher.end());
				this.seen.setLength(0);
				this.seen.append(rest);
				return found;
			}
			long left = (end - System.nanoTime()) / 1_000_000;
			if (this.end != null || left <= 0) {
				throw new AssertionError("The console did not show " + what + ", but " + this.seen, this.end);
			}
			try {
				wait(left);
			}
			catch (InterruptedException ex) {
				Thread.currentThread().interrupt();
				throw new AssertionError("Interrupted while awaiting " + what, ex);
			}
		}
	}

	private record Found(String before, MatchResult match) {

	}

	/**
	 * What came of a command.
	 *
	 * @param status its exit status
	 * @param output what it printed, without white space around it
	 */
	public record Result(int status, String output) {

	}

	/**
	 * Describes a guest to boot.
	 */
	public static final class Builder {

		private final QemuBinary binary;

		private final List<String> args = new ArrayList<>();

		private final List<String> monitors = new ArrayList<>();

		private String machine = "q35";

		private String append = "";

		private int cpus = 2;

		private @Nullable Path directory;

		private Builder(QemuBinary binary) {
			this.binary = binary;
		}

		/**
		 * Adds arguments of QEMU's command line.
		 * @param args the arguments, one by one
		 * @return this builder
		 */
		public Builder args(String... args) {
			this.args.addAll(List.of(args));
			return this;
		}

		/**
		 * Chooses another machine than {@code q35}.
		 * @param machine the value of {@code -machine}
		 * @return this builder
		 */
		public Builder machine(String machine) {
			this.machine = machine;
			return this;
		}

		/**
		 * Makes hot-plug native PCIe instead of ACPI: Linux then waits 5 s before it lets
		 * go of a device.
		 * @return this builder
		 */
		public Builder nativeHotplug() {
			return args("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
		}

		/**
		 * Lets the guest never let go of a device.
		 * @return this builder
		 */
		public Builder withoutHotplug() {
			return append("acpiphp.disable=1 pcie_ports=compat");
		}

		/**
		 * Adds to the kernel's command line.
		 * @param parameters the parameters, such as {@code load=virtio_pci,virtio_blk}
		 * @return this builder
		 */
		public Builder append(String parameters) {
			this.append += " " + parameters;
			return this;
		}

		/**
		 * Adds a monitor. Without any there is one, {@code qmp}.
		 * @param name the name of its socket's file without {@code .sock}
		 * @return this builder
		 */
		public Builder monitor(String name) {
			this.monitors.add(name);
			return this;
		}

		/**
		 * Gives the guest one vCPU instead of two.
		 * @return this builder
		 */
		public Builder oneCpu() {
			this.cpus = 1;
			return this;
		}

		/**
		 * Puts the monitors' sockets in a directory instead of a temporary one.
		 * @param directory an existing directory with a short path
		 * @return this builder
		 */
		public Builder in(Path directory) {
			this.directory = directory;
			return this;
		}

		/**
		 * Boots it and returns when its shell takes commands.
		 * @return the running guest
		 */
		public Guest boot() {
			Path image = Needs.guestImage();
			Qemu.Builder builder = Qemu.of(this.binary)
				.machine("-nodefaults", "-no-user-config", "-display", "none", "-machine", this.machine, "-accel",
						"tcg", "-m", "256", "-smp", Integer.toString(this.cpus), "-kernel",
						image.resolve("vmlinuz").toString(), "-initrd", image.resolve("initramfs.gz").toString(),
						"-append", "console=ttyS0 quiet panic=0" + this.append)
				.args(this.args.toArray(String[]::new));
			this.monitors.forEach(builder::monitor);
			if (this.directory != null) {
				builder.in(this.directory);
			}
			Guest guest = new Guest(builder.start());
			try {
				guest.awaitBoot();
				return guest;
			}
			catch (AssertionError ex) {
				guest.close();
				throw ex;
			}
		}

	}

}
