package dev.iothreads.fleet;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import dev.iothreads.fleet.RunningService.Answer;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Fifty QEMUs in a directory, and what can become of one of them.
 */
class FleetTests {

	private static final int SIZE = 50;

	// So long that a request that waits for it is not mistaken for one that does not.
	private static final int COMMAND_SECONDS = 5;

	private static final List<Qemu> fleet = new ArrayList<>();

	private static Path directory;

	private static Path elsewhere;

	private static QemuBinary binary;

	private static RunningService service;

	private static Leftovers allUp;

	// Nothing is done to this one.
	private static final String NEIGHBOUR = "/api/v1/machines/vm07/iothreads";

	private static Prober.Usual usual;

	private static Prober prober;

	@BeforeAll
	static void startFleet() throws Exception {
		binary = QemuBinary.at(Needs.program("qemu-system-x86_64", "qemu-system-x86"));
		directory = Files.createTempDirectory("fleet");
		elsewhere = Files.createTempDirectory("fleet");
		service = RunningService.start("--iothreads.discovery.directory=" + directory,
				"--iothreads.discovery.interval=200ms", "--iothreads.refresh-interval=1s",
				"--iothreads.timeouts.connect=1s", "--iothreads.timeouts.command=" + COMMAND_SECONDS + "s");
		assertThat(service.get("/api/v1/machines").json()).as("machines in an empty directory").isEmpty();
		ExecutorService starters = Executors.newFixedThreadPool(4);
		try {
			List<Future<Qemu>> started = IntStream.range(0, SIZE)
				.mapToObj((number) -> starters.submit(() -> qemu(number, directory)))
				.toList();
			for (Future<Qemu> qemu : started) {
				fleet.add(qemu.get());
			}
		}
		finally {
			starters.shutdownNow();
		}
		awaitUp(IntStream.range(0, SIZE).mapToObj(FleetTests::name).toList());
		usual = Prober.measure(service, NEIGHBOUR);
		allUp = Leftovers.now();
	}

	@AfterAll
	static void endFleet() throws IOException {
		if (service != null) {
			service.close();
		}
		fleet.forEach(Qemu::close);
		for (Path path : Stream.of(directory, elsewhere).filter((path) -> path != null).toList()) {
			try (Stream<Path> files = Files.list(path)) {
				for (Path file : files.toList()) {
					Files.delete(file);
				}
			}
			Files.delete(path);
		}
	}

	@BeforeEach
	void probe() {
		prober = Prober.start(service, NEIGHBOUR, usual, Duration.ofSeconds(COMMAND_SECONDS));
	}

	@AfterEach
	void nothingIsLeftBehindAndAllAreWell() throws IOException {
		try (DirectoryStream<Path> guests = Files.newDirectoryStream(directory,
				(file) -> fleet.stream().noneMatch((qemu) -> qemu.socket().equals(file)))) {
			for (Path guest : guests) {
				Files.delete(guest);
			}
		}
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(() -> assertThat(service.get("/api/v1/machines").json())
				.extracting((machine) -> machine.path("name").asString(), (machine) -> machine.path("state").asString())
				.hasSize(SIZE)
				.allMatch((machine) -> machine.toList().get(1).equals("up")));
		await().atMost(RunningService.DEADLINE).untilAsserted(() -> allUp.assertIsAllThereIs());
		assertThat(service.get("/actuator/health").json().path("status").asString()).isEqualTo("UP");
		IntStream.range(0, SIZE).forEach(FleetTests::answersRight);
		prober.close();
		prober.assertNoRequestWaited();
	}

	@Test
	void everySocketIsAMachineNamedAfterItsFile() {
		assertThat(service.get("/api/v1/machines").json()).extracting((machine) -> machine.path("name").asString())
			.containsExactlyElementsOf(IntStream.range(0, SIZE).mapToObj(FleetTests::name).toList());
	}

	@Test
	void allAreInOneAnswer() {
		Answer answer = service.get("/api/v1/iothreads");
		assertThat(answer.headers()).doesNotContainKey("iothreads-unavailable");
		List<String> expected = new ArrayList<>();
		for (int number = 0; number < SIZE; number++) {
			expected.add(name(number) + " pool0 " + devices(number));
			expected.add(name(number) + " pool1 0");
		}
		assertThat(answer.json())
			.extracting((iothread) -> "%s %s %d".formatted(iothread.path("machine").asString(),
					iothread.path("id").asString(), iothread.path("attached-cnt").asInt()))
			.containsExactlyElementsOf(expected);
	}

