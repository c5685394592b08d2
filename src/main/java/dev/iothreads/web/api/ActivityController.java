package dev.iothreads.web.api;

import java.util.Collection;
import java.util.List;

import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
@Tag(name = "Activity", description = "How busy IOThreads and devices are")
class ActivityController {

	private final FleetResponses fleet;

	ActivityController(FleetResponses fleet) {
		this.fleet = fleet;
	}

	@GetMapping(path = Paths.ACTIVITY, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listActivity", summary = "How busy every machine is",
			description = "CPU time and operations as counts that only grow: take two answers, and divide what was added by "
					+ "the time between them. Sorted by machine. What is not known is absent; machines that do not answer "
					+ "are left out, and named in the header " + FleetResponses.UNAVAILABLE + ".")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.TOO_BUSY })
	ResponseEntity<Collection<ActivityInfo>> list(
			@Parameter(description = "Only this machine's; may be given more than once") @RequestParam(name = "machine",
					required = false) @Nullable List<String> machines) {
		return this.fleet.of(machines, (machine, snapshot) -> List.of(ActivityInfo.of(machine, snapshot)));
	}

}
