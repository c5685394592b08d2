package dev.iothreads.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.QemuBinary;
import tools.jackson.databind.json.JsonMapper;

/**
 * Measures what the service costs, in one JVM with what it is held against.
 */
public final class FleetBenchmark {

	private static final int LARGEST = Integer.getInteger("bench.machines", 300);

	private static final int FLEET = Math.min(100, LARGEST);

	private static final int SMALLEST = 10;

	// So long does a JVM with two processors compile until what a request goes through
	// is as fast as it will be for months.
	private static final Duration WARM_UP = Duration.ofSeconds(90);

	static final String QUIET = "--logging.level.root=ERROR";

	// Tomcat ends a connection after a hundred requests unless configured otherwise.
	static final String KEPT = "--server.tomcat.max-keep-alive-requests=-1";

	private static final byte[] EVERYTHING = HttpConnection.request("/api/v1/iothreads");

	private final List<Row> rows = new ArrayList<>();

	private final Map<String, Object> notes = new LinkedHashMap<>();

	private final Herd herd;

	private FleetBenchmark(Herd herd) {
		this.herd = herd;
	}

	/**
	 * Runs all of it and prints the table.
	 * @param args the file that gets the table as JSON
	 * @throws Exception if something could not be measured
	 */
	public static void main(String[] args) throws Exception {
		List<QemuBinary> binaries = QemuBinary.all();
		if (binaries.isEmpty()) {
			System.out.println("There is no QEMU to measure with: apt-get install qemu-system-x86");
			return;
		}
		long begun = System.nanoTime();
		List<Row> libvirt = LibvirtBenchmark.rows();
		try (Herd herd = new Herd(binaries.get(0), LARGEST + 1)) {
			FleetBenchmark benchmark = new FleetBenchmark(herd);
			benchmark.notes.put("qemu", binaries.get(0).version());
			benchmark.notes.put("jdk", Runtime.version().toString());
			benchmark.notes.put("processors", Runtime.getRuntime().availableProcessors());
			benchmark.notes.put("load-before", load());
			benchmark.run();
			libvirt.forEach(benchmark::add);
			benchmark.notes.put("load-after", load());
			benchmark.notes.put("seconds", (System.nanoTime() - begun) / 1_000_000_000);
			benchmark.print();
			benchmark.save(Path.of(args[0]));
		}
	}

	// The cached list first: it makes the JVM compile what every request goes through.
	private void run() throws Exception {
		Row cached;
		try (EmptyApplication empty = new EmptyApplication()) {
			cached = cachedList(empty);
			this.herd.show(FLEET);
			withService("0s", (service, http) -> {
				withBareMonitors((bare) -> {
					oneMachine(http, bare.get(0), empty);
					allMachines(http, bare);
				});
				add(cached);
				oneStopped(service, http);
			});
			// A scrape reads what is older than max-age: the page itself is measured
			// without.
			withService("1h", (service, http) -> metricsPage(http, empty));
			withService("0s", this::growth);
		}
	}

	private void withService(String maxAge, ServiceWork work) throws Exception {
		try (RunningService service = RunningService.start("--iothreads.discovery.directory=" + this.herd.directory(),
				"--iothreads.discovery.interval=100ms", "--iothreads.max-age=" + maxAge, QUIET, KEPT);
				HttpConnection http = new HttpConnection(service.port())) {
			awaitUp(service, FLEET);
			work.with(service, http);
		}
	}

	private void withBareMonitors(BareWork work) throws Exception {
		List<BareMonitor> bare = new ArrayList<>();
		try {
			for (int number = 0; number < FLEET; number++) {
				bare.add(new BareMonitor(this.herd.bareSocket(number)));
			}
			work.with(bare);
		}
		finally {
			for (BareMonitor monitor : bare) {
				monitor.close();
			}
		}
	}

