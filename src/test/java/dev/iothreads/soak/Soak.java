package dev.iothreads.soak;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.QemuBinary;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * Twenty QEMUs are killed, stopped and restarted, devices come and go behind the
 * service's back, and a crowd reads and writes meanwhile. In the end every count must be
 * QEMU's own, nothing may be left over, and nothing in the log unexplained.
 */
final class Soak {

	private static final int MACHINES = 20;

	private static final int READERS = 50;

	private static final int WRITERS = 10;

	private static final int STREAMS = 5;

	private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);

	private final Tally tally = new Tally();

	private final Queue<String> unexplained = new ConcurrentLinkedQueue<>();

	private final List<String> failures = new ArrayList<>();

	/**
	 * Runs it.
	 * @param args how many seconds, whether real guests do I/O, and the seed, which may
	 * be left out
	 */
	public static void main(String[] args) throws Exception {
		Duration duration = Duration.ofSeconds(Long.parseLong(args[0]));
		// An argument that is empty is not passed on.
		long seed = (args.length > 2) ? Long.parseLong(args[2]) : System.nanoTime();
		if (args.length > 1 && Boolean.parseBoolean(args[1])) {
			new GuestSoak().run(duration, seed);
		}
		else {
			new Soak().run(duration, seed);
		}
	}

	private void run(Duration duration, long seed) throws Exception {
		System.out.printf("Soaking for %d s, seed %d%n", duration.toSeconds(), seed);
		try (Herd herd = new Herd(QemuBinary.all(), MACHINES, this.tally);
				RunningService service = RunningService.start("--iothreads.discovery.directory=" + herd.directory(),
						"--iothreads.timeouts.command=2s", "--iothreads.timeouts.detach=500ms",
						"--iothreads.refresh-interval=1s", "--logging.level.dev.iothreads.audit=warn",
						"--spring.main.register-shutdown-hook=false", "--iothreads.security.anonymous=operator")) {
			listen();
			awaitCounts(herd, service);
			// What is made once is not left over.
			work(herd, service, Duration.ofSeconds(10), seed + 1);
			awaitCounts(herd, service);
			Leftovers before = Leftovers.settled();
			work(herd, service, duration, seed);
			long begun = System.nanoTime();
			awaitCounts(herd, service);
			System.out.printf("All counts are right %d ms after the end%n",
					TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
			Leftovers after = Leftovers.settled();
			System.out.printf("before %s%nafter  %s%n%s%n", before, after, this.tally);
			check(after.threads() <= before.threads() + 10, "threads are left over");
			check(after.descriptors() <= before.descriptors() + 10, "descriptors are left over");
			check(after.heapKb() <= before.heapKb() + 16 * 1024, "heap is left over");
		}
		this.unexplained.stream().limit(20).forEach((line) -> this.failures.add("unexplained: " + line));
		if (!this.failures.isEmpty()) {
			throw new IllegalStateException(String.join(System.lineSeparator(), this.failures));
		}
		System.out.println("Nothing was left over, and nothing unexplained.");
	}

	private void work(Herd herd, RunningService service, Duration duration, long seed) throws InterruptedException {
		Crowd crowd = new Crowd(service.port(), MACHINES, this.tally);
		ExecutorService bad = Executors.newFixedThreadPool(4);
		long end = System.nanoTime() + duration.toNanos();
		for (int i = 0; i < 3; i++) {
			Random random = new Random(seed + i);
			bad.submit(() -> {
				while (System.nanoTime() < end) {
					herd.torment(random);
					Thread.sleep(random.nextInt(500));
				}
				return null;
			});
		}
		Random random = new Random(seed);
		bad.submit(() -> {
			while (System.nanoTime() < end) {
				herd.meddle(random);
				Thread.sleep(random.nextInt(50));
			}
			return null;
		});
		crowd.start("reader", READERS, seed, crowd::read);
		crowd.start("writer", WRITERS, seed, crowd::write);
		crowd.start("stream", STREAMS, seed, crowd::watch);
		bad.shutdown();
		check(bad.awaitTermination(duration.plus(LONGEST_WAIT).toSeconds(), TimeUnit.SECONDS),
				"the torment does not end");
		crowd.stop();
		crowd.wrong().stream().limit(20).forEach((line) -> this.failures.add("wrong: " + line));
	}

	private void listen() {
		AppenderBase<ILoggingEvent> listener = new AppenderBase<>() {

			@Override
			protected void append(ILoggingEvent event) {
				if (event.getLevel().isGreaterOrEqual(Level.WARN) && !isExplained(event)) {
					Soak.this.unexplained.add(event.getLoggerName() + ": " + event.getFormattedMessage()
							+ ((event.getThrowableProxy() != null) ? " " + event.getThrowableProxy().getMessage()
									: ""));
				}
			}

		};
		listener.start();
		((Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME)).addAppender(listener);
	}

	// A machine's state is said in one line each time, and so is that a device has gone
	// which another client of QEMU unplugged.
	private static boolean isExplained(ILoggingEvent event) {
		return event.getLoggerName().startsWith("dev.iothreads.qemu.") && event.getFormattedMessage()
			.matches("(?s)((down|busy|connecting): vm\\d\\d|vm\\d\\d: device other\\d has gone).*");
	}

	private void awaitCounts(Herd herd, RunningService service) throws InterruptedException {
		long end = System.nanoTime() + LONGEST_WAIT.toNanos();
		for (int number = 0; number < MACHINES; number++) {
			String name = Herd.name(number);
			Object qemus = Map.of();
			Object ours = Map.of();
			do {
				Thread.sleep(100);
				qemus = herd.counts(number);
				ours = counts(service, name);
			}
			while (!ours.equals(qemus) && System.nanoTime() < end);
			check(ours.equals(qemus), "%s: QEMU says %s and the service %s".formatted(name, qemus, ours));
		}
	}

	private static Map<String, List<String>> counts(RunningService service, String name) {
		Map<String, List<String>> counts = new TreeMap<>();
		RunningService.Answer answer = service.get("/api/v1/machines/" + name + "/iothreads");
		if (answer.status() == 200) {
			for (JsonNode iothread : answer.json()) {
				List<String> ids = new ArrayList<>();
				iothread.path("attached-devices").forEach((device) -> ids.add(device.path("id").asString()));
				ids.sort(null);
				counts.put(iothread.path("id").asString(), ids);
			}
		}
		return counts;
	}

	private void check(boolean right, String otherwise) {
		if (!right) {
			this.failures.add(otherwise);
		}
	}

	/**
	 * What this process holds.
	 */
	private record Leftovers(int threads, int descriptors, long heapKb) {

		// Idle connections are kept for half a minute.
		static Leftovers settled() throws InterruptedException {
			Leftovers least = now();
			for (int i = 0; i < 45; i++) {
				Thread.sleep(1000);
				Leftovers next = now();
				least = new Leftovers(Math.min(least.threads, next.threads),
						Math.min(least.descriptors, next.descriptors), Math.min(least.heapKb, next.heapKb));
			}
			return least;
		}

		private static Leftovers now() {
			System.gc();
			try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
				return new Leftovers(ManagementFactory.getThreadMXBean().getThreadCount(), (int) open.count(),
						ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10);
			}
			catch (IOException ex) {
				throw new UncheckedIOException(ex);
			}
		}

	}

}
