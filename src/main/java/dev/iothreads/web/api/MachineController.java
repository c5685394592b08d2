package dev.iothreads.web.api;

import java.util.List;

import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;

import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

@RestController
@Tag(name = "Machines", description = "The virtual machines this service knows")
class MachineController {

	private final IOThreadService service;

	MachineController(IOThreadService service) {
		this.service = service;
	}

	@GetMapping(path = Paths.MACHINES, produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "listMachines", summary = "All machines, sorted by name",
			description = "Machines that do not answer are in the list too, with the reason.")
	@Problems(Problem.TOO_BUSY)
	ResponseEntity<List<MachineInfo>> list() {
		return SnapshotResponse.of(null, this.service.machines().stream().map(MachineInfo::of).toList());
	}

	@GetMapping(path = Paths.MACHINE, produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "getMachine", summary = "One machine",
			description = "It is there whether it answers or not; see state and reason.")
	@Problems(Problem.MACHINE_NOT_FOUND)
	ResponseEntity<MachineInfo> get(@PathVariable String machine) {
		MachineInfo info = MachineInfo.of(this.service.machine(machine));
		return SnapshotResponse.of(info.observedAt(), info);
	}

}
