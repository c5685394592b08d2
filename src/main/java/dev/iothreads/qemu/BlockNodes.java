package dev.iothreads.qemu;

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
	 * Finds what a device could serve: no other device serves it, and no other node is
	 * known to use it.
	 * @return the names of nodes and backends
	 */
	List<String> free() {
		Set<String> free = new LinkedHashSet<>();
		Set<String> taken = new LinkedHashSet<>();
		named().forEach((node) -> {
			free.add(node.path("node-name").asString(""));
			// QEMU 10.1 and later list what a node uses.
			node.path("children").forEach((child) -> taken.add(child.path("node-name").asString("")));
		});
		backends().forEach((backend) -> {
			String node = backend.path("inserted").path("node-name").asString("");
			taken.add(node);
			// A backend without a medium has nothing to serve.
			if (servesNoDevice(backend) && !node.isEmpty()) {
				free.add(backend.path("device").asString(""));
			}
		});
		free.removeAll(taken);
		// A name that QEMU made up itself begins with '#'.
		return free.stream().filter((name) -> !name.isEmpty() && !name.startsWith("#")).toList();
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

}
