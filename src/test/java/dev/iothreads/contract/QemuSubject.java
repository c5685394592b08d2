package dev.iothreads.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorException;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A QEMU whose root ports let go at once of what was plugged in while it is stopped.
 */
final class QemuSubject extends Subject {

	static final String NATIVE_HOTPLUG = "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off";

	private final QemuBinary binary;

	private final List<String> args;

	private final boolean tapped;

	private @Nullable Qemu qemu;

	private @Nullable Wiretap tap;

	private @Nullable Monitor monitor;

	private Map<String, Set<String>> baseline = Map.of();

	private QemuSubject(QemuBinary binary, boolean tapped, List<String> args) {
		super(Service.newName("qemu-" + binary.version()));
		this.binary = binary;
		this.tapped = tapped;
		this.args = args;
	}

	/**
	 * One that is set up as all are.
	 */
	static QemuSubject of(QemuBinary binary) {
		return new QemuSubject(binary, false, setUp("-global", NATIVE_HOTPLUG));
	}

	/**
	 * One of every QEMU, with a {@link Wiretap} between the service and it.
	 */
	static Stream<QemuSubject> everyTapped() {
		return everyTapped(setUp("-global", NATIVE_HOTPLUG));
	}

	static Stream<QemuSubject> everyTapped(List<String> args) {
		return QemuBinary.all().stream().map((binary) -> new QemuSubject(binary, true, args));
	}

	/**
	 * The arguments of a machine that is set up as all are.
	 */
	static List<String> setUp(String... more) {
		List<String> args = new ArrayList<>(List.of(more));
		// A disk has a virtqueue for each CPU.
		args.addAll(List.of("-smp", "2"));
		for (int i = 0; i < PORTS; i++) {
			args.addAll(List.of("-blockdev", "null-co,read-zeroes=on,size=1073741824,node-name=disk" + i));
			args.addAll(List.of("-device", "pcie-root-port,id=rp%1$d,chassis=%2$d,multifunction=on,addr=%3$d.%4$d"
				.formatted(i, i + 1, 4 + i / 8, i % 8)));
		}
		args.addAll(List.of("-object", "iothread,id=iothread0", "-object", "iothread,id=iothread1"));
		args.addAll(List.of("-device", "virtio-blk-pci,id=blk0,drive=disk0,iothread=iothread0,bus=rp0"));
		args.addAll(List.of("-device", "virtio-blk-pci,id=blk1,drive=disk1,iothread=iothread0,bus=rp1"));
		args.addAll(List.of("-device", "virtio-blk-pci,id=blk3,drive=disk3,iothread=iothread1,bus=rp2"));
		return args;
	}

	/**
	 * The process, which is there from the first test on.
	 */
	Qemu qemu() {
		touch();
		return process();
	}

	private Qemu process() {
		return Objects.requireNonNull(this.qemu);
	}

	Wiretap tap() {
		touch();
		return Objects.requireNonNull(this.tap);
	}

	/**
	 * The test's own monitor, open as long as the process is there.
	 */
	Monitor monitor() {
		touch();
		return ownMonitor();
	}

	private Monitor ownMonitor() {
		Monitor open = this.monitor;
		if (open == null) {
			open = process().monitor();
			this.monitor = open;
		}
		return open;
	}

	private void hangUp() {
		if (this.monitor != null) {
			this.monitor.close();
			this.monitor = null;
		}
	}

	@Override
	int version() {
		return this.binary.major() * 100 + this.binary.minor();
	}

	@Override
	Map<String, Set<String>> links() {
		return links(ownMonitor());
	}

	/**
	 * Asks every virtio device, one after another, remembering nothing.
	 */
	static Map<String, Set<String>> links(Monitor monitor) {
		Map<String, Set<String>> links = new TreeMap<>();
		for (String container : List.of("/machine/peripheral", "/machine/peripheral-anon")) {
			monitor.children(container).forEach((device, type) -> {
				if (type.startsWith("virtio-")) {
					Set<String> iothreads = new TreeSet<>();
					JsonNode link = monitor.property(container + "/" + device, "iothread");
					JsonNode mapping = monitor.property(container + "/" + device, "iothread-vq-mapping");
					if (link != null && !link.asString().isEmpty()) {
						iothreads.add(link.asString().substring("/objects/".length()));
					}
					if (mapping != null) {
						mapping.forEach((queues) -> iothreads.add(queues.path("iothread").asString()));
					}
					links.put(device, iothreads);
				}
			});
		}
		return links;
	}

