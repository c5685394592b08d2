package dev.iothreads.qmp;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The client and real QEMUs.
 */
@EveryQemu
class QmpClientOnQemuTests {

	private static final QmpOptions LENIENT = QmpOptions.defaults()
		.withConnectTimeout(Duration.ofSeconds(60))
		.withGreetingTimeout(Duration.ofSeconds(60))
		.withCommandTimeout(Duration.ofSeconds(60));

	private final Qemu qemu;

	private final MonitorAddress address;

	QmpClientOnQemuTests(QemuBinary binary) {
		this.qemu = Qemu.of(binary).args("-object", "iothread,id=iothread0").start();
		this.address = new UnixAddress(this.qemu.socket());
	}

	@AfterEach
	void endQemu() {
		this.qemu.close();
	}

	@Test
	void theGreetingHasTheVersionOfQueryVersion() {
		try (QmpClient client = Clients.connect(this.address, LENIENT)) {
			QmpGreeting greeting = Futures.await(client.ready());
			assertThat(greeting.version()).isEqualTo(this.qemu.binary().version());
			JsonNode version = Futures.await(client.execute(QmpCommand.of("query-version")));
			assertThat(version.path("qemu").path("major").intValue()).isEqualTo(greeting.major());
			assertThat(version.path("package").stringValue()).isEqualTo(greeting.packageName());
		}
	}

	@Test
	void argumentsArriveAndRefusalsComeBack() {
		try (QmpClient client = Clients.connect(this.address, LENIENT)) {
			assertThat(Futures.await(client
				.execute(QmpCommand.of("qom-get", Map.of("path", "/objects/iothread0", "property", "poll-max-ns")))))
				.hasToString("32768");
			QmpCommandException refusal = Futures.failureOf(
					client.execute(QmpCommand.of("qom-get", Map.of("path", "/objects/ä€𝄞", "property", "x"))),
					QmpCommandException.class);
			assertThat(refusal.errorClass()).isEqualTo("DeviceNotFound");
			assertThat(refusal.description()).isEqualTo("Device '/objects/ä€𝄞' not found");
		}
	}

	@Test
	void aThousandCommandsArePipelined() {
		QmpCommand command = QmpCommand.of("qom-get", Map.of("path", "/objects/iothread0", "property", "poll-max-ns"));
		try (QmpClient client = Clients.connect(this.address, LENIENT)) {
			List<CompletableFuture<JsonNode>> replies = client.executeAll(Collections.nCopies(1000, command));
			assertThat(replies.stream().map(Futures::await)).hasSize(1000)
				.allMatch((reply) -> reply.intValue() == 32768);
			assertThat(client.unanswered()).isZero();
		}
	}

	@Test
	void aSecondClientIsNotGreetedBeforeTheFirstHasLeft() {
		QmpClient first = Clients.connect(this.address, LENIENT);
		try (QmpClient second = QmpClient.open(this.address, LENIENT.withGreetingTimeout(null), (event) -> {
		})) {
			Futures.until("connected", () -> second.state() == QmpState.GREETING);
			QmpConnectException failure = Futures.failureOf(
					QmpClient.open(this.address, LENIENT.withGreetingTimeout(Duration.ofMillis(100)), (event) -> {
					}).ready(), QmpConnectException.class);
			assertThat(failure.reason()).isEqualTo(QmpConnectException.Reason.NOT_GREETED);
			Futures.await(first.execute(QmpCommand.of("query-status")));
			assertThat(second.state()).isEqualTo(QmpState.GREETING);
			first.close();
			Futures.await(second.ready());
			Futures.await(second.execute(QmpCommand.of("query-status")));
		}
	}

	@Test
	void theEndOfQemuFailsWhatIsPendingAndIsAnnounced() {
		List<String> events = new CopyOnWriteArrayList<>();
		try (QmpClient client = QmpClient.open(this.address, LENIENT, (event) -> events.add(event.name()))) {
			Futures.await(client.ready());
			List<QmpCommand> commands = new ArrayList<>(List.of(QmpCommand.of("quit")));
			commands.addAll(Collections.nCopies(1000, QmpCommand.of("query-status")));
			List<CompletableFuture<JsonNode>> replies = client.executeAll(commands);
			assertThat(Futures.await(client.closed())).isExactlyInstanceOf(QmpClosedException.class);
			assertThat(replies).allMatch(CompletableFuture::isDone);
			Futures.failureOf(replies.get(1000), QmpInterruptedException.class);
			assertThat(events).contains("SHUTDOWN");
		}
	}

	@Test
	void aCrashOfQemuFailsWhatIsPending() {
		try (QmpClient client = Clients.connect(this.address, LENIENT)) {
			this.qemu.stop();
			CompletableFuture<JsonNode> reply = client.execute(QmpCommand.of("query-status"));
			this.qemu.kill();
			Futures.failureOf(reply, QmpInterruptedException.class);
			assertThat(client.state()).isEqualTo(QmpState.CLOSED);
		}
		QmpConnectException failure = Futures.failureOf(QmpClient.open(this.address, LENIENT, (event) -> {
		}).ready(), QmpConnectException.class);
		assertThat(failure.reason()).isEqualTo(QmpConnectException.Reason.NOT_CONNECTED);
	}

