package dev.iothreads.contract;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import dev.iothreads.testing.Qcow2;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A device that serves an image file.
 */
@EveryMachine
class ImageTests {

	private static final long SIZE = 1024 * 1024;

	private final Subject machine;

	private final Path directory = Service.IMAGES.resolve("images");

	@TempDir
	private Path elsewhere;

	ImageTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() throws IOException {
		Files.createDirectories(this.directory);
		this.machine.tidy();
	}

	@AfterEach
	void nothingIsLeft() {
		this.machine.delete("/devices/data1");
		Eventually.see(this.machine::imageNodes, (nodes) -> nodes.isEmpty());
	}

	@Test
	void aQcow2IsAttachedShownAndDetachedWithoutALeftover() {
		Path image = Qcow2.create(this.directory.resolve("a.qcow2"), 4 * SIZE, null);
		JsonNode device = attach(image, "qcow2", "'cache': 'writeback', 'discard': 'unmap', 'detect-zeroes': 'unmap'")
			.is(201)
			.body();
		assertThat(device.path("drive").asString()).isEqualTo("iot-data1");
		isShown(device, image, "qcow2", 4 * SIZE);
		isShown(this.machine.get("/devices/data1").is(200).body(), image, "qcow2", 4 * SIZE);
		assertThat(this.machine.imageNodes()).containsExactly("iot-data1");
		assertThat(this.machine.get("/attachable").is(200).body().path("images").valueStream())
			.filteredOn((file) -> file.path("name").asString().equals("a.qcow2"))
			.singleElement()
			.satisfies((file) -> {
				assertThat(file.path("file").asString()).isEqualTo(image.toString());
				assertThat(file.path("size").asLong()).isEqualTo(Files.size(image));
				assertThat(file.path("format").asString()).isEqualTo("qcow2");
				assertThat(file.path("in-use").asBoolean()).isTrue();
			});
		this.machine.delete("/devices/data1", "Prefer", "wait=10").is(204);
		assertThat(this.machine.imageNodes()).isEmpty();
		attach(image, "qcow2", "'read-only': true").is(201);
	}

	@Test
	void aRawImageHasTheSizeOfItsFile() throws IOException {
		Path image = raw(this.directory, "a.raw");
		isShown(attach(image, "raw", "'locking': 'on', 'aio': 'threads'").is(201).body(), image, "raw", SIZE);
	}

	// QEMU 7.2 hangs for good when it reads past the end of a file by io_uring. Where a
	// kernel has no io_uring QEMU says so.
	@Test
	void aFileThatEndsWithinASectorHarmsNoMachine() throws IOException {
		Path image = Files.write(this.directory.resolve("odd.raw"), new byte[(int) SIZE - 1]);
		Answer answer = attach(image, "raw", "'aio': 'io_uring'");
		if (this.machine.version() < 1000) {
			answer.isInvalid("image.aio");
			assertThat(this.machine.imageNodes()).isEmpty();
			isShown(attach(image, "raw", "'aio': 'threads'").is(201).body(), image, "raw", SIZE);
		}
		else if (answer.status() != 201) {
			answer.isInvalid("image.aio");
		}
	}

	@Test
	void anImageBeneathAnotherInTheDirectoriesIsAttached() {
		Path base = Qcow2.create(this.directory.resolve("base.qcow2"), SIZE, null);
		Path image = Qcow2.create(this.directory.resolve("over.qcow2"), SIZE, base.getFileName().toString());
		isShown(attach(image, "qcow2", "'read-only': false").is(201).body(), image, "qcow2", SIZE);
	}

	@Test
	void whatIsElsewhereIsRefused() throws IOException {
		Path outside = raw(this.elsewhere, "a.raw");
		Path link = this.directory.resolve("link.raw");
		Files.deleteIfExists(link);
		Files.createSymbolicLink(link, outside);
		attach(outside, "raw").isInvalid("image.file");
		attach(link, "raw").isInvalid("image.file");
		attach(this.directory.resolve("../a.raw"), "raw").isInvalid("image.file");
		raw(Service.IMAGES, "a.raw");
		attach(this.directory.resolve("../a.raw"), "raw").isInvalid("image.file");
		attach(this.directory.resolve("none.raw"), "raw").isInvalid("image.file");
		attach(this.directory, "raw").isInvalid("image.file");
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
	}

