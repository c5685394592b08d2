package dev.iothreads.qemu;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Changes;
import dev.iothreads.machine.ImageProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NewImage;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The block nodes that the service itself adds for images. Each is known by its name:
 * {@value #PREFIX} and the id of its device.
 */
final class ImageNodes {

	static final String PREFIX = Changes.IMAGE_NODE;

	// Source: QEMU's include/block/block_int-common.h, the node_name of 32 bytes.
	private static final int LONGEST_NAME = 31;

	private static final Set<String> FILES = Set.of("file", "host_device");

	private final BlockingQmp qemu;

	ImageNodes(BlockingQmp qemu) {
		this.qemu = qemu;
	}

	/**
	 * Opens an image as a block node.
	 * @return the node's name
	 */
	String add(NewDevice device, NewImage image) {
		String node = PREFIX + device.id();
		if (node.length() > LONGEST_NAME) {
			throw new InvalidRequestException("id",
					"It must have %d characters at most, because its block node is named after it."
						.formatted(LONGEST_NAME - PREFIX.length()));
		}
		QmpCommand command = Command.BLOCKDEV_ADD.with(arguments(node, image));
		try {
			this.qemu.run(command);
		}
		catch (QmpCommandException ex) {
			addAgain(node, command, image, ex);
		}
		try {
			requireInDirectories(node, image);
		}
		catch (MachineException ex) {
			remove(node);
			throw ex;
		}
		return node;
	}

	// A node of that name that has no user was left by the service.
	private void addAgain(String node, QmpCommand command, NewImage image, QmpCommandException refused) {
		if (!refused.description().startsWith("Duplicate nodes")) {
			throw explained(image, refused);
		}
		if (!remove(node)) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NODE_IN_USE,
					"%s has a block node %s already, which is in use. Choose another id for the device."
						.formatted(this.qemu.machine(), node));
		}
		try {
			this.qemu.run(command);
		}
		catch (QmpCommandException ex) {
			throw explained(image, ex);
		}
	}

	private static Map<String, Object> arguments(String node, NewImage image) {
		Map<String, Object> file = new LinkedHashMap<>();
		file.put("driver", image.blockDevice() ? "host_device" : "file");
		file.put("filename", image.file());
		put(image, ImageProperty.AIO, file);
		put(image, ImageProperty.LOCKING, file);
		Map<String, Object> arguments = new LinkedHashMap<>();
		arguments.put("driver", image.format());
		arguments.put("node-name", node);
		arguments.put("read-only", image.readOnly());
		put(image, ImageProperty.DISCARD, arguments);
		put(image, ImageProperty.DETECT_ZEROES, arguments);
		String cache = image.get(ImageProperty.CACHE);
		if (cache != null) {
			arguments.put("cache", Map.of("direct", cache.equals("none"), "no-flush", false));
		}
		arguments.put("file", file);
		return arguments;
	}

	private static void put(NewImage image, ImageProperty property, Map<String, Object> arguments) {
		String value = image.get(property);
		if (value != null) {
			arguments.put(property.qemuName(), value);
		}
	}

	// A qcow2 names the file beneath it, and one that holds its data, in its header.
	private void requireInDirectories(String node, NewImage image) {
		JsonNode graph = this.qemu.ask(Command.X_DEBUG_QUERY_BLOCK_GRAPH.plain());
		JsonNode nodes = this.qemu.ask(Command.QUERY_NAMED_BLOCK_NODES.with(Map.of("flat", true)));
		if (graph == null || nodes == null) {
			throw new ChangeRefusedException(ChangeRefusedException.Reason.NOT_SUPPORTED,
					"%s does not say what is beneath an image. Open it by blockdev-add, and name that block node as drive."
						.formatted(this.qemu.machine()));
		}
		Map<String, JsonNode> known = new HashMap<>();
		nodes.forEach((each) -> known.put(each.path("node-name").asString(""), each));
		for (String leaf : leaves(node, graph)) {
			JsonNode file = known.get(leaf);
			String name = (file != null) ? file.path("image").path("filename").asString("") : "";
			if (file == null || !FILES.contains(file.path("drv").asString(""))
					|| !(name.equals(image.file()) || image.directories().hold(name))) {
				throw new InvalidRequestException("image.file",
						"%s builds upon %s, which is outside the directories of iothreads.attach.images. Put it there, or make the image independent of it, by qemu-img rebase."
							.formatted(image.file(), name.isEmpty() ? "something that is no file" : name));
			}
		}
	}

	private static Set<String> leaves(String node, JsonNode graph) {
		Map<Long, String> names = new HashMap<>();
		graph.path("nodes").forEach((each) -> names.put(each.path("id").asLong(), each.path("name").asString("")));
		Map<String, Set<String>> children = new HashMap<>();
		graph.path("edges")
			.forEach((edge) -> children
				.computeIfAbsent(names.getOrDefault(edge.path("parent").asLong(), ""), (parent) -> new HashSet<>())
				.add(names.getOrDefault(edge.path("child").asLong(), "")));
		Set<String> seen = new HashSet<>();
		Set<String> leaves = new HashSet<>();
		List<String> next = List.of(node);
		while (!next.isEmpty()) {
			next.stream().filter((name) -> !children.containsKey(name)).forEach(leaves::add);
			seen.addAll(next);
			next = next.stream()
				.flatMap((name) -> children.getOrDefault(name, Set.of()).stream())
				.filter((name) -> !seen.contains(name))
				.distinct()
				.toList();
		}
		return leaves;
	}

	/**
	 * Removes a node, unless something uses it: QEMU refuses then.
	 * @return whether it has gone
	 */
	boolean remove(String node) {
		return this.qemu.ask(removal(node)) != null;
	}

	static QmpCommand removal(String node) {
		return Command.BLOCKDEV_DEL.with(Map.of("node-name", node));
	}

	/**
	 * Removes the nodes that the service has added and nothing uses.
	 * @return whether none is left that no device serves
	 */
	boolean removeUnused() {
		JsonNode nodes = this.qemu.ask(Command.QUERY_NAMED_BLOCK_NODES.with(Map.of("flat", true)));
		BlockNodes backends = new BlockNodes(this.qemu);
		return nodes == null || nodes.valueStream()
			.map((node) -> node.path("node-name").asString(""))
			.filter((name) -> name.startsWith(PREFIX) && !remove(name) && backends.used(name) == null)
			.toList()
			.isEmpty();
	}

	/**
	 * Explains why QEMU does not open an image, or write to it.
	 */
	MachineException explained(NewImage image, QmpCommandException refused) {
		String words = refused.description().replace('\n', ' ');
		MachineException locked = locked(image.file(), words);
		if (locked != null) {
			return locked;
		}
		if (words.contains("not in qcow2 format") || words.contains("Image is not in ")) {
			return new InvalidRequestException("image.format",
					"QEMU says: %s. Name the format that the file has.".formatted(words));
		}
		for (ImageProperty property : ImageProperty.values()) {
			if (words.contains(property.qemuName() + "=") || words.contains("'" + property.qemuName() + "'")) {
				return new InvalidRequestException("image." + property.qemuName(),
						"QEMU says: %s. Leave it out, or choose another value.".formatted(words));
			}
		}
		return new InvalidRequestException("image.file",
				"QEMU says: %s. QEMU's user must be able to open the file.".formatted(words));
	}

	/**
	 * Explains a refusal because another process uses a file.
	 * @return {@code null} where that is not the reason
	 */
	@Nullable MachineException locked(String file, String words) {
		return words.contains("Failed to get ") && words.contains(" lock") ? new ChangeRefusedException(
				ChangeRefusedException.Reason.NODE_IN_USE,
				"%s is in use by another process, such as another machine: QEMU says: %s. Detach it there first, or name another image."
					.formatted(file, words.replace('\n', ' ')))
				: null;
	}

}