	private void oneMachine(HttpConnection http, BareMonitor bare, EmptyApplication empty) throws Exception {
		byte[] request = iothreads(0);
		byte[] work = HttpConnection.request("/work");
		Samples.Work reading = () -> {
			bare.write(BareMonitor.READING);
			bare.await(BareMonitor.READING_REPLIES);
		};
		empty.work(reading);
		Samples service = new Samples();
		Samples commands = new Samples();
		Samples controller = new Samples();
		long warm = System.nanoTime() + Duration.ofSeconds(20).toNanos();
		try (HttpConnection plain = new HttpConnection(empty.port())) {
			while (service.count() < 3000) {
				boolean counts = System.nanoTime() > warm;
				(counts ? service : new Samples()).time(() -> http.exchange(request));
				(counts ? commands : new Samples()).time(reading);
				(counts ? controller : new Samples()).time(() -> plain.exchange(work));
			}
		}
		add(Row.of("one machine, a fresh reading over HTTP, p50", service.median(),
				"the same four commands on a bare socket", commands.median(), "ms", 1.5, true));
		add(Row.of("the same", service.median(), "a Boot controller that sends them on a bare socket",
				controller.median(), "ms", 1.25, true));
	}

	private void allMachines(HttpConnection http, List<BareMonitor> bare) throws Exception {
		Samples service = new Samples();
		Samples pipelined = new Samples();
		Samples naive = new Samples();
		for (int i = -50; i < 150; i++) {
			(i < 0 ? new Samples() : service).time(() -> http.exchange(EVERYTHING));
			(i < 0 ? new Samples() : pipelined).time(() -> {
				for (BareMonitor monitor : bare) {
					monitor.write(BareMonitor.READING);
				}
				for (BareMonitor monitor : bare) {
					monitor.await(BareMonitor.READING_REPLIES);
				}
			});
			if (i >= 0 && i % 25 == 0) {
				naive.time(() -> {
					for (BareMonitor monitor : bare) {
						readNaively(monitor);
					}
				});
			}
		}
		add(Row.of(FLEET + " machines, all read afresh, p50", service.median(),
				"the same commands pipelined on " + FLEET + " bare sockets", pipelined.median(), "ms", 1.25, true));
		add(Row.of("the same", service.median(), "a qom-get for each device and property, one machine after another",
				naive.median(), "ms", 0.25, true));
	}

	private static void readNaively(BareMonitor monitor) throws IOException {
		List<String> commands = new ArrayList<>(List.of("{\"execute\": \"query-iothreads\"}",
				BareMonitor.list("/machine/peripheral"), BareMonitor.list("/machine/peripheral-anon")));
		for (int device = 0; device < Herd.IOTHREADS * Herd.DEVICES; device++) {
			commands.add(BareMonitor.get("/machine/peripheral/blk" + device, "iothread"));
			commands.add(BareMonitor.get("/machine/peripheral/blk" + device, "drive"));
		}
		for (String command : commands) {
			monitor.write(BareMonitor.commands(List.of(command)));
			monitor.await(1);
		}
	}

	private void metricsPage(HttpConnection http, EmptyApplication empty) throws Exception {
		byte[] page = HttpConnection.request("/actuator/prometheus");
		byte[] bytes = HttpConnection.request("/bytes");
		Samples metrics = new Samples();
		Samples memory = new Samples();
		try (HttpConnection plain = new HttpConnection(empty.port())) {
			http.exchange(page);
			empty.serve(http.body());
			for (int i = -300; i < 500; i++) {
				(i < 0 ? new Samples() : metrics).time(() -> http.exchange(page));
				(i < 0 ? new Samples() : memory).time(() -> plain.exchange(bytes));
			}
			this.notes.put("metrics-page-bytes", plain.body().length);
		}
		double measured = metrics.median();
		add(new Row(
				"Prometheus page with %d machines × %d threads × %d devices, p50".formatted(FLEET, Herd.IOTHREADS,
						Herd.DEVICES),
				Row.figure(measured, "ms"), "writing the same bytes from memory", Row.figure(memory.median(), "ms"),
				measured / memory.median(), "≤ 25 ms", measured <= 25));
		metricsPageAsPrometheusAsks(http, page);
	}

