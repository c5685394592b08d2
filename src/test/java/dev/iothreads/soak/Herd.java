package dev.iothreads.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;

import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorException;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import tools.jackson.databind.JsonNode;

/**
 * Real QEMUs that are killed, stopped, restarted, and changed past the service.
 */
final class Herd implements AutoCloseable {

	static final int PORTS = 6;

	static final int DISKS = 6;

	private final Path directory = Files.createTempDirectory("soak");

	private final List<Qemu> qemus = new ArrayList<>();

	private final List<ReentrantLock> locks = new ArrayList<>();

	private final Tally tally;

	Herd(List<QemuBinary> binaries, int size, Tally tally) throws IOException {
		this.tally = tally;
		for (int number = 0; number < size; number++) {
			this.qemus.add(start(binaries.get(number % binaries.size()), number));
			this.locks.add(new ReentrantLock());
		}
	}

	private Qemu start(QemuBinary binary, int number) {
		List<String> args = new ArrayList<>(List.of("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
				"-object", "iothread,id=io0", "-object", "iothread,id=io1"));
		for (int port = 1; port <= PORTS; port++) {
			args.addAll(List.of("-device", "pcie-root-port,id=rp%d,chassis=%1$d".formatted(port)));
		}
		for (int disk = 0; disk < DISKS; disk++) {
			args.addAll(List.of("-blockdev", "null-co,read-zeroes=on,size=1048576,node-name=disk" + disk));
		}
		args.addAll(List.of("-device", "virtio-blk-pci,id=first,drive=disk0,iothread=io0"));
		return Qemu.of(binary).args(args.toArray(String[]::new)).monitor(name(number)).in(this.directory).start();
	}

	static String name(int number) {
		return "vm%02d".formatted(number);
	}

	int size() {
		return this.qemus.size();
	}

	Path directory() {
		return this.directory;
	}

	/**
	 * Does something bad to one of them.
	 */
	void torment(Random random) throws InterruptedException {
		int number = random.nextInt(this.qemus.size());
		ReentrantLock lock = this.locks.get(number);
		lock.lock();
		try {
			Qemu qemu = this.qemus.get(number);
			switch (random.nextInt(3)) {
				case 0 -> {
					this.tally.add("killed");
					qemu.restart();
				}
				case 1 -> {
					this.tally.add("killed, and away for a while");
					qemu.kill();
					Thread.sleep(random.nextInt(2000));
					qemu.restart();
				}
				default -> {
					this.tally.add("stopped");
					qemu.stop();
					Thread.sleep(random.nextInt(3000));
					qemu.cont();
				}
			}
		}
		finally {
			lock.unlock();
		}
	}

	/**
	 * Plugs or unplugs a device of one of them over another monitor.
	 */
	void meddle(Random random) {
		int number = random.nextInt(this.qemus.size());
		ReentrantLock lock = this.locks.get(number);
		if (!lock.tryLock()) {
			return;
		}
		try (Monitor monitor = this.qemus.get(number).monitor()) {
			String id = "other" + random.nextInt(3);
			if (random.nextBoolean()) {
				monitor.execute("device_add",
						Map.of("driver", "virtio-balloon-pci", "id", id, "bus", "rp" + (1 + random.nextInt(PORTS))));
				this.tally.add("plugged by others");
			}
			else {
				monitor.execute("device_del", Map.of("id", id));
				this.tally.add("unplugged by others");
			}
		}
		catch (MonitorException ex) {
			this.tally.add("refused to others");
		}
		finally {
			lock.unlock();
		}
	}

	/**
	 * Asks a QEMU itself, object by object.
	 * @return the ids of the devices on each IOThread
	 */
	Map<String, List<String>> counts(int number) {
		Map<String, List<String>> counts = new TreeMap<>();
		try (Monitor monitor = this.qemus.get(number).monitor()) {
			monitor.execute("query-iothreads")
				.forEach((iothread) -> counts.put(iothread.path("id").asString(), new ArrayList<>()));
			for (String id : monitor.children("/machine/peripheral").keySet()) {
				JsonNode link = monitor.property("/machine/peripheral/" + id, "iothread");
				String path = (link != null) ? link.asString("") : "";
				List<String> on = counts.get(path.substring(path.lastIndexOf('/') + 1));
				if (on != null) {
					on.add(id);
				}
			}
		}
		counts.values().forEach((ids) -> ids.sort(null));
		return counts;
	}

	@Override
	public void close() throws IOException {
		this.qemus.forEach(Qemu::close);
		try (var files = Files.list(this.directory)) {
			for (Path file : files.toList()) {
				Files.delete(file);
			}
		}
		Files.delete(this.directory);
	}

}
