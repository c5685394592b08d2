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

import org.springframework.http.ResponseEntity;
import org.springframework.stereotype.Component;

/**
 * Answers that are about several machines. Those that do not answer are left out, and
 * named in a header.
 */
@Component
public class FleetAnswers {

	public static final String UNAVAILABLE = "Iothreads-Unavailable";

	// All of an answer's headers together may have 8 kB.
	private static final int LONGEST = 4000;

	private final IOThreadService service;

	FleetAnswers(IOThreadService service) {
		this.service = service;
	}

	/**
	 * Writes names into a header. Those that an answer's head has no room for are
	 * counted: no name has a blank in it, so that nobody takes this for one.
	 * @param names the names
	 * @return the header's value
	 */
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
	 * Reads machines, and puts together what is to be said of each.
	 * @param machines their names, {@code null} for all
	 * @param content what to say of one, by its name and what was read
	 * @param <T> what the answer is a list of
	 * @return the answer, by the machines' names
	 */
	<T> ResponseEntity<List<T>> of(@Nullable List<String> machines, BiFunction<String, Snapshot, List<T>> content) {
		// An empty parameter names a machine without a name, and that is not there.
		FleetView fleet = (machines != null) ? this.service.fleet(machines.isEmpty() ? List.of("") : machines)
				: this.service.fleet();
		List<T> body = fleet.snapshots()
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
		ResponseEntity<List<T>> answer = Fresh.observed(oldest, body);
		if (fleet.unavailable().isEmpty()) {
			return answer;
		}
		return ResponseEntity.ok()
			.headers(answer.getHeaders())
			.header(UNAVAILABLE, names(fleet.unavailable()))
			.body(body);
	}

}
