package dev.iothreads.qmp;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpConnectException.Reason;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Visits: ask and leave.
 */
class QmpVisitTests {

	private static final QmpOptions VISIT = QmpOptions.defaults().forVisit();

	private static final List<QmpCommand> COMMANDS = List.of(QmpCommand.of("query-status"),
			QmpCommand.of("query-iothreads"), QmpCommand.of("query-name"));

	@Test
	void theFirstCommandsGoOutBeforeTheCapabilitiesAreAnswered() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.send(ScriptedMonitor.GREETING);
			JsonNode capabilities = client.read();
			JsonNode command = client.read();
			client.reply(capabilities, "{\"return\": {}}");
			client.reply(command, "{\"return\": 7}");
			client.awaitEnd();
		})) {
			JsonNode reply = Futures.await(QmpClient.visit(monitor.address(), VISIT,
					(visited) -> visited.execute(QmpCommand.of("query-name"))));
			assertThat(reply.intValue()).isEqualTo(7);
		}
	}

	@Test
	void aConversationMayGoOn() {
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(ScriptedMonitor.Script.answering((request) -> "{\"return\": {}}"))) {
			Futures.await(QmpClient.visit(monitor.address(), VISIT, (visited) -> visited.execute(QmpCommand.of("one"))
				.thenCompose((reply) -> visited.execute(QmpCommand.of("two")))));
			assertThat(monitor.requests()).extracting((request) -> request.path("execute").asString())
				.containsExactly("one", "two");
		}
	}

	@Test
	void aMonitorThatDoesNotGreetIsLeftAndNothingWasSent() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket(ScriptedMonitor.Script.silent())) {
			QmpNotSentException failure = Futures.failureOf(visit(monitor.address()), QmpNotSentException.class);
			assertThat(failure.getCause()).isInstanceOfSatisfying(QmpConnectException.class,
					(cause) -> assertThat(cause.reason()).isEqualTo(Reason.NOT_GREETED));
			assertThat(failure).hasMessageContaining("not greeted within 200 ms");
		}
	}

	@Test
	void aMonitorThatDoesNotAnswerIsLeftAfterASecond() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.awaitEnd();
		})) {
			long begin = System.nanoTime();
			// The command's own deadline would be longer.
			CompletableFuture<JsonNode> visit = QmpClient.visit(monitor.address(), VISIT,
					(visited) -> visited.execute(QmpCommand.of("query-name"), Duration.ofSeconds(60)));
			assertThat(Futures.failureOf(visit, QmpInterruptedException.class)).hasMessageContaining("1 s of a visit");
			assertThat(Duration.ofNanos(System.nanoTime() - begin)).isBetween(Duration.ofMillis(900),
					Duration.ofSeconds(30));
		}
	}

	@Test
	void aRefusalOfTheCapabilitiesEndsTheVisit() {
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.send(ScriptedMonitor.GREETING);
			client.refuse(client.read(), "GenericError", "not today");
			client.awaitEnd();
		})) {
			assertThat(Futures.failureOf(visit(monitor.address()), QmpInterruptedException.class))
				.hasMessageContaining("not today");
		}
	}

	@EveryQemu
	void aVisitAsksAndLeaves(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start()) {
			MonitorAddress address = new UnixAddress(qemu.socket());
			for (int i = 0; i < 20; i++) {
				assertThat(Futures.await(visit(address)).path(0).path("id").asString()).isEqualTo("io0");
			}
			try (QmpClient holder = Clients.connect(address, QmpOptions.defaults())) {
				QmpNotSentException failure = Futures.failureOf(visit(address), QmpNotSentException.class);
				assertThat(failure).hasMessageContaining("not greeted within 200 ms");
				Futures.await(holder.execute(QmpCommand.of("query-status")));
			}
			Futures.await(visit(address));
		}
	}

	@EveryQemu
	void aStoppedQemuIsLeft(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary).start()) {
			qemu.stop();
			Futures.failureOf(visit(new UnixAddress(qemu.socket())), QmpNotSentException.class);
			qemu.cont();
			Futures.until("it is visited again",
					() -> !visit(new UnixAddress(qemu.socket())).handle((reply, failure) -> failure != null).join());
		}
	}

	@EveryQemu
	void anotherClientThatVisitsTenTimesASecondIsNotHurt(QemuBinary binary) throws Exception {
		try (Qemu qemu = Qemu.of(binary).args("-object", "iothread,id=io0").start()) {
			MonitorAddress address = new UnixAddress(qemu.socket());
			long alone = median(visitTenTimesASecond(address));
			ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
			AtomicInteger visits = new AtomicInteger();
			try {
				scheduler.scheduleWithFixedDelay(
						() -> visit(address).thenRun(visits::incrementAndGet).exceptionally((failure) -> null).join(),
						0, 100, TimeUnit.MILLISECONDS);
				List<Long> beside = visitTenTimesASecond(address);
				assertThat(median(beside) - alone).isLessThan(TimeUnit.MILLISECONDS.toNanos(50));
				assertThat(Collections.max(beside)).isLessThan(TimeUnit.SECONDS.toNanos(1));
			}
			finally {
				scheduler.shutdown();
				assertThat(scheduler.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
			}
			assertThat(visits).hasValueGreaterThan(5);
		}
	}

	// What another program does: connect, be greeted, ask, leave.
	private static List<Long> visitTenTimesASecond(MonitorAddress address) throws Exception {
		List<Long> took = new ArrayList<>();
		for (int i = 0; i < 30; i++) {
			long begin = System.nanoTime();
			ask(address);
			took.add(System.nanoTime() - begin);
			TimeUnit.MILLISECONDS.sleep(100);
		}
		return took;
	}

	private static void ask(MonitorAddress address) throws IOException {
		try (SocketChannel socket = SocketChannel.open(address.socketAddress());
				BufferedReader lines = new BufferedReader(
						new InputStreamReader(Channels.newInputStream(socket), StandardCharsets.UTF_8))) {
			assertThat(lines.readLine()).contains("QMP");
			socket.write(StandardCharsets.UTF_8
				.encode("{\"execute\": \"qmp_capabilities\"}\n{\"execute\": \"query-status\"}\n"));
			assertThat(lines.readLine()).contains("return");
			assertThat(lines.readLine()).contains("running");
		}
	}

	private static long median(List<Long> durations) {
		return durations.stream().sorted().toList().get(durations.size() / 2);
	}

	private static CompletableFuture<JsonNode> visit(MonitorAddress address) {
		return QmpClient.visit(address, VISIT, (visited) -> {
			List<CompletableFuture<JsonNode>> replies = visited.executeAll(COMMANDS);
			return replies.get(2).thenCombine(replies.get(1), (last, iothreads) -> iothreads);
		});
	}

}
