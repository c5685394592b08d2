package dev.iothreads.web;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qcow2;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tuple;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.SkipExecutionHook;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import org.springframework.util.FileSystemUtils;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Images of all kinds, attached to the real QEMUs in all ways: what is refused leaves
 * nothing, and what is attached leaves nothing when it is detached.
 */
@AddLifecycleHook(AnyImageTests.WhereThereIsQemu.class)
class AnyImageTests {

	private static final int TRIES = 600;

	private static final String DEVICES = "/api/v1/machines/vm%d/devices";

	private static final String ROOT = "<images>";

	private static final JsonMapper JSON = JsonMapper.shared();

	private static Path directory;

	private static final List<Qemu> qemus = new ArrayList<>();

	private static final List<Monitor> monitors = new ArrayList<>();

	private static RunningService service;

	private static Wire wire;

	private static int attached;

	private static int tried;

	@BeforeContainer
	static void start() throws IOException {
		List<QemuBinary> binaries = Needs.qemus();
		directory = Files.createTempDirectory("any-image").toRealPath();
		Path images = Files.createDirectory(directory.resolve("images"));
		Path outside = Files.write(directory.resolve("outside.raw"), new byte[512]);
		Files.write(images.resolve("a.raw"), new byte[512]);
		Files.write(images.resolve("odd.raw"), new byte[511]);
		Files.write(images.resolve("empty"), new byte[0]);
		Files.createSymbolicLink(images.resolve("link.raw"), outside);
		Files.createSymbolicLink(images.resolve("loop.raw"), Path.of("loop.raw"));
		Path base = Qcow2.create(images.resolve("base.qcow2"), 512, null);
		Qcow2.create(images.resolve("over.qcow2"), 512, base.toString());
		Qcow2.create(images.resolve("thief.qcow2"), 512, outside.toString());
		Path torn = Qcow2.create(images.resolve("torn.qcow2"), 512, null);
		Files.write(torn, Arrays.copyOf(Files.readAllBytes(torn), 100));
		List<String> options = new ArrayList<>(
				List.of("--logging.level.dev.iothreads.audit=warn", "--iothreads.max-age=0s",
						"--iothreads.security.anonymous=operator", "--iothreads.attach.images=" + images));
		for (QemuBinary binary : binaries) {
			Qemu qemu = Qemu.of(binary)
				.args("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "-object", "iothread,id=io0",
						"-device", "pcie-root-port,id=rp1,chassis=1", "-device",
						"virtio-scsi-pci,id=scsi0,iothread=io0")
				.start();
			options.add("--iothreads.machines.vm%d.monitor=unix:%s".formatted(qemus.size(), qemu.socket()));
			qemus.add(qemu);
			monitors.add(qemu.monitor());
		}
		service = RunningService.start(options.toArray(String[]::new));
		wire = new Wire(service.port());
		await().atMost(RunningService.DEADLINE)
			.until(() -> IntStream.range(0, qemus.size()).allMatch((i) -> service.state("vm" + i).equals("up")));
	}

	@AfterContainer
	static void stop() throws IOException {
		service.close();
		monitors.forEach(Monitor::close);
		qemus.forEach(Qemu::close);
		FileSystemUtils.deleteRecursively(directory);
		if (tried == TRIES) {
			assertThat(attached).as("attached of " + TRIES).isBetween(TRIES / 20, TRIES / 2);
		}
	}

