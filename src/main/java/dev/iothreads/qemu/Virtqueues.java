package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Which virtqueues each IOThread of an {@code iothread-vq-mapping} serves
 * ({@code docs: qapi/virtio.json}): those that the mapping names, or else queue n goes to
 * the n-th IOThread in turn.
 */
final class Virtqueues {

	private static final int MOST = 1024;

	private Virtqueues() {
	}

	/**
	 * Reads a mapping.
	 * @param mapping its elements
	 * @param queues how many virtqueues the device has, {@code null} where that is not
	 * known
	 * @return the numbers of the virtqueues by the IOThread's id, in the order of the
	 * mapping; none for an IOThread beyond the last virtqueue. Empty where it is not
	 * known
	 */
	static Map<String, List<Integer>> of(JsonNode mapping, @Nullable JsonNode queues) {
		Map<String, List<Integer>> virtqueues = new LinkedHashMap<>();
		for (JsonNode element : mapping) {
			List<Integer> served = new ArrayList<>();
			element.path("vqs").forEach((queue) -> served.add(queue.asInt(0)));
			virtqueues.put(element.path("iothread").asString(""), served);
		}
		int most = (queues != null) ? Math.min(queues.asInt(0), MOST) : 0;
		boolean named = virtqueues.values().stream().anyMatch((served) -> !served.isEmpty());
		if (!named && queues == null) {
			return Map.of();
		}
		List<List<Integer>> inTurn = List.copyOf(virtqueues.values());
		for (int queue = 0; !named && !inTurn.isEmpty() && queue < most; queue++) {
			inTurn.get(queue % inTurn.size()).add(queue);
		}
		return virtqueues;
	}

}
