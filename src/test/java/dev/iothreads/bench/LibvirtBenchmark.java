package dev.iothreads.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.libvirt.DomainXml;
import dev.iothreads.libvirt.Libvirtd;

/**
 * Measures what reading libvirt's domains costs, against the same calls on a bare socket
 * and against an exporter that scrapes the same domains.
 */
final class LibvirtBenchmark {

	private static final int DOMAINS = 40;

	private static final int WARM_UP = 100;

	private static final int TIMES = 100;

	private static final Path DAEMON = Path.of("/usr/sbin/libvirtd");

	private static final Path EXPORTER = Path.of("/usr/bin/prometheus-libvirt-exporter");

	private final List<Row> rows = new ArrayList<>();

	private LibvirtBenchmark() {
	}

	/**
	 * Measures.
	 * @return the rows, none where there is no libvirt
	 */
	static List<Row> rows() throws Exception {
		LibvirtBenchmark benchmark = new LibvirtBenchmark();
		if (Files.isExecutable(DAEMON)) {
			try (Libvirtd libvirtd = Libvirtd.start()) {
				for (int number = 0; number < DOMAINS; number++) {
					libvirtd.run(DomainXml.named("vm" + number)
						.iothreads(2)
						.disk(libvirtd.image("vm%d.img".formatted(number)), "vda", 1));
				}
				benchmark.measure(libvirtd);
			}
		}
		else {
			System.out.println("There is no libvirt to measure with: apt-get install libvirt-daemon-system");
		}
		return benchmark.rows;
	}

	private void measure(Libvirtd libvirtd) throws Exception {
		try (BareLibvirt bare = new BareLibvirt(libvirtd.socket())) {
			List<byte[]> domains = new ArrayList<>();
			for (int number = 0; number < DOMAINS; number++) {
				domains.add(bare.domain("vm" + number));
			}
			double scraped = read(libvirtd, "xml",
					"the same four calls of libvirt, one after another, on a bare socket", () -> {
						for (byte[] domain : domains) {
							bare.readByXml(domain);
						}
					});
			if (Files.isExecutable(EXPORTER)) {
				double exporter = exporter(libvirtd);
				this.rows.add(Row.reported("the metrics page of these domains, read afresh, p50", scraped,
						"prometheus-libvirt-exporter, of the same domains", exporter, "ms"));
			}
			// Last: libvirt notes that it was asked for this.
			read(libvirtd, "monitor", "the same four commands through libvirt, one after another, on a bare socket",
					() -> {
						for (byte[] domain : domains) {
							bare.readByMonitor(domain);
						}
					});
		}
	}

	private double read(Libvirtd libvirtd, String reading, String against, Samples.Work calls) throws Exception {
		Samples service = new Samples();
		Samples bare = new Samples();
		Samples page = new Samples();
		try (RunningService running = RunningService.start(
				"--iothreads.libvirt.uri=qemu:///system?socket=" + libvirtd.socket(),
				"--iothreads.libvirt.reading=" + reading, "--iothreads.max-age=0s", "--iothreads.refresh-interval=1h",
				FleetBenchmark.QUIET, FleetBenchmark.KEPT); HttpConnection http = new HttpConnection(running.port())) {
			FleetBenchmark.awaitUp(running, DOMAINS);
			byte[] everything = HttpConnection.request("/api/v1/iothreads");
			byte[] metrics = HttpConnection.request("/actuator/prometheus");
			for (int i = -WARM_UP; i < TIMES; i++) {
				(i < 0 ? new Samples() : service).time(() -> http.exchange(everything));
				(i < 0 ? new Samples() : bare).time(calls);
				(i < 0 ? new Samples() : page).time(() -> http.exchange(metrics));
			}
		}
		this.rows.add(Row.reported("%d domains of libvirt, all read afresh by %s, p50".formatted(DOMAINS, reading),
				service.median(), against, bare.median(), "ms"));
		return page.median();
	}

	private static double exporter(Libvirtd libvirtd) throws Exception {
		int port;
		try (ServerSocket free = new ServerSocket(0)) {
			port = free.getLocalPort();
		}
		Process exporter = new ProcessBuilder(EXPORTER.toString(), "--web.listen-address=127.0.0.1:" + port,
				"--libvirt.uri=qemu+unix:///system?socket=" + libvirtd.socket())
			.redirectOutput(ProcessBuilder.Redirect.DISCARD)
			.redirectError(ProcessBuilder.Redirect.DISCARD)
			.start();
		try (HttpConnection http = connect(port)) {
			Samples samples = new Samples();
			byte[] metrics = HttpConnection.request("/metrics");
			for (int i = -10; i < TIMES; i++) {
				(i < 0 ? new Samples() : samples).time(() -> http.exchange(metrics));
			}
			return samples.median();
		}
		finally {
			exporter.destroyForcibly().waitFor();
		}
	}

	private static HttpConnection connect(int port) throws Exception {
		for (long end = System.nanoTime() + RunningService.DEADLINE.toNanos(); true;) {
			try {
				return new HttpConnection(port);
			}
			catch (IOException ex) {
				if (System.nanoTime() > end) {
					throw ex;
				}
				TimeUnit.MILLISECONDS.sleep(50);
			}
		}
	}

}