	// As seldom as a Prometheus asks, so that the CPU time of every thread is read anew.
	private void metricsPageAsPrometheusAsks(HttpConnection http, byte[] page) throws Exception {
		Samples seldom = new Samples();
		Samples often = new Samples();
		for (int i = 0; i < 40; i++) {
			TimeUnit.MILLISECONDS.sleep(500);
			seldom.time(() -> http.exchange(page));
			often.time(() -> http.exchange(page));
		}
		this.notes.put("cpu-series",
				new String(http.body(), StandardCharsets.UTF_8).lines()
					.filter((line) -> line.startsWith("iothread_cpu_seconds_total{"))
					.count());
		add(new Row("the same page, half a second after the last", Row.figure(seldom.median(), "ms"),
				"the same page at once again, with the CPU times read before", Row.figure(often.median(), "ms"),
				seldom.median() / often.median(), "≤ 25 ms", seldom.median() <= 25));
	}

	private Row cachedList(EmptyApplication empty) throws Exception {
		try (RunningService cached = RunningService.start("--iothreads.max-age=1h",
				"--iothreads.machines.vm.monitor=unix:" + this.herd.bareSocket(LARGEST), QUIET, KEPT)) {
			awaitUp(cached, 1);
			byte[] list = HttpConnection.request("/api/v1/machines/vm/iothreads");
			byte[] nothing = HttpConnection.request("/empty");
			double service = 0;
			double reference = 0;
			int rounds = 6;
			for (long end = System.nanoTime() + WARM_UP.toNanos(); System.nanoTime() < end;) {
				perSecond(cached.port(), list);
				perSecond(cached.port(), list);
				perSecond(empty.port(), nothing);
			}
			for (int round = 0; round < rounds; round++) {
				service += perSecond(cached.port(), list) / rounds;
				reference += perSecond(empty.port(), nothing) / rounds;
			}
			return Row.of("cached list of one machine", service, "an empty Boot controller", reference, "requests/s",
					0.5, false);
		}
	}

	private static double perSecond(int port, byte[] request) throws Exception {
		int clients = 4;
		Duration time = Duration.ofSeconds(3);
		ExecutorService threads = Executors.newFixedThreadPool(clients);
		try {
			List<Future<Integer>> counts = new ArrayList<>();
			for (int client = 0; client < clients; client++) {
				counts.add(threads.submit(() -> {
					int count = 0;
					try (HttpConnection connection = new HttpConnection(port)) {
						for (long end = System.nanoTime() + time.toNanos(); System.nanoTime() < end; count++) {
							if (connection.exchange(request) != 200) {
								throw new IllegalStateException(new String(request) + new String(connection.body()));
							}
						}
					}
					return count;
				}));
			}
			double sum = 0;
			for (Future<Integer> count : counts) {
				sum += count.get();
			}
			return sum / time.toSeconds();
		}
		finally {
			threads.shutdownNow();
		}
	}

	private void oneStopped(RunningService service, HttpConnection http) throws Exception {
		Samples running = new Samples();
		Samples stopped = new Samples();
		Samples allRunning = new Samples();
		Samples allStopped = new Samples();
		for (int round = 0; round < 4; round++) {
			readOthers(http, running, allRunning);
			this.herd.qemu(FLEET - 1).stop();
			readOthers(http, stopped, allStopped);
			this.herd.qemu(FLEET - 1).cont();
			awaitUp(service, FLEET);
		}
		add(Row.of("p99 of reading %d machines while one more is stopped".formatted(FLEET - 1), stopped.quantile(0.99),
				"the same with all running", running.quantile(0.99), "ms", 1.1, true));
		this.notes.put("one-stopped-samples", stopped.count());
		this.notes.put("all-in-one-answer-running-ms", allRunning.toString());
		this.notes.put("all-in-one-answer-one-stopped-ms", allStopped.toString());
	}

	// For longer than a command may take, so that both is in it: not knowing yet, and
	// knowing.
	private static void readOthers(HttpConnection http, Samples each, Samples all) throws Exception {
		long end = System.nanoTime() + Duration.ofSeconds(8).toNanos();
		while (System.nanoTime() < end) {
			for (int number = 0; number < FLEET - 1; number++) {
				byte[] request = iothreads(number);
				each.time(() -> http.exchange(request));
			}
			all.time(() -> http.exchange(EVERYTHING));
		}
	}

