package dev.iothreads.web.api;

import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiFunction;

import dev.iothreads.inventory.FleetView;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

import org.springframework.http.CacheControl;
import org.springframework.http.ResponseEntity;
import org.springframework.stereotype.Component;

/**
 * Answers about several machines. A header names the machines that do not answer.
 */
@Component
public class FleetResponses {

	public static final String UNAVAILABLE = "Iothreads-Unavailable";

	// All of an answer's headers together may have 8 kB.
	private static final int LONGEST = 4000;

	private final IOThreadService service;

	FleetResponses(IOThreadService service) {
		this.service = service;
	}

	// Names beyond the length of a header are counted. No name has a blank in it, so that
	// "and 5 more" is not taken for one.
	static String names(Collection<String> names) {
		StringBuilder value = new StringBuilder();
		int left = names.size();
		for (String name : names) {
			if (value.length() + name.length() > LONGEST) {
				return value.append(", and ").append(left).append(" more").toString();
			}
			value.append(value.isEmpty() ? "" : ", ").append(name);
			left--;
		}
		return value.toString();
	}

	/**
	 * Reads machines.
	 * @param machines their names, {@code null} for all
	 * @param content makes the items of a machine from its name and snapshot
	 * @param <T> the type of the items
	 * @return the items, in the order of the machines' names
	 */
	<T> ResponseEntity<Collection<T>> of(@Nullable List<String> machines,
			BiFunction<String, Snapshot, List<T>> content) {
		// An empty parameter names a machine without a name, and that is not there.
		FleetView fleet = (machines != null) ? this.service.fleet(machines.isEmpty() ? List.of("") : machines)
				: this.service.fleet();
		Collection<T> body = fleet.snapshots()
			.entrySet()
			.stream()
			.flatMap((machine) -> content.apply(machine.getKey(), machine.getValue()).stream())
			.toList();
		Instant oldest = fleet.snapshots()
			.values()
			.stream()
			.map(Snapshot::observedAt)
			.min(Comparator.naturalOrder())
			.orElse(null);
		ResponseEntity<Collection<T>> answer = SnapshotResponse.of(oldest, body);
		if (fleet.unavailable().isEmpty()) {
			return answer;
		}
		// A tag stands for the body alone, and a cache would keep the header of the
		// answer
		// that it has: it may not keep this one.
		return ResponseEntity.ok()
			.headers(answer.getHeaders())
			.cacheControl(CacheControl.noStore())
			.header(UNAVAILABLE, names(fleet.unavailable()))
			.body(body);
	}

}