	@Test
	void aConnectionHasOneThreadOfThePlatformAtMost() {
		assertThat(Leftovers.connectionThreads()).isEqualTo((Runtime.version().feature() < 21) ? SIZE : 0);
		assertThat(allUp.threads()).isEqualTo(SIZE);
	}

	@Test
	void aKilledMachineIsDownAndReadAfreshWhenItIsBack() {
		Qemu victim = fleet.get(1);
		JsonNode before = service.get("/api/v1/machines/vm01/iothreads").json();
		victim.kill();
		await().atMost(RunningService.DEADLINE).until(() -> service.state("vm01").equals("down"));
		assertThat(service.machine("vm01").path("reason").asString()).contains("no process listens");
		assertUnavailable("vm01", "down");
		victim.restart();
		awaitUp(List.of("vm01"));
		assertThat(service.get("/api/v1/machines/vm01/iothreads").json()).hasSize(2)
			.extracting((iothread) -> iothread.path("thread-id").asInt())
			.doesNotContain(before.path(0).path("thread-id").asInt(), before.path(1).path("thread-id").asInt());
	}

	@Test
	void aStoppedMachineIsTimedOutAndIsUpAgainWhenItContinues() {
		Qemu victim = fleet.get(2);
		victim.stop();
		try {
			await().atMost(RunningService.DEADLINE).until(() -> service.state("vm02").equals("down"));
			assertThat(service.machine("vm02").path("reason").asString()).contains("QEMU is stopped");
			assertUnavailable("vm02", "down");
		}
		finally {
			victim.cont();
		}
		awaitUp(List.of("vm02"));
	}

	@Test
	void whoWaitsForAStoppedMachineIsAnsweredWithinItsDeadline() {
		Qemu victim = fleet.get(3);
		victim.stop();
		try {
			long begun = System.nanoTime();
			Answer answer = await().atMost(RunningService.DEADLINE)
				.pollInterval(Duration.ofMillis(10))
				.until(() -> service.get("/api/v1/machines/vm03/iothreads"), (last) -> last.status() != 200);
			assertThat(answer.status()).isIn(503, 504);
			assertThat(answer.json().path("detail").asString()).contains("vm03").contains("stopped");
			assertThat((System.nanoTime() - begun) / 1e9).isLessThan(COMMAND_SECONDS + 5.0);
		}
		finally {
			victim.cont();
		}
	}

	@Test
	void aMonitorThatAnotherClientTookIsBusyUntilThatOneLeaves() throws IOException {
		try (Qemu qemu = qemu(SIZE, elsewhere)) {
			try (Monitor other = Monitor.connect(qemu.socket())) {
				Files.createSymbolicLink(directory.resolve("taken.sock"), qemu.socket());
				await().atMost(RunningService.DEADLINE).until(() -> service.state("taken").equals("busy"));
				assertThat(service.machine("taken").path("reason").asString()).contains("another client holds it")
					.contains("-qmp of its own");
				assertUnavailable("taken", "busy");
				assertThat(other.execute("query-iothreads")).hasSize(2);
			}
			awaitUp(List.of("taken"));
		}
	}

	@Test
	void aSocketThatWasGivenUpIsTriedAtOnceWhenItIsTouched() throws IOException {
		try (Qemu qemu = qemu(SIZE, elsewhere)) {
			qemu.stop();
			Files.createSymbolicLink(directory.resolve("given-up.sock"), qemu.socket());
			await().atMost(RunningService.DEADLINE)
				.until(() -> service.machine("given-up").path("reason").asString().contains("left alone"));
			qemu.cont();
			Files.setLastModifiedTime(qemu.socket(), FileTime.from(Instant.now()));
			// By itself it would be tried a minute after it was given up.
			await().atMost(Duration.ofSeconds(30)).until(() -> service.state("given-up").equals("up"));
		}
	}