	@Test
	void monitorsThatWritePrettilyAreRead(@TempDir Path directory) {
		Path pretty = directory.resolve("pretty.sock");
		Path mon = directory.resolve("mon.sock");
		try (Qemu second = Qemu.of(this.qemu.binary())
			.args("-object", "iothread,id=iothread0", "-qmp-pretty", "unix:" + pretty + ",server=on,wait=off",
					"-chardev", "socket,id=c0,path=" + mon + ",server=on,wait=off", "-mon",
					"chardev=c0,mode=control,pretty=on")
			.start()) {
			for (Path socket : List.of(pretty, mon)) {
				List<String> events = new CopyOnWriteArrayList<>();
				try (QmpClient client = QmpClient.open(new UnixAddress(socket), LENIENT,
						(event) -> events.add(event.name()))) {
					assertThat(Futures.await(client.ready()).version()).isEqualTo(second.binary().version());
					List<CompletableFuture<JsonNode>> replies = client.executeAll(List.of(
							QmpCommand.of("query-iothreads"), QmpCommand.of("stop"), QmpCommand.of("query-nonsense"),
							QmpCommand.of("cont"), QmpCommand.of("query-commands")));
					assertThat(Futures.await(replies.get(0)).path(0).path("id").stringValue()).isEqualTo("iothread0");
					assertThat(Futures.failureOf(replies.get(2), QmpCommandException.class).errorClass())
						.isEqualTo("CommandNotFound");
					assertThat(Futures.await(replies.get(4))).hasSizeGreaterThan(100);
					Futures.until("events come", () -> events.contains("RESUME"));
					assertThat(client.unmatchedReplies()).isZero();
				}
			}
		}
	}

	@Test
	void theHumanMonitorIsNamed(@TempDir Path directory) {
		Path monitor = directory.resolve("monitor.sock");
		try (Qemu second = Qemu.of(this.qemu.binary())
			.args("-monitor", "unix:" + monitor + ",server=on,wait=off")
			.start(); QmpClient client = QmpClient.open(new UnixAddress(monitor), LENIENT, (event) -> {
			})) {
			QmpConnectException failure = Futures.failureOf(client.ready(), QmpConnectException.class);
			assertThat(failure.reason()).isEqualTo(QmpConnectException.Reason.HUMAN_MONITOR);
			assertThat(failure).hasMessageContaining("not that of -monitor");
			assertThat(second.isAlive()).isTrue();
		}
	}

	@Test
	void aStoppedQemuTimesOutAndAnswersLaterCommandsWhenItGoesOn() {
		try (QmpClient client = Clients.connect(this.address, LENIENT)) {
			this.qemu.stop();
			QmpTimeoutException failure = Futures.failureOf(
					client.execute(QmpCommand.of("query-status"), Duration.ofMillis(100)), QmpTimeoutException.class);
			assertThat(failure.sent()).isTrue();
			assertThat(client.unanswered()).isEqualTo(1);
			CompletableFuture<JsonNode> later = client.execute(QmpCommand.of("query-name"));
			this.qemu.cont();
			Futures.await(later);
			assertThat(client.unanswered()).isZero();
			assertThat(client.unmatchedReplies()).isZero();
		}
	}

	@Test
	void aStoppedQemuBlocksNoCallerThatSendsCommands() {
		try (QmpClient client = Clients.connect(this.address, LENIENT)) {
			this.qemu.stop();
			String long4k = "x".repeat(4000);
			for (int i = 0; i < QmpClient.MAX_UNANSWERED; i++) {
				assertThat(client.execute(QmpCommand.of("qom-list", Map.of("path", long4k)))).isNotDone();
			}
			CompletableFuture<JsonNode> waiting = client.execute(QmpCommand.of("query-name"));
			assertThat(waiting).isNotDone();
			this.qemu.cont();
			Futures.await(waiting);
			assertThat(client.unanswered()).isZero();
		}
	}

	@Test
	void whatTheClientRefusesToSendWouldBringAnErrorWithoutAnId() throws IOException {
		try (SocketChannel socket = SocketChannel.open(this.address.socketAddress());
				BufferedReader lines = new BufferedReader(
						new InputStreamReader(Channels.newInputStream(socket), StandardCharsets.UTF_8))) {
			assertThat(lines.readLine()).contains("QMP");
			socket.write(StandardCharsets.UTF_8.encode("{\"execute\": \"\uFFFF\", \"id\": 1}\n"));
			assertThat(lines.readLine()).contains("\"error\"").doesNotContain("\"id\"");
		}
	}

}
