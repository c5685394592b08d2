package dev.iothreads.web;

import java.util.List;

import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.machine.Snapshot;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;

import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/**
 * The devices that can run on an IOThread.
 */
@RestController
@Tag(name = "Devices", description = "The devices that can run on an IOThread")
class DeviceController {

	private final IOThreadService service;

	DeviceController(IOThreadService service) {
		this.service = service;
	}

	@GetMapping(path = Paths.DEVICES, produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "listDevices", summary = "Every device of a machine that can run on an IOThread",
			description = "Sorted by QOM path, with the IOThreads each runs on. Without any it runs in QEMU's main loop.")
	ResponseEntity<List<DeviceInfo>> list(@PathVariable String machine) {
		Snapshot snapshot = this.service.snapshot(machine);
		return Fresh.observed(snapshot.observedAt(), DeviceInfo.of(machine, snapshot.devices()));
	}

	@GetMapping(path = Paths.DEVICES + "/{device}", produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "getDevice", summary = "One device")
	ResponseEntity<DeviceInfo> get(@PathVariable String machine, @PathVariable String device) {
		Snapshot snapshot = this.service.snapshot(machine);
		return Fresh.observed(snapshot.observedAt(),
				DeviceInfo.of(machine, this.service.device(snapshot, machine, device)));
	}

}
