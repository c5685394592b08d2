package dev.iothreads.discovery;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineSource;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.machine.Machine;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.SocketIdentity;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.awaitility.Awaitility.await;

@ExtendWith(OutputCaptureExtension.class)
class SocketDiscoveryTests {

	@TempDir
	private Path directory;

	private final ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1);

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1));

	private final List<FoundMachine> connected = new ArrayList<>();

	private MachineSource.Sink sink;

	private SocketDiscovery discovery;

	@BeforeEach
	void createDiscovery() {
		this.inventory.start((inventorysSink) -> this.sink = inventorysSink);
		this.discovery = discovery(this.directory, Map.of());
	}

	@AfterEach
	void close() {
		this.discovery.close();
		this.inventory.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void aSocketIsAMachine() throws IOException {
		socket("vm1.sock");
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1");
		assertThat(this.connected).extracting(FoundMachine::monitor)
			.containsExactly("unix:" + this.directory.resolve("vm1.sock"));
	}

	@Test
	void aSocketThatStaysIsConnectedToOnce() throws IOException {
		socket("vm1.sock");
		this.discovery.look(this.sink);
		this.discovery.look(this.sink);
		assertThat(this.connected).hasSize(1);
	}

	@Test
	void aMachineGoesWithItsSocket() throws IOException {
		socket("vm1.sock");
		socket("vm2.sock");
		this.discovery.look(this.sink);
		Files.delete(this.directory.resolve("vm1.sock"));
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm2");
		assertThat(this.connected.get(0).closed).isTrue();
		assertThat(this.connected.get(1).closed).isFalse();
	}

	@Test
	void aSocketThatWasReplacedIsConnectedToAnew() throws IOException {
		socket("vm1.sock");
		this.discovery.look(this.sink);
		Files.delete(this.directory.resolve("vm1.sock"));
		socket("vm1.sock");
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1");
		assertThat(this.connected).hasSize(2);
		assertThat(this.connected.get(0).closed).isTrue();
		assertThat(this.connected.get(1).closed).isFalse();
	}

	@Test
	void aMachineThatFoundTheNextSocketByItselfIsLeftInPeace() throws IOException {
		socket("vm1.sock");
		this.discovery.look(this.sink);
		for (int restart = 0; restart < 2; restart++) {
			Files.delete(this.directory.resolve("vm1.sock"));
			socket("vm1.sock");
			this.connected.get(0).socket = SocketIdentity.of(this.directory.resolve("vm1.sock"));
			this.discovery.look(this.sink);
		}
		assertThat(this.connected).hasSize(1);
		Files.delete(this.directory.resolve("vm1.sock"));
		socket("vm1.sock");
		this.discovery.look(this.sink);
		assertThat(this.connected).hasSize(2);
		assertThat(this.connected.get(0).closed).isTrue();
	}

	@Test
	void aMachineWhoseSocketCannotBeLookedAtStays(CapturedOutput output) throws IOException {
		socket("vm1.sock");
		this.discovery.look(this.sink);
		Path path = this.directory.resolve("vm1.sock");
		Files.delete(path);
		// No user, root neither, comes to the end of it.
		Files.createSymbolicLink(path, path);
		this.discovery.look(this.sink);
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1");
		assertThat(this.connected).hasSize(1);
		assertThat(output).containsOnlyOnce(path + " cannot be looked at: it is left as it was");
	}

	@Test
	void aMachineWhoseNameIsTakenIsNotConnectedTo(CapturedOutput output) throws IOException {
		this.inventory.add("vm1", EmbeddedMachine.demo());
		socket("vm1.sock");
		this.discovery.look(this.sink);
		assertThat(this.connected).isEmpty();
		assertThat(output).contains("vm1.sock is skipped: There is a machine named 'vm1' already.");
	}

	@Test
	void itLooksAgainWhateverFailed(CapturedOutput output) throws IOException {
		socket("vm1.sock");
		AtomicInteger looks = new AtomicInteger();
		try (SocketDiscovery broken = new SocketDiscovery(new SocketDirectory(this.directory, "*.sock"), Map::of,
				(name, monitor) -> {
					looks.incrementAndGet();
					throw new StackOverflowError("on purpose");
				}, Duration.ofMillis(5), Thread::new)) {
			broken.start(this.sink);
			await().until(() -> looks.get() > 2);
		}
		assertThat(output).contains("Looking for sockets in " + this.directory + " failed, and is tried again");
	}

	@Test
	void aNameThatCannotBePartOfAUrlIsReportedOnceAndSkipped(CapturedOutput output) throws IOException {
		socket("a b.sock");
		socket("vm1.sock");
		this.discovery.look(this.sink);
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1");
		assertThat(output)
			.containsOnlyOnce("a b.sock is skipped: 'a b' cannot be the name of a machine: use up to 128 letters");
	}

	@Test
	void aNameThatIsEmptyIsSkipped(CapturedOutput output) throws IOException {
		socket(".sock");
		this.discovery.look(this.sink);
		assertThat(names()).isEmpty();
		assertThat(output).contains(".sock is skipped: ''");
	}

	@Test
	void whatWasReportedIsReportedAgainWhenItComesBack(CapturedOutput output) throws IOException {
		socket("a b.sock");
		this.discovery.look(this.sink);
		Files.delete(this.directory.resolve("a b.sock"));
		this.discovery.look(this.sink);
		socket("a b.sock");
		this.discovery.look(this.sink);
		assertThat(output.toString().split("cannot be the name of a machine", -1)).hasSize(3);
	}

	@Test
	void aConfiguredMachineKeepsItsName(CapturedOutput output) throws IOException {
		this.inventory.add("vm1", EmbeddedMachine.demo());
		this.discovery = discovery(this.directory, Map.of("vm1", MonitorAddress.parse("tcp:127.0.0.1:4444")));
		socket("vm1.sock");
		socket("vm2.sock");
		this.discovery.look(this.sink);
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1", "vm2");
		assertThat(this.inventory.views().get(0).monitor()).isEqualTo("embedded");
		assertThat(output)
			.containsOnlyOnce("vm1.sock is skipped: There is a machine named 'vm1' already. Rename one of them.");
	}

	@Test
	void aConfiguredMachineMayBeOneOfTheDirectory(CapturedOutput output) throws IOException {
		this.inventory.add("vm1", EmbeddedMachine.demo());
		this.discovery = discovery(this.directory, Map.of("vm1", new UnixAddress(this.directory.resolve("vm1.sock"))));
		socket("vm1.sock");
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1");
		assertThat(this.connected).isEmpty();
		assertThat(output).doesNotContain("skipped");
	}

	@Test
	void aMonitorIsNotTakenTwice(CapturedOutput output) throws IOException {
		this.inventory.add("database", EmbeddedMachine.demo());
		this.discovery = discovery(this.directory,
				Map.of("database", new UnixAddress(this.directory.resolve("vm1.sock"))));
		socket("vm1.sock");
		socket("vm2.sock");
		this.discovery.look(this.sink);
		Files.createSymbolicLink(this.directory.resolve("alias.sock"), this.directory.resolve("vm2.sock"));
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("database", "vm2");
		assertThat(this.connected).hasSize(1);
		assertThat(output).contains("vm1.sock is skipped: it is the socket of database")
			.contains("alias.sock is skipped: it is the socket of vm2");
	}

	@Test
	void aPathThatIsTooLongForASocketIsReportedAndSkipped(CapturedOutput output) throws IOException {
		Path deep = Files.createDirectory(this.directory.resolve("d".repeat(100)));
		socket("vm1.sock");
		Files.createSymbolicLink(deep.resolve("vm1.sock"), this.directory.resolve("vm1.sock"));
		this.discovery = discovery(deep, Map.of());
		this.discovery.look(this.sink);
		assertThat(names()).isEmpty();
		assertThat(output).contains("vm1.sock is skipped:").contains("use a shorter one");
	}

	@Test
	void aDirectoryThatIsMadeLaterIsLookedInto(CapturedOutput output) throws IOException {
		Path later = this.directory.resolve("later");
		this.discovery = discovery(later, Map.of());
		this.discovery.look(this.sink);
		this.discovery.look(this.sink);
		assertThat(names()).isEmpty();
		assertThat(output).containsOnlyOnce("later is no directory yet");
		Files.createDirectory(later);
		socket("later/vm1.sock");
		this.discovery.look(this.sink);
		assertThat(names()).containsExactly("vm1");
	}

	@Test
	void theMachinesGoWithTheDirectory() throws IOException {
		Path brief = Files.createDirectory(this.directory.resolve("brief"));
		this.discovery = discovery(brief, Map.of());
		socket("brief/vm1.sock");
		this.discovery.look(this.sink);
		Files.delete(brief.resolve("vm1.sock"));
		Files.delete(brief);
		this.discovery.look(this.sink);
		assertThat(names()).isEmpty();
	}

	@Test
	void itLooksByItselfAndAgain() throws Exception {
		CompletableFuture<String> first = new CompletableFuture<>();
		CompletableFuture<String> second = new CompletableFuture<>();
		this.discovery = new SocketDiscovery(new SocketDirectory(this.directory, "*.sock"), Map::of,
				(name, monitor) -> {
					(name.equals("vm1") ? first : second).complete(Thread.currentThread().getName());
					return connect(name, monitor);
				}, Duration.ofMillis(100), (work) -> new Thread(work, "on-its-own"));
		socket("vm1.sock");
		this.discovery.start(this.sink);
		assertThat(first.get(30, TimeUnit.SECONDS)).isEqualTo("on-its-own");
		socket("vm2.sock");
		assertThat(second.get(30, TimeUnit.SECONDS)).isEqualTo("on-its-own");
	}

	@Test
	void nothingIsFoundOnceItIsClosed() throws IOException {
		socket("vm1.sock");
		this.discovery.close();
		assertThatCode(() -> this.discovery.look(this.sink)).doesNotThrowAnyException();
		assertThat(names()).isEmpty();
	}

	private SocketDiscovery discovery(Path where, Map<String, MonitorAddress> configured) {
		return new SocketDiscovery(new SocketDirectory(where, "*.sock"), () -> configured, this::connect,
				Duration.ofDays(1), Thread::new);
	}

	private SocketDiscovery.Connection connect(String name, MonitorAddress monitor) {
		FoundMachine machine = new FoundMachine(monitor);
		this.connected.add(machine);
		return new SocketDiscovery.Connection(machine, () -> machine.socket);
	}

	private List<String> names() {
		return this.inventory.views().stream().map(MachineView::name).toList();
	}

	private void socket(String file) throws IOException {
		try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
			channel.bind(UnixDomainSocketAddress.of(this.directory.resolve(file)));
		}
	}

	private static final class FoundMachine extends StubMachine {

		private final Machine machine = EmbeddedMachine.demo();

		private final MonitorAddress address;

		private @Nullable SocketIdentity socket;

		private boolean closed;

		FoundMachine(MonitorAddress address) {
			this.address = address;
		}

		@Override
		public String monitor() {
			return this.address.toString();
		}

		@Override
		public CompletableFuture<Snapshot> read() {
			return this.machine.read();
		}

		@Override
		public void close() {
			this.closed = true;
		}

	}

}
