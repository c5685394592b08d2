package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import dev.iothreads.qmp.QmpCommand;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The QOM tree: its places, the commands that look into it, and the shape of the answers
 * ({@code docs: qapi/qom.json}).
 */
final class Qom {

	static final String PERIPHERAL = "/machine/peripheral";

	static final String PERIPHERAL_ANON = "/machine/peripheral-anon";

	static final String OBJECTS = "/objects";

	private static final String BACKEND = "/virtio-backend";

	/** No path is longer. */
	static final int LONGEST_PATH = 4096;

	private static final int LONGEST_ID = 1024;

	private static final String CHILD = "child<";

	private Qom() {
	}

	private static String countOfQueues(Set<String> names) {
		return Stream.of("num-queues", "num_queues").filter(names::contains).findFirst().orElse("");
	}

	static QmpCommand list(String path) {
		return Command.QOM_LIST.with(Map.of("path", path));
	}

	static QmpCommand listGet(List<String> paths) {
		return Command.QOM_LIST_GET.with(Map.of("paths", paths));
	}

	static QmpCommand set(String path, String property, Object value) {
		return Command.QOM_SET.with(Map.of("path", path, "property", property, "value", value));
	}

	static QmpCommand get(String path, String property) {
		return Command.QOM_GET.with(Map.of("path", path, "property", property));
	}

	/**
	 * Reads the children from the answer of {@code qom-list}.
	 */
	static List<Child> children(String parent, JsonNode properties) {
		List<Child> children = new ArrayList<>();
		for (JsonNode property : elements("the properties of " + parent, properties)) {
			if (!property.path("name").isString() || !property.path("type").isString()) {
				throw invalid("the properties of " + parent);
			}
			String type = property.path("type").asString();
			if (type.startsWith(CHILD) && type.endsWith(">")) {
				children.add(new Child(parent, checked(property.path("name").asString()),
						checked(type.substring(CHILD.length(), type.length() - 1))));
			}
		}
		return children;
	}

	static Set<String> names(JsonNode properties) {
		Set<String> names = new HashSet<>();
		properties.forEach((property) -> names.add(property.path("name").asString("")));
		return names;
	}

	static Iterable<JsonNode> elements(String what, JsonNode answer) {
		if (!answer.isArray()) {
			throw invalid(what);
		}
		return answer;
	}

	static String text(String what, JsonNode answer) {
		if (!answer.isString()) {
			throw new InvalidReplyException(
					"it was asked for %s and did not answer with a text. Is that a QEMU?".formatted(what));
		}
		return answer.asString();
	}

	/**
	 * Returns whether a chardev has a client.
	 * @param chardevs the answer of {@code query-chardev}; without one, it may have
	 * @param id the chardev's id
	 */
	static boolean isConnected(@Nullable JsonNode chardevs, String id) {
		return chardevs == null || chardevs.valueStream()
			.anyMatch((chardev) -> id.equals(chardev.path("label").asString(""))
					&& !chardev.path("filename").asString("").startsWith("disconnected:"));
	}

	/**
	 * Returns a member of an answer that may be missing, {@code null} when it is, or is
	 * empty.
	 */
	static @Nullable String textOf(@Nullable JsonNode answer, String member) {
		String text = (answer != null) ? answer.path(member).asString("") : "";
		return text.isEmpty() ? null : checked(text);
	}

	/**
	 * Returns the name of an object or type, unless it is longer than any.
	 */
	static String checked(String id) {
		return checked(id, LONGEST_ID, "an id");
	}

	static String checkedPath(String path) {
		return checked(path, LONGEST_PATH, "a path");
	}

	private static String checked(String text, int longest, String what) {
		if (text.length() > longest) {
			throw new InvalidReplyException(
					"something of it has %s of %d characters. Is that a QEMU?".formatted(what, text.length()));
		}
		return text;
	}

	private static InvalidReplyException invalid(String what) {
		return new InvalidReplyException(
				"it was asked for %s and did not answer with a list of them. Is that a QEMU?".formatted(what));
	}

	static String name(String path) {
		return path.substring(path.lastIndexOf('/') + 1);
	}

	static String parent(String path) {
		return path.substring(0, Math.max(path.lastIndexOf('/'), 0));
	}

	/**
	 * Returns the path of the device that does the work: a virtio proxy, on PCI or CCW,
	 * has its backend beneath it. QEMU's own {@code attached-dev} names the backend.
	 */
	static String worker(String device, boolean hasBackend) {
		return hasBackend ? device + BACKEND : device;
	}

	/**
	 * Returns the path of what the block layer calls the device of a disk: its id, where
	 * it has one.
	 */
	static String ofDisk(String device) {
		return (device.isEmpty() || device.startsWith("/")) ? device : PERIPHERAL + "/" + device;
	}

	/**
	 * Returns the path of the device that an operator knows, from that of its backend.
	 */
	static String device(String path) {
		return path.endsWith(BACKEND) ? path.substring(0, path.length() - BACKEND.length()) : path;
	}

	/**
	 * An object in the tree. QEMU 10.0 allows a device any name, also one with a slash or
	 * an empty one.
	 */
	record Child(String parent, String name, String type) {

		String path() {
			return this.parent + "/" + this.name;
		}

		/**
		 * Returns whether its path leads to it, and not to another object or nowhere.
		 */
		boolean isAddressable() {
			return !this.name.isEmpty() && this.name.indexOf('/') < 0;
		}

	}

	/**
	 * Which properties about IOThreads a type has.
	 *
	 * @param iothread whether it has an {@code iothread} link
	 * @param mapping whether it has an {@code iothread-vq-mapping}
	 * @param drive whether it has a {@code drive}
	 * @param proxy whether the work is done by a backend beneath it
	 * @param queues the property that counts its virtqueues, empty when it has none
	 * @param disk whether it is a disk on a SCSI bus
	 */
	record Traits(boolean iothread, boolean mapping, boolean drive, boolean proxy, String queues, boolean disk) {

		static final Traits NONE = new Traits(false, false, false, false, "", false);

		boolean canRunOnIOThread() {
			return this.iothread || this.mapping;
		}

		/**
		 * Reads the answer of {@code qom-list} on an object of the type.
		 */
		static Traits of(JsonNode properties) {
			elements("the properties of an object", properties).forEach((property) -> {
				if (!property.path("name").isString()) {
					throw invalid("the properties of an object");
				}
			});
			Set<String> names = names(properties);
			return new Traits(names.contains("iothread"), names.contains("iothread-vq-mapping"),
					names.contains("drive"), names.contains("virtio-backend"), countOfQueues(names),
					names.contains("scsi-id") && names.contains("lun"));
		}

	}

}
