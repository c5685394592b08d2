package dev.iothreads.libvirt.rpc;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * Frames, calls, bounds and ends, with a daemon that the test plays.
 */
@Timeout(60)
class RpcConnectionTests {

	private static final UUID VM3 = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");

	private final ScheduledExecutorService scheduler = new ScheduledThreadPoolExecutor(1);

	private final BlockingQueue<RpcEvent> events = new LinkedBlockingQueue<>();

	private final ScriptedDaemon daemon;

	private final RpcConnection connection;

	RpcConnectionTests() throws IOException {
		this.daemon = new ScriptedDaemon();
		this.connection = open(this.daemon.socket(), Duration.ofSeconds(60));
	}

	private RpcConnection open(Path socket, Duration timeout) {
		RpcOptions options = new RpcOptions("qemu:///system", false, timeout, timeout, Thread::new, this.scheduler);
		return RpcConnection.open(socket, options, this.events::add);
	}

	@AfterEach
	void tidy() throws IOException {
		this.connection.close();
		this.daemon.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void itOpensAndAsksADomainsMonitorAsLibvirtsOwnClientDoes() {
		this.daemon.accept();
		assertThat(this.daemon.read(28))
			.isEqualTo(hex("0000001c 20008086 00000001 00000042 00000000 00000001 00000000"));
		this.daemon.write(hex("00000024 20008086 00000001 00000042 00000001 00000001 00000000 00000001 00000000"));
		assertThat(this.daemon.read(0x38)).isEqualTo(hex(
				"00000038 20008086 00000001 00000001 00000000 00000002 00000000 00000001 0000000e 71656d753a2f2f2f73797374656d 0000 00000000"));
		this.daemon.write(hex("0000001c 20008086 00000001 00000001 00000001 00000002 00000000"));
		await(this.connection.ready());
		assertThat(this.connection.state()).isEqualTo(RpcState.READY);
		this.connection.call(monitorCommand(VM3));
		assertThat(this.daemon.read(0x60)).isEqualTo(hex(
				"00000060 20008087 00000001 00000001 00000000 00000003 00000000 00000003 766d3300 00112233445566778899aabbccddeeff 0000000c 0000001d 7b2265786563757465223a2271756572792d696f74687265616473227d 000000 00000000"));
	}

	@Test
	void anAnswerGoesToItsCallWhateverTheOrder() {
		ready();
		CompletableFuture<XdrReader> first = call(null);
		CompletableFuture<XdrReader> second = call(null);
		RpcFrame one = this.daemon.next();
		RpcFrame two = this.daemon.next();
		this.daemon.reply(two, (body) -> body.string("two").hyper(-2).opaque(new byte[] { 1, 2, 3 }).uuid(VM3));
		this.daemon.reply(one, (body) -> body.string("one"));
		assertThat(await(first).string()).isEqualTo("one");
		XdrReader answer = await(second);
		assertThat(answer.string()).isEqualTo("two");
		assertThat(answer.hyper()).isEqualTo(-2);
		assertThat(answer.opaque()).containsExactly(1, 2, 3);
		assertThat(answer.uuid()).isEqualTo(VM3);
	}

	@Test
	void anErrorHasACodeAndLibvirtsWords() {
		ready();
		CompletableFuture<XdrReader> call = call(VM3);
		this.daemon.refuse(this.daemon.next(), 55, "Requested operation is not valid: domain is not running");
		LibvirtErrorException error = failure(call, LibvirtErrorException.class);
		assertThat(error.code()).isEqualTo(55);
		assertThat(error).hasMessage("Requested operation is not valid: domain is not running");
	}

	@Test
	void fourCallsAreUnderWayAtMost() {
		ready();
		List<CompletableFuture<XdrReader>> calls = new ArrayList<>();
		for (int i = 0; i < 6; i++) {
			calls.add(call(new UUID(0, i)));
		}
		List<RpcFrame> sent = new ArrayList<>();
		for (int i = 0; i < CallWindow.MOST; i++) {
			sent.add(this.daemon.next());
		}
		assertThat(isAnythingSent()).isFalse();
		this.daemon.reply(sent.get(2), (body) -> body.number(0));
		await(calls.get(2));
		assertThat(this.daemon.next().serial()).isEqualTo(sent.get(3).serial() + 1);
	}

	@Test
	void aDomainHasOneCallUnderWayAndOthersPassIt() {
		ready();
		call(VM3);
		CompletableFuture<XdrReader> second = call(VM3);
		call(new UUID(0, 1));
		RpcFrame first = this.daemon.next();
		RpcFrame other = this.daemon.next();
		assertThat(isAnythingSent()).isFalse();
		this.daemon.reply(first, (body) -> body.number(0));
		RpcFrame next = this.daemon.next();
		assertThat(next.serial()).isGreaterThan(other.serial());
		this.daemon.reply(next, (body) -> body.number(7));
		assertThat(await(second).number()).isEqualTo(7);
	}

	@Test
	void aDomainThatOwesAnAnswerIsNotAskedAgainUntilItHasGivenIt() {
		ready();
		CompletableFuture<XdrReader> late = this.connection.call(monitorCommand(VM3), Duration.ofMillis(20));
		RpcFrame sent = this.daemon.next();
		assertThat(failure(late, RpcTimeoutException.class).isSent()).isTrue();
		failure(call(VM3), RpcBusyException.class);
		this.daemon.reply(sent, (body) -> body.string("late"));
		this.daemon.send(Procedure.REMOTE, Procedure.DOMAIN_EVENT_CALLBACK_LIFECYCLE.number(), RpcFrame.MESSAGE, 0, 0,
				(body) -> body.number(1));
		assertThat(nextEvent().procedure()).isEqualTo(Procedure.DOMAIN_EVENT_CALLBACK_LIFECYCLE);
		CompletableFuture<XdrReader> again = call(VM3);
		this.daemon.reply(this.daemon.next(), (body) -> body.string("{}"));
		assertThat(await(again).string()).isEqualTo("{}");
	}

	@Test
	void whatWaitsBehindStuckCallsIsGivenUpUnsent() {
		ready();
		for (int i = 0; i < CallWindow.MOST; i++) {
			call(new UUID(0, i));
		}
		CompletableFuture<XdrReader> waiting = this.connection.call(monitorCommand(VM3), Duration.ofMillis(20));
		assertThat(failure(waiting, RpcTimeoutException.class).isSent()).isFalse();
	}

	@Test
	void aPingIsAnswered() {
		ready();
		this.daemon.write("0000001c 6b656570 00000001 00000001 00000002 00000000 00000000");
		assertThat(this.daemon.read(28))
			.isEqualTo(hex("0000001c 6b656570 00000001 00000002 00000002 00000000 00000000"));
	}

	@Test
	void theEndOfTheDaemonIsTheEndOfItsCalls() {
		ready();
		CompletableFuture<XdrReader> sent = call(VM3);
		CompletableFuture<XdrReader> waiting = call(VM3);
		this.daemon.hangUp();
		assertThat(await(this.connection.closed()).reached()).isEqualTo(RpcState.READY);
		failure(sent, RpcClosedException.class);
		failure(waiting, RpcClosedException.class);
		failure(call(null), RpcClosedException.class);
		assertThat(this.connection.state()).isEqualTo(RpcState.CLOSED);
	}

	@Test
	void aUserThatIsRefusedHearsLibvirtsWords() {
		this.daemon.accept();
		this.daemon.reply(this.daemon.next(Procedure.AUTH_LIST), (body) -> body.number(1).number(2));
		this.daemon.refuse(this.daemon.next(Procedure.AUTH_POLKIT), 94, "authentication unavailable");
		assertThat(failure(this.connection.ready(), LibvirtErrorException.class).code()).isEqualTo(94);
		assertThat(await(this.connection.closed()).reached()).isEqualTo(RpcState.AUTHENTICATING);
	}

	@Test
	void whatIsNoLibvirtEndsTheConnection() {
		this.daemon.accept();
		this.daemon.next();
		this.daemon.write(HexFormat.of().formatHex("HTTP/1.1 400 Bad Request".getBytes(StandardCharsets.US_ASCII)));
		assertThat(failure(this.connection.ready(), RpcClosedException.class))
			.hasMessageContaining("this is no libvirt");
	}

	@Test
	void aCountThatTheMessageCannotHoldEndsNothingButItsCall() {
		ready();
		CompletableFuture<XdrReader> call = call(VM3);
		this.daemon.reply(this.daemon.next(), (body) -> body.number(Integer.MAX_VALUE));
		XdrReader answer = await(call);
		assertThatExceptionOfType(XdrReader.MalformedException.class).isThrownBy(answer::string);
	}

	@Test
	void aDaemonThatIsSilentIsGivenUp() {
		try (RpcConnection silent = open(this.daemon.socket(), Duration.ofMillis(50))) {
			assertThat(failure(silent.ready(), RpcClosedException.class)).hasMessageContaining("within 50 ms");
		}
	}

	@Test
	void aSocketThatIsNotThereIsNamed() {
		Path missing = this.daemon.socket().resolveSibling("none");
		try (RpcConnection none = open(missing, Duration.ofSeconds(60))) {
			RpcClosedException reason = failure(none.ready(), RpcClosedException.class);
			assertThat(reason).hasMessageContaining(missing.toString());
			assertThat(reason.reached()).isEqualTo(RpcState.CONNECTING);
		}
	}

	// libvirt 9.0 crashes when a connection ends while it answers a call on it.
	@Test
	void itTakesLeaveOfTheDaemonWhenEachCallIsAnswered() {
		ready();
		CompletableFuture<XdrReader> sent = call(VM3);
		CompletableFuture<XdrReader> waiting = call(VM3);
		RpcFrame asked = this.daemon.next();
		this.connection.close();
		failure(sent, RpcClosedException.class);
		failure(waiting, RpcClosedException.class);
		failure(call(null), RpcClosedException.class);
		assertThat(this.connection.state()).isEqualTo(RpcState.LEAVING);
		this.daemon.reply(asked, (body) -> body.number(1));
		assertThat(this.daemon.next().procedure()).isEqualTo(Procedure.CONNECT_CLOSE.number());
		assertThat(this.connection.state()).isEqualTo(RpcState.LEAVING);
		this.daemon.hangUp();
		assertThat(await(this.connection.closed())).hasMessageContaining("the service has closed the connection");
	}

	@Test
	void itLeavesADaemonThatDoesNotAnswer() {
		ready();
		call(VM3);
		this.daemon.next();
		this.connection.close();
		await(this.connection.closed());
		assertThat(this.connection.state()).isEqualTo(RpcState.CLOSED);
	}

	private void ready() {
		this.daemon.open();
		await(this.connection.ready());
	}

	private CompletableFuture<XdrReader> call(@Nullable UUID domain) {
		return this.connection.call(RpcCall.of(Procedure.DOMAIN_GET_STATE, domain, (arguments) -> arguments.number(0)));
	}

	private static RpcCall monitorCommand(UUID domain) {
		return RpcCall.of(Procedure.QEMU_DOMAIN_MONITOR_COMMAND, domain,
				(arguments) -> arguments.string("vm3")
					.uuid(domain)
					.number(12)
					.string("{\"execute\":\"query-iothreads\"}")
					.number(0));
	}

	// What is sent before a ping is answered would be seen before its answer.
	private boolean isAnythingSent() {
		this.daemon.write("0000001c 6b656570 00000001 00000001 00000002 00000000 00000000");
		return this.daemon.next().type() != RpcFrame.MESSAGE;
	}

	private RpcEvent nextEvent() {
		try {
			RpcEvent event = this.events.poll(60, TimeUnit.SECONDS);
			assertThat(event).isNotNull();
			return Objects.requireNonNull(event);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	private static String hex(String text) {
		return text.replace(" ", "");
	}

	private static <T> T await(CompletableFuture<T> future) {
		try {
			return future.get(60, TimeUnit.SECONDS);
		}
		catch (InterruptedException | ExecutionException | TimeoutException ex) {
			throw new AssertionError(ex);
		}
	}

	private static <E extends Throwable> E failure(CompletableFuture<?> future, Class<E> expected) {
		try {
			throw new AssertionError("No failure but " + future.get(60, TimeUnit.SECONDS));
		}
		catch (ExecutionException ex) {
			assertThat(ex.getCause()).isExactlyInstanceOf(expected);
			return expected.cast(ex.getCause());
		}
		catch (InterruptedException | TimeoutException ex) {
			throw new AssertionError(ex);
		}
	}

}
