package dev.iothreads.fleet;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * What another program notices of a service that visits the monitor which both need. With
 * {@code -Dvisits.seconds=60} each part lasts a minute.
 */
class VisitsBesideOthersTests {

	private static final int TIMES_A_SECOND = 10;

	private static final int SECONDS = Integer.getInteger("visits.seconds", 4);

	@EveryQemu
	void itsVisitsNeitherFailNorLastLonger(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start()) {
			List<Long> alone = visit(qemu.socket());
			try (RunningService service = RunningService.start("--iothreads.machines.vm1.monitor=unix:" + qemu.socket(),
					"--iothreads.machines.vm1.hold=false", "--iothreads.security.anonymous=operator",
					"--iothreads.max-age=0s")) {
				await().atMost(RunningService.DEADLINE).until(() -> service.state("vm1").equals("up"));
				AtomicBoolean over = new AtomicBoolean();
				AtomicInteger changes = new AtomicInteger();
				CompletableFuture<Void> readers = CompletableFuture.runAsync(() -> read(service, over));
				CompletableFuture<Void> changers = CompletableFuture.runAsync(() -> change(service, over, changes));
				List<Long> beside;
				try {
					beside = visit(qemu.socket());
				}
				finally {
					over.set(true);
				}
				readers.get(60, TimeUnit.SECONDS);
				changers.get(60, TimeUnit.SECONDS);
				System.out.printf("%s: alone %s, beside the service %s, %d changes%n", binary, text(alone),
						text(beside), changes.get());
				assertThat(changes).hasPositiveValue();
				// Other tests and machines share the processors of a short run.
				assertThat(at(beside, 50) - at(alone, 50))
					.isLessThan(TimeUnit.MILLISECONDS.toNanos((SECONDS < 60) ? 1000 : 50));
				// A visit leaves after 1 s.
				assertThat(Duration.ofNanos(at(beside, 100))).isLessThan(Duration.ofSeconds(10));
			}
		}
	}

	// What another program does: connect, be greeted, ask, leave.
	private static List<Long> visit(Path socket) throws Exception {
		return CompletableFuture.supplyAsync(() -> visits(socket)).get(SECONDS + 120, TimeUnit.SECONDS);
	}

	private static List<Long> visits(Path socket) {
		List<Long> took = new ArrayList<>();
		for (int i = 0; i < TIMES_A_SECOND * SECONDS; i++) {
			long begin = System.nanoTime();
			ask(socket);
			took.add(System.nanoTime() - begin);
			pause(1000 / TIMES_A_SECOND);
		}
		return took.stream().sorted().toList();
	}

	private static void ask(Path monitor) {
		try (SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(monitor));
				BufferedReader lines = new BufferedReader(
						new InputStreamReader(Channels.newInputStream(socket), StandardCharsets.UTF_8))) {
			assertThat(lines.readLine()).contains("QMP");
			socket.write(StandardCharsets.UTF_8
				.encode("{\"execute\": \"qmp_capabilities\"}\n{\"execute\": \"query-status\", \"id\": 1}\n"));
			assertThat(lines.readLine()).contains("return");
			String line;
			do {
				line = lines.readLine();
			}
			while (line != null && line.contains("\"event\""));
			assertThat(line).contains("prelaunch");
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static void read(RunningService service, AtomicBoolean over) {
		List<String> pages = List.of("/", "/api/v1/machines/vm1", "/api/v1/machines/vm1/iothreads",
				"/actuator/prometheus");
		for (int i = 0; !over.get(); i++) {
			RunningService.Answer answer = service.get(pages.get(i % pages.size()));
			assertThat(answer.status()).as(answer.body()).isEqualTo(200);
			pause(50);
		}
	}

	private static void change(RunningService service, AtomicBoolean over, AtomicInteger changes) {
		while (!over.get()) {
			RunningService.Answer added = service.send("POST", "/api/v1/machines/vm1/iothreads", "application/json",
					"{\"id\": \"more\"}");
			assertThat(added.status()).as(added.body()).isEqualTo(201);
			RunningService.Answer removed = service.send("DELETE", "/api/v1/machines/vm1/iothreads/more",
					"application/json", "");
			assertThat(removed.status()).as(removed.body()).isEqualTo(204);
			changes.incrementAndGet();
			pause(50);
		}
	}

	private static void pause(int milliseconds) {
		try {
			TimeUnit.MILLISECONDS.sleep(milliseconds);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private static long at(List<Long> sorted, int percent) {
		return sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100));
	}

	private static String text(List<Long> sorted) {
		return "median %.1f ms, 99 %% %.1f ms, worst %.1f ms of %d".formatted(at(sorted, 50) / 1e6,
				at(sorted, 99) / 1e6, at(sorted, 100) / 1e6, sorted.size());
	}

}