	@Test
	void aLinkWithinTheDirectoriesIsFollowed() throws IOException {
		Path image = raw(this.directory, "real.raw");
		Path link = this.directory.resolve("inner.raw");
		Files.deleteIfExists(link);
		Files.createSymbolicLink(link, image);
		isShown(attach(link, "raw").is(201).body(), image, "raw", SIZE);
	}

	@Test
	void aQcow2ThatBuildsUponWhatIsElsewhereIsRefused() throws IOException {
		Path outside = raw(this.elsewhere, "secret.raw");
		Path image = Qcow2.create(this.directory.resolve("thief.qcow2"), SIZE, outside.toString());
		Answer answer = attach(image, "qcow2");
		answer.isInvalid("image.file");
		assertThat(answer.body().path("detail").asString()).contains(outside.toString());
		assertThat(this.machine.imageNodes()).isEmpty();
	}

	@Test
	void aFormatThatDoesNotFitIsRefused() throws IOException {
		attach(raw(this.directory, "b.raw"), "qcow2").isInvalid("image.format");
		assertThat(this.machine.imageNodes()).isEmpty();
	}

	@Test
	void anImageThatIsInUseIsRefusedAsThat() throws IOException {
		Path image = raw(this.directory, "locked.raw");
		attach(image, "raw").is(201);
		assertThat(this.machine
			.post("/devices", "{'id': 'data2', 'image': {'file': '%s', 'format': 'raw'}}".formatted(image))
			.isProblem(409, "node-in-use")
			.path("detail")
			.asString()).contains(image + " is in use");
		assertThat(this.machine.imageNodes()).containsExactly("iot-data1");
	}

	@Test
	void whereThereIsNoPlaceForTheDeviceNoNodeIsLeft() throws IOException {
		Path image = raw(this.directory, "c.raw");
		this.machine
			.post("/devices",
					"{'id': 'data1', 'bus': 'rp0', 'image': {'file': '%s', 'format': 'raw'}}".formatted(image))
			.isInvalid("bus");
		assertThat(this.machine.imageNodes()).isEmpty();
	}

	@Test
	void aControllerHasNoImage() throws IOException {
		this.machine
			.post("/devices",
					"{'id': 'data1', 'driver': 'virtio-scsi-pci', 'image': {'file': '%s', 'format': 'raw'}}"
						.formatted(raw(this.directory, "d.raw")))
			.isInvalid("image");
		assertThat(this.machine.imageNodes()).isEmpty();
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			{'format': 'raw'}                                           | image.file
			{'file': '/a'}                                              | image.format
			{'file': '/a', 'format': 'vmdk'}                            | image.format
			{'file': 'json:{}', 'format': 'raw'}                        | image.file
			{'file': 'nbd://host/x', 'format': 'raw'}                   | image.file
			{'file': '/a', 'format': 'raw', 'backing': '/b'}            | image.backing
			{'file': '/a', 'format': 'raw', 'read-only': 'yes'}         | image.read-only
			{'file': '/a', 'format': 'raw', 'cache': 'unsafe'}          | image.cache
			{'file': '/a', 'format': 'raw', 'locking': 'off'}           | image.locking
			{'file': '/a', 'format': 'raw', 'aio': 'native'}            | image.aio
			{'file': '/a', 'format': 'raw', 'detect-zeroes': 'unmap'}   | image.detect-zeroes
			'/a'                                                        | image
			[]                                                          | image
			""", quoteCharacter = '"')
	void onlyWhatAnImageIsMayBeGiven(String image, String member) {
		this.machine.post("/devices", "{'id': 'data1', 'image': %s}".formatted(image)).isInvalid(member);
	}

	private Answer attach(Path image, String format) {
		return attach(image, format, "'read-only': false");
	}

	private Answer attach(Path image, String format, String more) {
		return this.machine.post("/devices",
				"{'id': 'data1', 'image': {'file': '%s', 'format': '%s', %s}}".formatted(image, format, more));
	}

	private static Path raw(Path directory, String name) throws IOException {
		return Files.write(directory.resolve(name), new byte[(int) SIZE]);
	}

	private static void isShown(JsonNode device, Path image, String format, long size) {
		assertThat(device.path("image").path("file").asString("")).isEqualTo(image.toString());
		assertThat(device.path("image").path("format").asString("")).isEqualTo(format);
		assertThat(device.path("image").path("size").asLong(-1)).isEqualTo(size);
	}

}
