package dev.iothreads.soak;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.guest.Guest;
import dev.iothreads.testing.QemuBinary;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Real guests write to their disks, read back and compare, while clients attach, detach
 * and tune through the service. In the end no device may be lost, no request of a guest
 * may have failed but those to a disk that was detached, and every count must be QOM's.
 */
final class GuestSoak {

	private static final int PORTS = 4;

	private static final int CLIENTS = 4;

	private static final long DISK = 8 << 20;

	private static final Duration LONGEST_DETACH = Duration.ofSeconds(90);

	// Reads back what it wrote, past the page cache. A failure counts only where that
	// very
	// disk is still there 15 s later: it may be about to go.
	private static final String LOOPS = """
			seq() { cat /sys/block/$1/diskseq 2>/dev/null; }; \
			bad() { t=0; while [ $t -lt 15 ]; do [ "$(seq $1)" = "$2" ] || return; sleep 1; t=$((t+1)); done; \
			echo "$1 $3" >>/tmp/bad; }; \
			io() { id=$(seq $1); n=0; while [ "$(seq $1)" = "$id" ]; do n=$((n+1)); at=$((n % 28)); \
			head -c 65536 /dev/urandom >/tmp/out.$1; want=$(md5sum </tmp/out.$1); \
			dd if=/tmp/out.$1 of=/dev/$1 bs=65536 seek=$at conv=notrunc,fsync 2>/dev/null || { bad $1 $id write; continue; }; \
			echo 1 >/proc/sys/vm/drop_caches; \
			got=$(dd if=/dev/$1 bs=65536 skip=$at count=1 2>/dev/null | md5sum); \
			[ "$got" = "$want" ] && echo $n >/tmp/rounds.$1 || bad $1 $id compare; usleep 200000; done; }; \
			( while true; do for b in /sys/block/vd*; do v=${b##*/}; \
			[ -e /tmp/runs.$v ] || ( touch /tmp/runs.$v; io $v; rm /tmp/runs.$v ) & done; sleep 1; done ) >/dev/null 2>&1 &
			""";

	private final Tally tally = new Tally();

	private final Queue<String> wrong = new ConcurrentLinkedQueue<>();

	private final Map<String, Guest> guests = new LinkedHashMap<>();

	// The disks that are attached, by the machine's name.
	private final Map<String, Set<String>> attached = new ConcurrentHashMap<>();

	void run(Duration duration, long seed) throws Exception {
		System.out.printf("Soaking with guests for %d s, seed %d%n", duration.toSeconds(), seed);
		Path directory = Files.createTempDirectory("soak");
		try {
			boot(directory);
			try (RunningService service = RunningService.start("--iothreads.security.anonymous=operator",
					"--iothreads.discovery.directory=" + directory, "--iothreads.timeouts.detach=3s",
					"--iothreads.timeouts.command=30s", "--iothreads.refresh-interval=1s",
					"--logging.level.dev.iothreads.audit=warn", "--spring.main.register-shutdown-hook=false")) {
				work(service, duration, seed);
				this.guests.forEach((name, guest) -> {
					try {
						check(service, name, guest);
					}
					catch (AssertionError ex) {
						this.wrong.add(name + ": the guest does not answer: " + ex.getMessage());
					}
				});
			}
		}
		finally {
			this.guests.values().forEach(Guest::close);
			try (Stream<Path> files = Files.list(directory)) {
				for (Path file : files.toList()) {
					Files.delete(file);
				}
			}
			Files.delete(directory);
		}
		System.out.println(this.tally);
		if (!this.wrong.isEmpty()) {
			throw new IllegalStateException(
					String.join(System.lineSeparator(), this.wrong.stream().limit(60).toList()));
		}
		System.out.println("No device was lost, and no request failed.");
	}

