package dev.iothreads.qemu;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The block nodes, and backends of {@code -drive}, of one QEMU
 * ({@code docs: qapi/block-core.json}).
 */
final class BlockNodes {

	private final BlockingQmp qemu;

	BlockNodes(BlockingQmp qemu) {
		this.qemu = qemu;
	}

	/**
	 * Finds what a device could serve: nothing uses it.
	 * @return the names of nodes and backends
	 */
	List<String> free() {
		Set<String> free = new LinkedHashSet<>();
		Users users = users();
		Set<String> taken = new LinkedHashSet<>(users.taken());
		named().forEach((node) -> free.add(node.path("node-name").asString("")));
		backends().forEach((backend) -> {
			String node = backend.path("inserted").path("node-name").asString("");
			taken.add(node);
			// A backend without a medium has nothing to serve.
			if (servesNoDevice(backend) && !node.isEmpty() && !users.reasons().containsKey(node)) {
				free.add(backend.path("device").asString(""));
			}
		});
		free.removeAll(taken);
		// A name that QEMU made up itself begins with '#'. The service's own nodes are of
		// images
		// that are being attached, or left.
		return free.stream()
			.filter((name) -> !name.isEmpty() && !name.startsWith("#") && !name.startsWith(ImageNodes.PREFIX))
			.toList();
	}

	/**
	 * Finds what uses a node or backend besides devices.
	 * @return the user and what to do about it, {@code null} when there is none
	 */
	@Nullable String user(String drive) {
		String node = backendsOf(drive).stream()
			.map((backend) -> backend.path("inserted").path("node-name").asString(""))
			.findFirst()
			.orElse(drive);
		return users().reasons().get(node);
	}

	// QEMU 10.1 and later list what a node uses. The graph has that, too, in all
	// versions,
	// and the jobs.
	private Users users() {
		Map<String, String> reasons = new HashMap<>();
		Set<String> taken = new LinkedHashSet<>();
		elements(this.qemu.ask(Command.QUERY_BLOCK_EXPORTS.plain()))
			.forEach((export) -> reasons.put(export.path("node-name").asString(""),
					"export %s. Remove that by block-export-del, or name another node"
						.formatted(export.path("id").asString(""))));
		named().forEach((parent) -> parent.path("children")
			.forEach((child) -> reasons.putIfAbsent(child.path("node-name").asString(""),
					beneath(parent, "node-name"))));
		JsonNode graph = this.qemu.ask(Command.X_DEBUG_QUERY_BLOCK_GRAPH.plain());
		if (graph != null) {
			Map<Long, JsonNode> nodes = new HashMap<>();
			graph.path("nodes").forEach((node) -> nodes.put(node.path("id").asLong(), node));
			graph.path("edges").forEach((edge) -> {
				JsonNode parent = nodes.get(edge.path("parent").asLong());
				JsonNode child = nodes.get(edge.path("child").asLong());
				if (parent == null || child == null) {
					return;
				}
				String name = child.path("name").asString("");
				taken.add(name);
				switch (parent.path("type").asString("")) {
					case "block-job" -> reasons.put(name, "job %s. Wait until that has ended, or name another node"
						.formatted(parent.path("name").asString("")));
					case "block-driver" -> reasons.putIfAbsent(name, beneath(parent, "name"));
					default -> {
						// A backend: query-block and the exports say whose it is.
					}
				}
			});
		}
		taken.addAll(reasons.keySet());
		return new Users(taken, reasons);
	}

	private static String beneath(JsonNode parent, String member) {
		return "node %s, which is above it. Name one that no other uses".formatted(parent.path(member).asString(""));
	}

	boolean exists(String drive) {
		return named().anyMatch((node) -> drive.equals(node.path("node-name").asString("")))
				|| !backendsOf(drive).isEmpty();
	}

	/**
	 * Finds the backend of a device that serves a node.
	 * @return the element of {@code query-block}, {@code null} when there is none
	 */
	@Nullable JsonNode used(String drive) {
		return backendsOf(drive).stream().filter((backend) -> !servesNoDevice(backend)).findFirst().orElse(null);
	}

	/**
	 * Finds what {@code query-block} lists of a node or backend.
	 */
	List<JsonNode> backendsOf(String drive) {
		return backends()
			.filter((backend) -> drive.equals(backend.path("inserted").path("node-name").asString(""))
					|| drive.equals(backend.path("device").asString("")))
			.toList();
	}

	static boolean servesNoDevice(JsonNode backend) {
		return backend.path("qdev").asString("").isEmpty();
	}

	private Stream<JsonNode> named() {
		return elements(this.qemu.ask(Command.QUERY_NAMED_BLOCK_NODES.with(Map.of("flat", true))));
	}

	private Stream<JsonNode> backends() {
		return elements(this.qemu.ask(Command.QUERY_BLOCK.plain()));
	}

	private static Stream<JsonNode> elements(@Nullable JsonNode answer) {
		return (answer != null) ? answer.valueStream() : Stream.empty();
	}

	/**
	 * What uses nodes.
	 *
	 * @param taken the names of the nodes that something uses
	 * @param reasons by the name of a node what uses it that is no device, and what to do
	 * about that
	 */
	private record Users(Set<String> taken, Map<String, String> reasons) {

	}

}
