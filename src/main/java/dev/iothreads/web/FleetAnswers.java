package dev.iothreads.web;

import java.time.Instant;
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
class FleetAnswers {

	static final String UNAVAILABLE = "Iothreads-Unavailable";

	private final IOThreadService service;

	FleetAnswers(IOThreadService service) {
		this.service = service;
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
			.header(UNAVAILABLE, String.join(", ", fleet.unavailable()))
			.body(body);
	}

}
