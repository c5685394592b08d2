package dev.iothreads.web.api;

import java.time.Instant;
import java.util.List;

import dev.iothreads.advice.Adviser;
import dev.iothreads.history.History;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.tags.Tag;

import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

@RestController
@Tag(name = "Machines", description = "The virtual machines this service knows")
class MachineController {

	private final IOThreadService service;

	private final Adviser adviser = new Adviser(Adviser.LEAST);

	MachineController(IOThreadService service) {
		this.service = service;
	}

	@GetMapping(path = Paths.MACHINES, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
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

	@GetMapping(path = Paths.HISTORY, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "getHistory", summary = "The last 15 minutes of a machine",
			description = "CPU time and operations of its IOThreads. A sample is taken of readings that are made anyway, "
					+ "every 5 s at most; the service asks no machine for it, and keeps it in memory only.")
	@Problems(Problem.MACHINE_NOT_FOUND)
	ResponseEntity<HistoryInfo> history(@PathVariable String machine,
			@Parameter(description = "Only samples after this time, in seconds since 1970",
					example = "1795420089") @RequestParam(name = "since", defaultValue = "0") long since) {
		Instant now = Instant.now();
		History.Recent recent = this.service.history(machine).since(since, now);
		List<Long> times = recent.times();
		return SnapshotResponse.of(times.isEmpty() ? now : Instant.ofEpochSecond(times.get(times.size() - 1)),
				HistoryInfo.of(machine, recent));
	}

	@GetMapping(path = Paths.ADVICE, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "getAdvice", summary = "What could be changed about a machine's IOThreads",
			description = "From its last 15 minutes, in sentences with their figures. Where figures are missing, or the machine "
					+ "is as it is now for less than 5 minutes, reason says so. Nothing is done by itself.")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE, Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<AdviceInfo> advice(@PathVariable String machine) {
		Snapshot snapshot = this.service.snapshot(machine);
		return SnapshotResponse.of(snapshot.observedAt(),
				AdviceInfo.of(machine,
						this.adviser.examine(machine, snapshot, this.service.history(machine).means(),
								this.service.isChangeable(machine)
										? ServletUriComponentsBuilder.fromCurrentContextPath().build().toUri()
										: null)));
	}

}
