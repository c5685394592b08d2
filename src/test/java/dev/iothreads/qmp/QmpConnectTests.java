package dev.iothreads.qmp;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import dev.iothreads.qmp.MonitorAddress.TcpAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpConnectException.Reason;
import jdk.net.ExtendedSocketOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The first phase, and the names of its failures.
 */
class QmpConnectTests {

	private static final QmpOptions OPTIONS = QmpOptions.defaults().withConnectTimeout(Duration.ofSeconds(30));

	private Path directory = Path.of("/");

	@BeforeEach
	void makeDirectory() throws IOException {
		this.directory = Files.createTempDirectory("qmp");
	}

	@AfterEach
	void removeDirectory() throws IOException {
		try (Stream<Path> files = Files.list(this.directory)) {
			for (Path file : files.toList()) {
				Files.delete(file);
			}
		}
		Files.delete(this.directory);
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aSocketThatIsNotThereIsNamed(Threads threads) {
		QmpConnectException failure = failure(unix("none.sock"), OPTIONS.withThreadFactory(threads));
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("unix:" + this.directory.resolve("none.sock"))
			.hasMessageContaining("there is no such socket");
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aSocketThatNoProcessListensOnIsNamed(Threads threads) throws IOException {
		MonitorAddress address = unix("left.sock");
		ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address.socketAddress()).close();
		QmpConnectException failure = failure(address, OPTIONS.withThreadFactory(threads));
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("no process listens");
	}

	@Test
	void aFileThatIsNoSocketIsNamed() throws IOException {
		Files.createFile(this.directory.resolve("plain"));
		QmpConnectException failure = failure(unix("plain"), OPTIONS);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("or it is not a socket");
	}

	@Test
	void aPathTooLongForTheJdkIsNamed() {
		MonitorAddress address = new UnixAddress(Path.of("/" + "x".repeat(106)));
		QmpConnectException failure = failure(address, OPTIONS);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("Use a shorter one");
	}

	@Test
	void theSystemsWordsForARefusalBecomeTheOperators() {
		MonitorAddress address = unix("vm.sock");
		QmpConnectException failure = MonitorSocket.failed(address, new SocketException("Permission denied"));
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("The user '" + System.getProperty("user.name") + "'")
			.hasMessageContaining(this.directory.toString());
	}

	@Test
	void aHostThatCannotBeReachedIsNamed() {
		MonitorAddress address = MonitorAddress.parse("tcp:10.0.0.1:4444");
		assertThat(MonitorSocket.failed(address, new NoRouteToHostException("No route to host")))
			.hasMessageContaining("there is no route to this host");
		assertThat(MonitorSocket.failed(address, new ConnectException("Network is unreachable")))
			.hasMessageContaining("there is no route to this host");
		assertThat(MonitorSocket.failed(address, new ConnectException("Connection timed out")))
			.hasMessageContaining("the host does not answer");
	}

	@Test
	void whatHasNoNameKeepsTheSystemsWords() {
		IOException cause = new IOException("Too many open files");
		QmpConnectException failure = MonitorSocket.failed(MonitorAddress.parse("tcp:10.0.0.1:4444"), cause);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessage("tcp:10.0.0.1:4444: cannot connect (Too many open files)").hasCause(cause);
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aPortThatNoProcessListensOnIsNamed(Threads threads) throws IOException {
		ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
		int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
		server.close();
		QmpConnectException failure = failure(new TcpAddress("127.0.0.1", port), OPTIONS.withThreadFactory(threads));
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("Start QEMU with -qmp tcp:127.0.0.1:" + port + ",server=on,wait=off");
	}

	@Test
	void aHostThatIsUnknownIsNamed() {
		QmpConnectException failure = failure(MonitorAddress.parse("tcp:no-such-host.invalid:4444"), OPTIONS);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("'no-such-host.invalid' is unknown");
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aQueueOfWaitingClientsThatIsFullIsNamed(Threads threads) throws IOException {
		MonitorAddress address = unix("full.sock");
		QmpOptions options = OPTIONS.withThreadFactory(threads).withConnectTimeout(Duration.ofMillis(100));
		try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
				Crowd crowd = new Crowd()) {
			server.bind(address.socketAddress(), 1);
			crowd.fill(address);
			QmpConnectException failure = failure(address, options);
			assertThat(failure.reason()).isEqualTo(Reason.NOT_GREETED);
			assertThat(failure).hasMessageContaining("other clients already wait for this monitor");
		}
		threads.awaitEnd();
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void aClientConnectsWhenThereIsRoomInTheQueueAgain(Threads threads) throws IOException {
		MonitorAddress address = unix("full.sock");
		QmpOptions options = OPTIONS.withThreadFactory(threads).withGreetingTimeout(null);
		try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
				Crowd crowd = new Crowd()) {
			server.bind(address.socketAddress(), 1);
			crowd.fill(address);
			try (QmpClient client = QmpClient.open(address, options, (event) -> {
			})) {
				assertThat(client.state()).isEqualTo(QmpState.CONNECTING);
				server.accept().close();
				Futures.until("connected", () -> client.state() == QmpState.GREETING);
			}
		}
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.qmp.Threads#ofEveryKind")
	void connectingCanBeGivenUp(Threads threads) throws IOException {
		MonitorAddress address = unix("full.sock");
		try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
				Crowd crowd = new Crowd()) {
			server.bind(address.socketAddress(), 1);
			crowd.fill(address);
			QmpClient client = QmpClient.open(address, OPTIONS.withThreadFactory(threads), (event) -> {
			});
			client.close();
			assertThat(Futures.failureOf(client.ready(), QmpClosedException.class))
				.hasMessageContaining("this side closed");
			threads.awaitEnd();
		}
	}

	@Test
	void aFailureToConnectIsTheReasonOfTheEnd() {
		QmpClient client = QmpClient.open(unix("none.sock"), OPTIONS, (event) -> {
		});
		QmpException reason = Futures.await(client.closed());
		assertThat(reason).isSameAs(Futures.failureOf(client.ready(), QmpConnectException.class));
		assertThat(client.state()).isEqualTo(QmpState.CLOSED);
	}

	@Test
	void aThreadThatCannotBeHadIsAFailureToConnect() {
		QmpOptions options = OPTIONS.withThreadFactory((work) -> {
			throw new OutOfMemoryError("unable to create native thread");
		});
		QmpConnectException failure = failure(unix("none.sock"), options);
		assertThat(failure.reason()).isEqualTo(Reason.NOT_CONNECTED);
		assertThat(failure).hasMessageContaining("gives no thread").hasRootCauseInstanceOf(OutOfMemoryError.class);
	}

	private MonitorAddress unix(String name) {
		return new UnixAddress(this.directory.resolve(name));
	}

	private static QmpConnectException failure(MonitorAddress address, QmpOptions options) {
		try (QmpClient client = Clients.connect(address, options)) {
			throw new AssertionError("Connected: " + client);
		}
		catch (QmpConnectException ex) {
			return ex;
		}
	}

	/**
	 * Clients that wait to be accepted.
	 */
	private static final class Crowd implements AutoCloseable {

		private final List<SocketChannel> clients = new ArrayList<>();

		void fill(MonitorAddress address) throws IOException {
			while (join(address)) {
				continue;
			}
		}

		private boolean join(MonitorAddress address) throws IOException {
			SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
			this.clients.add(client);
			client.configureBlocking(false);
			try {
				return client.connect(UnixDomainSocketAddress.of(((UnixAddress) address).path()));
			}
			catch (IOException ex) {
				return false;
			}
		}

		@Override
		public void close() throws IOException {
			for (SocketChannel client : this.clients) {
				client.close();
			}
		}

	}

	@Test
	void aHostThatVanishesIsNoticedThoughNothingIsSent() throws IOException {
		try (SocketChannel channel = MonitorSocket.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 1))) {
			assertThat(channel.getOption(StandardSocketOptions.SO_KEEPALIVE)).isTrue();
			assertThat(channel.getOption(ExtendedSocketOptions.TCP_KEEPIDLE)).isEqualTo(30);
			assertThat(channel.getOption(ExtendedSocketOptions.TCP_KEEPINTERVAL)).isEqualTo(10);
			assertThat(channel.getOption(ExtendedSocketOptions.TCP_KEEPCOUNT)).isEqualTo(3);
		}
	}

}