	@Test
	void aSocketWithoutAListenerIsDown() throws IOException {
		Path socket = directory.resolve("absent.sock");
		try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
			channel.bind(UnixDomainSocketAddress.of(elsewhere.resolve("absent")));
		}
		Files.move(elsewhere.resolve("absent"), socket);
		await().atMost(RunningService.DEADLINE).until(() -> service.state("absent").equals("down"));
		assertThat(service.machine("absent").path("reason").asString()).contains("no process listens on it");
		assertUnavailable("absent", "down");
	}

	@Test
	void aMachineGoesWithItsSocket() {
		Qemu qemu = qemu(SIZE, directory);
		awaitUp(List.of(name(SIZE)));
		await().atMost(RunningService.DEADLINE).until(() -> isOnTheMetricsPage(name(SIZE)));
		qemu.terminate();
		await().atMost(RunningService.DEADLINE)
			.until(() -> service.get("/api/v1/machines/" + name(SIZE)).status() == 404);
		await().atMost(RunningService.DEADLINE).until(() -> !isOnTheMetricsPage(name(SIZE)));
		qemu.close();
	}

	@Test
	void aSocketReplacedUnderALivingMachineIsAnotherMachine() throws IOException {
		try (Qemu old = qemu(SIZE, directory)) {
			awaitUp(List.of(name(SIZE)));
			Files.move(old.socket(), elsewhere.resolve("moved"));
			try (Qemu other = qemu(SIZE, directory)) {
				int threadId = threadId(other);
				await().atMost(RunningService.DEADLINE)
					.until(() -> service.get("/api/v1/machines/" + name(SIZE) + "/iothreads")
						.json()
						.path(0)
						.path("thread-id")
						.asInt(0) == threadId);
				assertThat(old.isAlive()).isTrue();
			}
		}
	}

	private static void assertUnavailable(String machine, String state) {
		Answer answer = service.get("/api/v1/machines/" + machine + "/iothreads");
		assertThat(answer.status()).isEqualTo(503);
		assertThat(answer.json().path("machine-state").asString()).isEqualTo(state);
		assertThat(answer.json().path("detail").asString()).contains(machine);
		assertThat(answer.header("retry-after")).isNotEmpty();
		Answer all = service.get("/api/v1/iothreads");
		assertThat(all.status()).isEqualTo(200);
		assertThat(all.header("iothreads-unavailable")).isEqualTo(machine);
		assertThat(all.json()).extracting((iothread) -> iothread.path("machine").asString())
			.doesNotContain(machine)
			.hasSizeGreaterThanOrEqualTo(2 * (SIZE - 1));
		IntStream.range(0, SIZE).filter((number) -> !name(number).equals(machine)).forEach(FleetTests::answersRight);
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(
					() -> assertThat(service.metrics()).filteredOn((line) -> line.contains("\"" + machine + "\""))
						.containsExactly("iothread_machine_up{machine=\"" + machine + "\"} 0.0"));
	}

	private static void answersRight(int number) {
		Answer answer = service.get("/api/v1/machines/" + name(number) + "/iothreads/pool0");
		assertThat(answer.status()).as(answer.body()).isEqualTo(200);
		assertThat(answer.json().path("attached-devices")).extracting((device) -> device.path("id").asString())
			.containsExactlyElementsOf(
					IntStream.range(0, devices(number)).mapToObj((device) -> "blk" + device).toList());
	}

	private static boolean isOnTheMetricsPage(String machine) {
		return service.metrics().stream().anyMatch((line) -> line.contains("machine=\"" + machine + "\""));
	}

	private static int threadId(Qemu qemu) {
		try (Monitor monitor = qemu.monitor()) {
			List<JsonNode> iothreads = new ArrayList<>();
			monitor.execute("query-iothreads").forEach(iothreads::add);
			iothreads.sort(Comparator.comparing((iothread) -> iothread.path("id").asString()));
			return iothreads.get(0).path("thread-id").asInt();
		}
	}

	private static void awaitUp(List<String> machines) {
		await().atMost(RunningService.DEADLINE).untilAsserted(() -> {
			List<String> up = new ArrayList<>();
			service.get("/api/v1/machines").json().forEach((machine) -> {
				if (machine.path("state").asString().equals("up")) {
					up.add(machine.path("name").asString());
				}
			});
			assertThat(up).containsAll(machines);
		});
	}

	private static Qemu qemu(int number, Path where) {
		List<String> args = new ArrayList<>(List.of("-object", "iothread,id=pool0", "-object", "iothread,id=pool1"));
		for (int device = 0; device < devices(number); device++) {
			args.addAll(List.of("-blockdev", "null-co,read-zeroes=on,node-name=disk" + device, "-device",
					"virtio-blk-pci,iothread=pool0,drive=disk%d,id=blk%1$d".formatted(device)));
		}
		return Qemu.of(binary).args(args.toArray(String[]::new)).monitor(name(number)).in(where).start();
	}

	private static String name(int number) {
		return "vm%02d".formatted(number);
	}

	private static int devices(int number) {
		return number % 4;
	}

}