	@Property(tries = TRIES, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
	void itLeavesNothing(@ForAll("bodies") String body) throws IOException {
		int machine = tried++ % qemus.size();
		Monitor monitor = monitors.get(machine);
		String devices = DEVICES.formatted(machine);
		Set<String> before = monitor.children("/machine/peripheral").keySet();
		Wire.Answer answer = wire.send("POST", devices, inWire(body.replace(ROOT, directory + "/images")),
				"Content-Type: application/json");
		assertThat(answer.status()).as("%s %s", body, answer).isIn(201, 400, 404, 409, 413, 422);
		if (answer.status() == 201) {
			attached++;
			Set<String> ids = new HashSet<>(monitor.children("/machine/peripheral").keySet());
			ids.removeAll(before);
			assertThat(ids).hasSize(1);
			String device = devices + "/" + ids.iterator().next();
			Wire.Answer gone = wire.send("DELETE", device, "", "Prefer: wait=30");
			assertThat(gone.status()).as("%s %s", body, gone).isEqualTo(204);
		}
		assertThat(monitor.children("/machine/peripheral").keySet()).as("%s %s", body, answer).isEqualTo(before);
		assertThat(monitor.execute("query-named-block-nodes").valueStream()).as("%s %s", body, answer).isEmpty();
	}

	private static String inWire(String body) {
		return new String(body.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
	}

	@Provide
	Arbitrary<String> bodies() {
		Arbitrary<String> file = Arbitraries.frequencyOf(
				Tuple.of(6,
						Arbitraries.of("a.raw", "odd.raw", "over.qcow2", "base.qcow2")
							.map((name) -> ROOT + "/" + name)),
				Tuple.of(2,
						Arbitraries
							.of("empty", "link.raw", "loop.raw", "thief.qcow2", "torn.qcow2", "none", "", ".", "..",
									"../outside.raw", "../images/a.raw", "a.raw/", "a.raw\\u0000", "json:{}", "%s")
							.map((name) -> ROOT + "/" + name)),
				Tuple.of(1, Arbitraries.of("/dev/null", "/proc/self/mem", "json:{\\\"driver\\\":\\\"null-co\\\"}",
						"nbd:localhost:1", "a.raw", "fat:/", "/")));
		Arbitrary<String> members = member("cache", "none", "writeback", "writethrough", "unsafe")
			.flatMap((cache) -> Combinators
				.combine(member("aio", "threads", "native", "io_uring"), member("discard", "ignore", "unmap"),
						member("detect-zeroes", "off", "on", "unmap"), member("locking", "auto", "on", "off"),
						Arbitraries.of("", "", "", "", "", ",\"read-only\":true", ",\"read-only\":\"x\"",
								",\"backing\":null"))
				.as((aio, discard, zeroes, locking, more) -> cache + aio + discard + zeroes + locking + more));
		Arbitrary<String> where = Arbitraries.frequencyOf(Tuple.of(3, Arbitraries.of("", ",\"iothreads\":[\"io0\"]")),
				Tuple.of(2, Arbitraries.just(",\"driver\":\"scsi-hd\",\"bus\":\"scsi0.0\"")),
				Tuple.of(1,
						Arbitraries.of(",\"bus\":\"pcie.0\"", ",\"drive\":\"x\"", ",\"driver\":\"virtio-scsi-pci\"",
								",\"iothreads\":[\"none\"]", ",\"properties\":{\"bootindex\":0}",
								",\"properties\":{\"vectors\":-1}")));
		Arbitrary<String> id = Arbitraries.of("data1", "data2", "A.b-c_9", "a".repeat(27), "a".repeat(28), "scsi0");
		Arbitrary<String> format = Arbitraries.of("raw", "raw", "raw", "qcow2", "qcow2", "vmdk");
		Arbitrary<UnaryOperator<String>> spoilt = Arbitraries.frequencyOf(
				Tuple.of(4, Arbitraries.just(UnaryOperator.<String>identity())), Tuple.of(1, AnyRequestTests.spoiler()),
				Tuple.of(1, AnyRequestTests.spoiler().map(AnyImageTests::ofImage)));
		return Combinators.combine(id, file, format, members, where, spoilt)
			.as((name, image, kind, more, place, spoiler) -> spoiler
				.apply("{\"id\":\"%s\",\"image\":{\"file\":\"%s\",\"format\":\"%s\"%s}%s}".formatted(name, image, kind,
						more, place)));
	}

	private static Arbitrary<String> member(String name, String... values) {
		return Arbitraries.of(values)
			.map((value) -> ",\"%s\":\"%s\"".formatted(name, value))
			.injectNull(0.85)
			.map((member) -> (member != null) ? member : "");
	}

	// Spoils the image within the body.
	private static UnaryOperator<String> ofImage(UnaryOperator<String> spoiler) {
		return (body) -> {
			String image = ((ObjectNode) JSON.readTree(body)).get("image").toString();
			return body.replace(image, spoiler.apply(image));
		};
	}

	/**
	 * jqwik takes a test that ends itself as one that failed.
	 */
	static final class WhereThereIsQemu implements SkipExecutionHook {

		@Override
		public SkipResult shouldBeSkipped(LifecycleContext context) {
			try {
				Needs.qemus();
				return SkipResult.doNotSkip();
			}
			catch (TestAbortedException ex) {
				return SkipResult.skip(ex.getMessage());
			}
		}

	}

}