	@Override
	Set<String> imageNodes() {
		Set<String> nodes = new TreeSet<>();
		ownMonitor().execute("query-named-block-nodes").forEach((node) -> {
			String name = node.path("node-name").asString();
			if (name.startsWith("iot-")) {
				nodes.add(name);
			}
		});
		return nodes;
	}

	@Override
	long setting(String iothread, String property) {
		return Objects.requireNonNull(ownMonitor().property("/objects/" + iothread, property)).asLong();
	}

	@Override
	void tidy() {
		if (this.qemu == null) {
			this.qemu = Qemu.of(this.binary).args(this.args.toArray(String[]::new)).start();
			this.baseline = links();
			if (this.tapped) {
				this.tap = new Wiretap(this.qemu.socket());
			}
			introduce();
		}
		else if (wasTouched() && !isTidied()) {
			restart();
		}
		if (this.tap != null) {
			// A test may have cut it.
			awaitService();
			this.tap.begin();
		}
	}

	/**
	 * Adds it to the service, and waits until it has been read.
	 */
	void introduce() {
		MonitorAddress address = (this.tap != null) ? this.tap.address()
				: new MonitorAddress.UnixAddress(process().socket());
		Service.shared().add(name(), Service.shared().connect(name(), address));
		awaitService();
	}

	/**
	 * Starts it anew, and waits until the service has noticed.
	 */
	void restart() {
		hangUp();
		process().restart();
		awaitService();
	}

	private boolean isTidied() {
		links().keySet().stream().filter((device) -> !this.baseline.containsKey(device)).forEach(this::unplug);
		iothreads().stream()
			.filter((iothread) -> !iothread.equals("iothread0") && !iothread.equals("iothread1"))
			.forEach((iothread) -> ownMonitor().execute("object-del", Map.of("id", iothread)));
		// A device that has gone from the tree may yet hold its node.
		Eventually.see(() -> ownMonitor().execute("query-block"), (backends) -> backends.valueStream()
			.noneMatch((backend) -> backend.path("qdev").asString("").isEmpty()));
		return links().equals(this.baseline) && iothreads().equals(List.of("iothread0", "iothread1"));
	}

	private void unplug(String device) {
		boolean hasId = !device.startsWith("device[");
		String container = hasId ? "/machine/peripheral" : "/machine/peripheral-anon";
		try {
			ownMonitor().execute("device_del", Map.of("id", hasId ? device : container + "/" + device));
		}
		catch (MonitorException ex) {
			// It has been asked to go already.
		}
		if (ownMonitor().children(container).containsKey(device)) {
			ownMonitor().execute("system_reset");
			Eventually.see(() -> ownMonitor().children(container), (present) -> !present.containsKey(device));
		}
	}

	private List<String> iothreads() {
		return ownMonitor().execute("query-iothreads")
			.valueStream()
			.map((iothread) -> iothread.path("id").asString())
			.sorted()
			.toList();
	}

	/**
	 * Waits until the service has read this process, and not the one before it.
	 */
	private void awaitService() {
		List<Long> threads = threads(ownMonitor().execute("query-iothreads"));
		Eventually.see(() -> get("/iothreads"),
				(iothreads) -> iothreads.status() == 200 && threads(iothreads.body()).equals(threads));
	}

	private static List<Long> threads(JsonNode iothreads) {
		return iothreads.valueStream().map((iothread) -> iothread.path("thread-id").asLong()).sorted().toList();
	}

	@Override
	public void close() {
		super.close();
		hangUp();
		if (this.tap != null) {
			this.tap.close();
		}
		if (this.qemu != null) {
			this.qemu.close();
		}
	}

}
