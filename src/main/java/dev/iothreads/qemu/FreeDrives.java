package dev.iothreads.qemu;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The block nodes, and backends of {@code -drive}, that a device could serve: no other
 * does, and no other node is known to stand on them ({@code docs: qapi/block-core.json}).
 */
final class FreeDrives {

	private final Dialogue qemu;

	FreeDrives(Dialogue qemu) {
		this.qemu = qemu;
	}

	List<String> names() {
		Set<String> free = new LinkedHashSet<>();
		Set<String> taken = new LinkedHashSet<>();
		for (JsonNode node : list(this.qemu.ask(Command.QUERY_NAMED_BLOCK_NODES.with(Map.of("flat", true))))) {
			free.add(node.path("node-name").asString(""));
			// From 10.1 on QEMU tells what a node stands on.
			node.path("children").forEach((child) -> taken.add(child.path("node-name").asString("")));
		}
		for (JsonNode backend : list(this.qemu.ask(Command.QUERY_BLOCK.plain()))) {
			String node = backend.path("inserted").path("node-name").asString("");
			taken.add(node);
			// A backend without a medium has nothing to serve.
			if (backend.path("qdev").asString("").isEmpty() && !node.isEmpty()) {
				free.add(backend.path("device").asString(""));
			}
		}
		free.removeAll(taken);
		// A name that QEMU made up itself begins with '#'.
		return free.stream().filter((name) -> !name.isEmpty() && !name.startsWith("#")).toList();
	}

	private static Iterable<JsonNode> list(@Nullable JsonNode answer) {
		return (answer != null) ? answer : List.of();
	}

}
