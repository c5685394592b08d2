package dev.iothreads.web;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;

import dev.iothreads.inventory.FleetView;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.machine.Snapshot;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/**
 * The IOThreads.
 */
@RestController
@Tag(name = "IOThreads", description = "The IOThreads, and what runs on each")
class IOThreadController {

	static final String UNAVAILABLE = "Iothreads-Unavailable";

	private final IOThreadService service;

	IOThreadController(IOThreadService service) {
		this.service = service;
	}

	@GetMapping(path = Paths.ALL_IOTHREADS, produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "listAllIOThreads", summary = "Every IOThread of every machine",
			description = "Sorted by machine and id. Machines that do not answer are left out, and named in the header "
					+ UNAVAILABLE + ".")
	ResponseEntity<List<IOThreadInfo>> listAll(
			@Parameter(description = "Only this machine's; may be given more than once") @RequestParam(name = "machine",
					required = false) @Nullable List<String> machines) {
		FleetView fleet = (machines != null) ? this.service.fleet(machines) : this.service.fleet();
		List<IOThreadInfo> iothreads = fleet.snapshots()
			.entrySet()
			.stream()
			.flatMap((machine) -> IOThreadInfo.of(machine.getKey(), machine.getValue()).stream())
			.toList();
		Instant oldest = fleet.snapshots()
			.values()
			.stream()
			.map(Snapshot::observedAt)
			.min(Comparator.naturalOrder())
			.orElse(null);
		ResponseEntity<List<IOThreadInfo>> answer = Fresh.observed(oldest, iothreads);
		if (fleet.unavailable().isEmpty()) {
			return answer;
		}
		return ResponseEntity.ok()
			.headers(answer.getHeaders())
			.header(UNAVAILABLE, String.join(", ", fleet.unavailable()))
			.body(iothreads);
	}

	@GetMapping(path = Paths.IOTHREADS, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listIOThreads", summary = "The IOThreads of a machine, sorted by id",
			description = "As text/plain it is what QEMU's own info iothreads prints, with attached-cnt and attached-dev.")
	ResponseEntity<List<IOThreadInfo>> list(@PathVariable String machine) {
		Snapshot snapshot = this.service.snapshot(machine);
		return Fresh.observed(snapshot.observedAt(), IOThreadInfo.of(machine, snapshot));
	}

	@GetMapping(path = Paths.IOTHREADS + "/{id}",
			produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "getIOThread", summary = "One IOThread")
	ResponseEntity<IOThreadInfo> get(@PathVariable String machine, @PathVariable String id) {
		Snapshot snapshot = this.service.snapshot(machine);
		return Fresh.observed(snapshot.observedAt(),
				IOThreadInfo.of(machine, this.service.iothread(snapshot, machine, id)));
	}

	@GetMapping(path = Paths.IOTHREADS + "/{id}/devices", produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "listDevicesOfIOThread", summary = "The devices that run on an IOThread")
	ResponseEntity<List<DeviceInfo>> devices(@PathVariable String machine, @PathVariable String id) {
		Snapshot snapshot = this.service.snapshot(machine);
		return Fresh.observed(snapshot.observedAt(),
				DeviceInfo.of(machine, this.service.devicesOf(snapshot, machine, id)));
	}

}