	private void growth(RunningService service, HttpConnection http) throws Exception {
		Map<Integer, Double> time = new LinkedHashMap<>();
		Map<Integer, Double> memory = new LinkedHashMap<>();
		this.herd.show(0);
		awaitUp(service, 0);
		double empty = memory();
		for (int size : new TreeSet<>(List.of(SMALLEST, FLEET, LARGEST))) {
			this.herd.show(size);
			awaitUp(service, size);
			Samples samples = new Samples();
			for (int i = -20; i < Math.max(60, 1500 / size); i++) {
				(i < 0 ? new Samples() : samples).time(() -> http.exchange(EVERYTHING));
			}
			time.put(size, samples.median() / size);
			memory.put(size, (memory() - empty) / size);
		}
		double worst = 0;
		for (int size : time.keySet()) {
			worst = Math.max(worst,
					Math.max(time.get(size) / time.get(SMALLEST), memory.get(size) / memory.get(SMALLEST)));
		}
		add(new Row("%s machines: time, and memory, per machine".formatted(time.keySet()),
				join(time, "ms") + "; " + join(memory, "KiB"), SMALLEST + " machines",
				Row.figure(time.get(SMALLEST), "ms") + "; " + Row.figure(memory.get(SMALLEST), "KiB"), worst,
				"flat (≤ 1.2)", worst <= 1.2));
	}

	private static String join(Map<Integer, Double> figures, String unit) {
		List<String> texts = new ArrayList<>();
		figures.values().forEach((figure) -> texts.add(Row.plain(figure)));
		return String.join(" / ", texts) + " " + unit;
	}

	/**
	 * What is in use, in KiB: the heap after a collection, and all that is not heap. The
	 * heap's own pages are all touched from the beginning, so that they change nothing.
	 */
	private static double memory() throws Exception {
		for (int i = 0; i < 3; i++) {
			System.gc();
			TimeUnit.MILLISECONDS.sleep(300);
		}
		long resident = Files.readAllLines(Path.of("/proc/self/status"))
			.stream()
			.filter((line) -> line.startsWith("VmRSS:"))
			.mapToLong((line) -> Long.parseLong(line.replaceAll("\\D", "")))
			.findFirst()
			.orElseThrow();
		return resident + ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1024.0;
	}

	private static byte[] iothreads(int number) {
		return HttpConnection.request("/api/v1/machines/" + Herd.name(number) + "/iothreads");
	}

	static void awaitUp(RunningService service, int machines) throws InterruptedException {
		long end = System.nanoTime() + Duration.ofMinutes(2).toNanos();
		while (true) {
			int all = 0;
			int up = 0;
			for (var machine : service.get("/api/v1/machines").json()) {
				all++;
				up += machine.path("state").asString().equals("up") ? 1 : 0;
			}
			if (all == machines && up == machines) {
				return;
			}
			if (System.nanoTime() > end) {
				throw new IllegalStateException(up + " of " + all + " machines are up, and not " + machines);
			}
			TimeUnit.MILLISECONDS.sleep(50);
		}
	}

	private static String load() throws IOException {
		return Files.readString(Path.of("/proc/loadavg")).split(" ")[0];
	}

	private void add(Row row) {
		this.rows.add(row);
		System.err.println("Measured: " + line(row));
	}

	private void print() {
		StringBuilder table = new StringBuilder("\n%s\n\n".formatted(this.notes));
		table.append("| what | measured | against | there | ratio | aim | |\n|---|---|---|---|---|---|---|\n");
		for (Row row : this.rows) {
			table.append(line(row)).append('\n');
		}
		System.out.println(table);
	}

	private static String line(Row row) {
		return "| %s | %s | %s | %s | %s | %s | %s |".formatted(row.what(), row.measured(), row.against(),
				row.reference(), Row.plain(row.ratio()), row.aim(),
				row.aim().isEmpty() ? "" : row.met() ? "met" : "missed");
	}

	private void save(Path file) throws IOException {
		Files.writeString(file,
				JsonMapper.builder()
					.build()
					.writerWithDefaultPrettyPrinter()
					.writeValueAsString(Map.of("rows", this.rows, "notes", this.notes)));
	}

	@FunctionalInterface
	private interface ServiceWork {

		void with(RunningService service, HttpConnection http) throws Exception;

	}

	@FunctionalInterface
	private interface BareWork {

		void with(List<BareMonitor> monitors) throws Exception;

	}

}
