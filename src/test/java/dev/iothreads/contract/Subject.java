package dev.iothreads.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import dev.iothreads.testing.QemuBinary;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The machine that a test is about, in the service and behind it. All have
 * {@code iothread0} with {@code blk0} and {@code blk1}, {@code iothread1} with
 * {@code blk3}, the block nodes {@code disk0} to {@code disk15}, and the root ports
 * {@code rp0} to {@code rp15}, of which the first three are taken.
 */
abstract sealed class Subject implements AutoCloseable permits EmbeddedSubject, QemuSubject {

	static final int PORTS = 16;

	static final int TAKEN_PORTS = 3;

	/** Where those that are set up are. */
	static final Map<String, Set<String>> SET_UP = Map.of("blk0", Set.of("iothread0"), "blk1", Set.of("iothread0"),
			"blk3", Set.of("iothread1"));

	private final String name;

	private volatile boolean touched;

	Subject(String name) {
		this.name = name;
	}

	static Stream<Subject> ofEveryKind() {
		return Stream.concat(Stream.of(new EmbeddedSubject()), QemuBinary.all().stream().map(QemuSubject::of));
	}

	/**
	 * Its name in the service.
	 */
	String name() {
		return this.name;
	}

	/**
	 * Which QEMU it is or, embedded, pretends to be: {@code major * 100 + minor}.
	 */
	abstract int version();

	/**
	 * Where the devices run, read without the service.
	 * @return the ids of the IOThreads by the device's id
	 */
	abstract Map<String, Set<String>> links();

	/**
	 * What an IOThread's property is, read without the service.
	 */
	abstract long setting(String iothread, String property);

	/**
	 * Makes it as it was set up, or adds it to the service in the first place.
	 */
	abstract void tidy();

	/**
	 * The block nodes that the service has added for images, read without the service.
	 */
	abstract Set<String> imageNodes();

	boolean hasPollWeight() {
		return version() >= 1101;
	}

	boolean maps(String driver) {
		return (driver.startsWith("virtio-blk") && version() >= 900)
				|| (driver.startsWith("virtio-scsi") && version() >= 1000);
	}

	Answer get(String path, String... headers) {
		return Service.shared().send("GET", path(path), null, headers);
	}

	/**
	 * Posts JSON, written with single quotes for double ones.
	 */
	Answer post(String path, String json, String... headers) {
		return touchedBy(Service.shared().send("POST", path(path), quoted(json), headers));
	}

	Answer patch(String path, String json, String... headers) {
		return touchedBy(Service.shared().send("PATCH", path(path), quoted(json), headers));
	}

	Answer delete(String path, String... headers) {
		return touchedBy(Service.shared().send("DELETE", path(path), null, headers));
	}

	CompletableFuture<Answer> begin(String method, String path, @Nullable String json, String... headers) {
		touch();
		return Service.shared().begin(method, path(path), (json != null) ? quoted(json) : null, headers);
	}

	private Answer touchedBy(Answer answer) {
		boolean refused = answer.status() >= 400 && answer.status() < 500;
		if (!refused) {
			touch();
		}
		return answer;
	}

	/**
	 * Takes note that it may not be as it was set up.
	 */
	void touch() {
		this.touched = true;
	}

	/**
	 * Tells whether it has to be tidied, once.
	 */
	boolean wasTouched() {
		boolean was = this.touched;
		this.touched = false;
		return was;
	}

	String path(String path) {
		return "/api/v1/machines/" + this.name + path;
	}

	private static String quoted(String json) {
		return json.replace('\'', '"');
	}

	/**
	 * Adds an IOThread that is there for the rest of the test.
	 */
	String pool(String id) {
		post("/iothreads", "{'id': '%s'}".formatted(id)).is(201);
		return id;
	}

	/**
	 * Asserts that the service shows the devices where they really are, and nothing else.
	 */
	void showsWhatIs() {
		Map<String, Set<String>> links = links();
		JsonNode devices = get("/devices").is(200).body();
		List<String> shown = new ArrayList<>();
		devices.forEach((device) -> {
			String id = device.path("id").asString();
			shown.add(id);
			List<String> iothreads = new ArrayList<>();
			device.path("iothreads").forEach((iothread) -> iothreads.add(iothread.asString()));
			assertThat(iothreads).as(id).containsExactlyInAnyOrderElementsOf(links.getOrDefault(id, Set.of()));
		});
		assertThat(shown).containsExactlyInAnyOrderElementsOf(links.keySet());
		get("/iothreads").is(200).body().forEach((iothread) -> {
			String id = iothread.path("id").asString();
			long attached = links.values().stream().filter((iothreads) -> iothreads.contains(id)).count();
			assertThat(iothread.path("attached-cnt").asLong(-1)).as(id).isEqualTo(attached);
			assertThat(iothread.path("attached-devices")).as(id).hasSize((int) attached);
		});
	}

	@Override
	public void close() {
		Service.shared().remove(this.name);
	}

	@Override
	public String toString() {
		return this.name;
	}

}
