package dev.iothreads.fleet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

/**
 * A service that is stopped in the middle of a visit.
 */
class FrozenVisitTests {

	// Longer than a visit may last.
	private static final Duration LONGER = Duration.ofSeconds(2);

	@TempDir
	Path directory;

	@EveryQemu
	void itKeepsTheMonitorUntilItGoesOn(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start();
				SlowAnswers slow = new SlowAnswers(this.directory.resolve("slow.sock"), qemu.socket());
				ServiceProcess service = start(slow.socket())) {
			freeze(service, slow);
			CompletableFuture<JsonNode> other = CompletableFuture.supplyAsync(() -> ask(qemu));
			assertThatExceptionOfType(TimeoutException.class)
				.isThrownBy(() -> other.get(LONGER.toMillis(), TimeUnit.MILLISECONDS));
			service.signal("CONT");
			assertThat(other.get(60, TimeUnit.SECONDS).path("running").asBoolean()).isFalse();
			slow.release();
			service.awaitState("vm1", "up");
		}
	}

	@EveryQemu
	void itsEndFreesTheMonitor(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start();
				SlowAnswers slow = new SlowAnswers(this.directory.resolve("slow.sock"), qemu.socket());
				ServiceProcess service = start(slow.socket())) {
			freeze(service, slow);
			CompletableFuture<JsonNode> other = CompletableFuture.supplyAsync(() -> ask(qemu));
			service.signal("KILL");
			assertThat(other.get(60, TimeUnit.SECONDS).path("running").asBoolean()).isFalse();
		}
	}

	@EveryQemu
	void withAMonitorOfItsOwnItKeepsNothingFromOthers(QemuBinary binary) throws Exception {
		Assumptions.assumeTrue(binary.isAtLeast(11, 1), "monitors are objects since QEMU 11.1");
		Path own = Files.createDirectory(this.directory.resolve("own"));
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start();
				ServiceProcess service = ServiceProcess.start(List.of(), List.of("-Xmx128m"),
						"--iothreads.machines.vm1.monitor=unix:" + qemu.socket(), "--iothreads.machines.vm1.hold=own",
						"--iothreads.own-monitor.directory=" + own)) {
			service.awaitState("vm1", "up");
			assertThat(own).isDirectoryContaining("glob:**/iothread-inventory-*.sock");
			service.signal("STOP");
			for (int i = 0; i < 10; i++) {
				assertThat(ask(qemu).path("running").asBoolean(true)).isFalse();
			}
			service.signal("CONT");
			service.awaitState("vm1", "up");
			service.signal("KILL");
			await().atMost(RunningService.DEADLINE).untilAsserted(() -> assertThat(own).isEmptyDirectory());
			assertThat(ask(qemu).path("running").asBoolean(true)).isFalse();
		}
	}

	private static ServiceProcess start(Path monitor) {
		return ServiceProcess.start(List.of(), List.of("-Xmx128m"), "--iothreads.machines.vm1.monitor=unix:" + monitor,
				"--iothreads.machines.vm1.hold=false");
	}

	// A visit may end before the signal comes.
	private static void freeze(ServiceProcess service, SlowAnswers slow) throws InterruptedException {
		for (int i = 0; i < 20; i++) {
			slow.awaitVisit();
			service.signal("STOP");
			if (slow.isVisited()) {
				return;
			}
			service.signal("CONT");
		}
		throw new AssertionError("Each visit had ended before the service was stopped");
	}

	private static JsonNode ask(Qemu qemu) {
		try (Monitor monitor = Monitor.connect(qemu.socket())) {
			return monitor.execute("query-status");
		}
	}

	/**
	 * Leads to a monitor, and passes on nothing but its greeting until it is released.
	 */
	private static final class SlowAnswers implements AutoCloseable {

		private final Path socket;

		private final Path target;

		private final ServerSocketChannel server;

		private final Semaphore visits = new Semaphore(0);

		private volatile boolean released;

		private volatile SocketChannel visitor;

		SlowAnswers(Path socket, Path target) throws IOException {
			this.socket = socket;
			this.target = target;
			this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
			this.server.bind(UnixDomainSocketAddress.of(socket));
			start(this::serve);
		}

		Path socket() {
			return this.socket;
		}

		void awaitVisit() throws InterruptedException {
			this.visits.drainPermits();
			assertThat(this.visits.tryAcquire(60, TimeUnit.SECONDS)).as("a visit").isTrue();
		}

		// The service is stopped. What it has closed before takes nothing any more;
		// blanks
		// between messages mean nothing.
		boolean isVisited() {
			try {
				write(this.visitor, ByteBuffer.wrap("\n".getBytes(StandardCharsets.UTF_8)));
				return true;
			}
			catch (IOException ex) {
				return false;
			}
		}

		void release() {
			this.released = true;
		}

		private void serve() throws IOException {
			while (true) {
				SocketChannel client = this.server.accept();
				SocketChannel qemu = SocketChannel.open(UnixDomainSocketAddress.of(this.target));
				start(() -> passOn(client, qemu));
				start(() -> answer(qemu, client));
			}
		}

		private void passOn(SocketChannel client, SocketChannel qemu) throws IOException {
			this.visitor = client;
			ByteBuffer bytes = ByteBuffer.allocate(65536);
			try (client; qemu) {
				while (client.read(bytes.clear()) >= 0) {
					write(qemu, bytes.flip());
				}
			}
		}

		private void answer(SocketChannel qemu, SocketChannel client) throws IOException {
			ByteBuffer bytes = ByteBuffer.allocate(65536);
			boolean greeted = false;
			while (qemu.read(bytes.clear()) >= 0) {
				if (!greeted || this.released) {
					write(client, bytes.flip());
				}
				else {
					this.visits.release();
				}
				greeted = true;
			}
		}

		private static void write(SocketChannel channel, ByteBuffer bytes) throws IOException {
			while (bytes.hasRemaining()) {
				channel.write(bytes);
			}
		}

		private static void start(Work work) {
			Thread thread = new Thread(() -> {
				try {
					work.run();
				}
				catch (IOException ex) {
					// One side has left.
				}
			}, "slow-answers");
			thread.setDaemon(true);
			thread.start();
		}

		@Override
		public void close() {
			try {
				this.server.close();
			}
			catch (IOException ex) {
				throw new UncheckedIOException(ex);
			}
		}

		private interface Work {

			void run() throws IOException;

		}

	}

}