	private void boot(Path directory) throws IOException {
		int number = 0;
		for (QemuBinary binary : QemuBinary.all()) {
			for (boolean acpi : List.of(true, false)) {
				String name = "vm%d%s".formatted(number++, acpi ? "acpi" : "native");
				List<String> args = new ArrayList<>(
						List.of("-object", "iothread,id=io0", "-object", "iothread,id=io1"));
				for (int port = 1; port <= PORTS; port++) {
					args.addAll(List.of("-device", "pcie-root-port,id=rp%d,chassis=%1$d".formatted(port)));
				}
				for (int disk = 0; disk <= CLIENTS; disk++) {
					Path image = directory.resolve(name + ".disk" + disk);
					try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
						file.setLength(DISK);
					}
					args.addAll(List.of("-blockdev", "file,node-name=disk%d,filename=%s".formatted(disk, image)));
				}
				args.addAll(List.of("-device", "virtio-blk-pci,id=stays,drive=disk0,iothread=io0"));
				// QEMU 10.0 has ended with two: it maps memory for one while the other
				// runs.
				Guest.Builder builder = Guest.of(binary)
					.args(args.toArray(String[]::new))
					.monitor(name)
					.in(directory)
					.oneCpu();
				Guest guest = (acpi ? builder : builder.nativeHotplug()).boot();
				this.guests.put(name, guest);
				this.attached.put(name, ConcurrentHashMap.newKeySet());
				guest.run(LOOPS.strip());
				System.out.printf("%s: %s%n", name, binary);
			}
		}
	}

	private void work(RunningService service, Duration duration, long seed) throws InterruptedException {
		Crowd crowd = new Crowd(service.port(), 0, this.tally);
		List<String> names = List.copyOf(this.guests.keySet());
		for (String name : names) {
			while (!service.state(name).equals("up")) {
				Thread.sleep(100);
			}
		}
		long end = System.nanoTime() + duration.toNanos();
		List<Thread> clients = new ArrayList<>();
		for (int number = 1; number <= CLIENTS; number++) {
			String disk = "disk" + number;
			String pool = "pool" + number;
			Random random = new Random(seed + number);
			Thread client = new Thread(() -> {
				try {
					while (System.nanoTime() < end) {
						change(crowd, names.get(random.nextInt(names.size())), disk, pool, random);
						Thread.sleep(random.nextInt(400));
					}
				}
				catch (IOException | InterruptedException ex) {
					this.wrong.add(disk + ": " + ex);
				}
			}, "soak-client-" + number);
			clients.add(client);
			client.start();
		}
		for (Thread client : clients) {
			client.join();
		}
	}

	// A disk belongs to one client, which knows whether it is attached.
	private void change(Crowd crowd, String name, String disk, String pool, Random random)
			throws IOException, InterruptedException {
		String machine = "/api/v1/machines/" + name;
		String device = machine + "/devices/blk-" + disk;
		Set<String> there = this.attached.get(name);
		switch (random.nextInt(8)) {
			case 0 -> count("add", crowd.ask("POST", machine + "/iothreads", "{\"id\": \"%s\"}".formatted(pool)));
			case 1 -> count("remove", crowd.ask("DELETE", machine + "/iothreads/" + pool, null));
			case 2 -> count("tune", crowd.ask("PATCH", machine + "/iothreads/io" + random.nextInt(2),
					"{\"poll-max-ns\": %d}".formatted(random.nextInt(100_000))));
			default -> {
				if (there.contains(disk)) {
					detach(crowd, name, disk, device);
				}
				else {
					HttpResponse<String> answer = crowd.ask("POST", machine + "/devices",
							"{\"id\": \"blk-%s\", \"drive\": \"%1$s\"}".formatted(disk));
					count("attach", answer);
					if (answer.statusCode() == 201) {
						there.add(disk);
					}
				}
			}
		}
	}

	private void detach(Crowd crowd, String name, String disk, String device) throws IOException, InterruptedException {
		HttpResponse<String> answer = crowd.ask("DELETE", device, null);
		count("detach", answer);
		if (answer.statusCode() == 404) {
			this.wrong.add("%s: %s was attached and is lost: %s".formatted(name, disk, answer.body()));
		}
		else if (answer.statusCode() == 202) {
			long end = System.nanoTime() + LONGEST_DETACH.toNanos();
			while (crowd.ask("GET", device, null).statusCode() != 404) {
				if (System.nanoTime() > end) {
					this.wrong.add("%s: %s is not let go".formatted(name, disk));
					return;
				}
				Thread.sleep(250);
			}
		}
		else if (answer.statusCode() != 204) {
			return;
		}
		this.attached.get(name).remove(disk);
	}

	private void count(String change, HttpResponse<String> answer) {
		this.tally.add(change + " " + answer.statusCode());
		if (answer.statusCode() >= 500) {
			this.wrong.add("%s %s: %s".formatted(answer.request().method(), answer.request().uri(), answer.body()));
		}
		else if (answer.statusCode() >= 400) {
			this.tally.add("because " + answer.body().replaceAll("(?s).*\"type\" ?: ?\"([^\"]*)\".*", "$1"));
		}
	}

	private void check(RunningService service, String name, Guest guest) {
		if (!guest.qemu().isAlive()) {
			this.wrong.add(name + ": QEMU has ended: " + guest.qemu().complaints());
			return;
		}
		Map<String, Set<String>> real = guest.attached();
		Map<String, Set<String>> shown = shown(service, name);
		long end = System.nanoTime() + LONGEST_DETACH.toNanos();
		while (!shown.equals(real) && System.nanoTime() < end) {
			real = guest.attached();
			shown = shown(service, name);
		}
		if (!shown.equals(real)) {
			this.wrong.add("%s: QOM has %s and the service %s".formatted(name, real, shown));
		}
		int disks = 1 + this.attached.get(name).size();
		Guest.Result seen = guest.tryToRun(
				"n=0; while [ $(ls -d /sys/block/vd* | wc -l) != %d ]; do n=$((n+1)); [ $n -gt 30 ] && break; sleep 1; done; ls /sys/block"
					.formatted(disks),
				Duration.ofMinutes(2));
		if (seen.output().split("vd", -1).length - 1 != disks) {
			this.wrong.add("%s: the guest sees %s instead of %d disks".formatted(name, seen.output(), disks));
		}
		// A failure is only sure when the disk has not gone soon after.
		String failed = guest
			.tryToRun("sleep 16; cat /tmp/bad 2>/dev/null; dmesg | grep 'error, dev vda'; true", Duration.ofMinutes(2))
			.output();
		if (!failed.isEmpty()) {
			this.wrong.add("%s: requests failed in the guest: %s".formatted(name, failed));
		}
		System.out.printf("%s: %s rounds on the disk that stays, %s%n", name,
				guest.tryToRun("cat /tmp/rounds.vda", Duration.ofMinutes(1)).output(),
				JsonMapper.shared().writeValueAsString(real));
	}

	private static Map<String, Set<String>> shown(RunningService service, String name) {
		Map<String, Set<String>> shown = new TreeMap<>();
		for (JsonNode iothread : service.get("/api/v1/machines/" + name + "/iothreads").json()) {
			Set<String> ids = new TreeSet<>();
			iothread.path("attached-devices").forEach((device) -> ids.add(device.path("id").asString()));
			shown.put(iothread.path("id").asString(), ids);
		}
		return shown;
	}

}
