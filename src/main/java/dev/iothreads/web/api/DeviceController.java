package dev.iothreads.web.api;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.inventory.ChangeService;
import dev.iothreads.inventory.Detachment;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.web.problem.ChangeEvent;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.media.Content;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

import org.springframework.context.ApplicationEventPublisher;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
@Tag(name = "Devices", description = "The devices that can run on an IOThread")
class DeviceController {

	private final IOThreadService service;

	private final ChangeService changes;

	private final FleetResponses fleet;

	private final ApplicationEventPublisher events;

	DeviceController(IOThreadService service, ChangeService changes, FleetResponses fleet,
			ApplicationEventPublisher events) {
		this.events = events;
		this.service = service;
		this.fleet = fleet;
		this.changes = changes;
	}

	@GetMapping(path = Paths.ALL_DEVICES, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listAllDevices", summary = "Every device of every machine",
			description = "Sorted by machine and QOM path. Machines that do not answer are left out, and named in the header "
					+ FleetResponses.UNAVAILABLE + ".")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.TOO_BUSY })
	ResponseEntity<Collection<DeviceInfo>> listAll(
			@Parameter(description = "Only this machine's; may be given more than once") @RequestParam(name = "machine",
					required = false) @Nullable List<String> machines) {
		return this.fleet.of(machines, (machine, snapshot) -> DeviceInfo.of(machine, snapshot.devices()));
	}

	@GetMapping(path = Paths.ATTACHABLE, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "getAttachable", summary = "What a device could be attached with",
			description = "The drivers that may be attached, the block nodes and buses of the machine that are free at "
					+ "this moment, and the files that may be attached as images. Others may work: a block node can be shared.")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE, Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<AttachableInfo> attachable(@PathVariable String machine) {
		Attachable attachable = this.changes.attachable(machine);
		return SnapshotResponse.of(attachable.observedAt(), AttachableInfo.of(machine, this.changes.drivers(),
				attachable, this.changes.images(), this.changes.imagesInUse()));
	}

	@GetMapping(path = Paths.DEVICES, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listDevices", summary = "Every device of a machine that can run on an IOThread",
			description = "Sorted by QOM path, with the IOThreads each runs on. Without any it runs in QEMU's main loop.")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE, Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<List<DeviceInfo>> list(@PathVariable String machine) {
		Snapshot snapshot = this.service.snapshot(machine);
		return SnapshotResponse.of(snapshot.observedAt(), DeviceInfo.of(machine, snapshot.devices()));
	}

	@GetMapping(path = Paths.DEVICES + "/{device}", produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "getDevice", summary = "One device",
			description = "By its id, or by its place among those without one (device[0]).")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.DEVICE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<DeviceInfo> get(@PathVariable String machine, @PathVariable String device) {
		Snapshot snapshot = this.service.snapshot(machine);
		return SnapshotResponse.of(snapshot.observedAt(), info(machine, snapshot, device));
	}

	@PostMapping(path = Paths.DEVICES, consumes = MediaType.APPLICATION_JSON_VALUE,
			produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "attachDevice", summary = "Attach a device",
			description = "Plugs the device into the running machine. iothreads names the IOThread it is to run on, or several "
					+ "for its virtqueues to be spread over; without it the IOThread with the fewest devices is taken. A scsi-hd goes "
					+ "to the controller whose bus it names, and the answer is that controller.")
	@ApiResponse(responseCode = "201", description = "It is there", useReturnTypeSchema = true)
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR, Problem.MANAGED_BY_LIBVIRT, Problem.MANAGED_BY_PROXMOX,
			Problem.INVALID_REQUEST, Problem.NOT_SUPPORTED, Problem.DEVICE_EXISTS, Problem.NODE_IN_USE,
			Problem.DEVICE_DETACHING, Problem.MACHINE_MIGRATING, Problem.DEVICE_GONE, Problem.NO_FREE_PORT })
	ResponseEntity<DeviceInfo> attach(@PathVariable String machine,
			@Schema(ref = "NewDevice") @RequestBody JsonNode body) {
		RequestBodies.Attachment asked = RequestBodies.newDevice(body, null);
		ChangeService.Changed after = this.changes.persisting(asked.persist()).attach(machine, asked.device());
		return answered(ResponseEntity.created(Paths.to(Paths.DEVICES + "/{device}", machine, after.id()))
			.body(info(machine, after.snapshot(), after.id())), null);
	}

	@DeleteMapping(path = Paths.DEVICES + "/{device}", produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "detachDevice", summary = "Detach a device from all its IOThreads",
			description = "Asks the guest to let go of the device, and waits for it. 204 says that it is detached, 202 that the "
					+ "guest has yet to let go. A disk of a SCSI controller is detached by its own id; 202 then shows the controller, which lists the disk until it has gone.")
	@ApiResponse(responseCode = "202", description = "The guest has yet to release it", useReturnTypeSchema = true)
	@ApiResponse(responseCode = "204", description = "It is detached", content = @Content)
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.DEVICE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR, Problem.MANAGED_BY_LIBVIRT, Problem.MANAGED_BY_PROXMOX,
			Problem.INVALID_REQUEST, Problem.MACHINE_MIGRATING, Problem.UNPLUG_REFUSED })
	ResponseEntity<DeviceInfo> detach(@PathVariable String machine, @PathVariable String device,
			@RequestHeader(name = "Prefer", required = false) @Nullable String prefer,
			@Parameter(
					description = "true unplugs it even where nothing tells whether QEMU survives that") @RequestParam(
							defaultValue = "false") boolean force,
			@Parameter(description = IOThreadController.PERSIST) @RequestParam(name = "persist",
					defaultValue = "true") boolean persist) {
		Prefer preference = Prefer.of(prefer);
		Detachment detachment = this.changes.persisting(persist).detach(machine, device, preference.duration(), force);
		if (detachment.gone()) {
			return answered(preference.applyTo(ResponseEntity.status(HttpStatus.NO_CONTENT)).build(), null);
		}
		Device runner = detachment.snapshot().runnerOf(device).orElseThrow();
		return answered(preference
			.applyTo(ResponseEntity.accepted().location(Paths.to(Paths.DEVICES + "/{device}", machine, runner.id())))
			.body(DeviceInfo.of(machine, runner)), detachment.departure());
	}

	private <T> ResponseEntity<T> answered(ResponseEntity<T> answer, @Nullable CompletableFuture<?> departure) {
		this.events.publishEvent(ChangeEvent.of(answer, departure));
		return answer;
	}

	private DeviceInfo info(String machine, Snapshot snapshot, String device) {
		return DeviceInfo.of(machine, this.service.device(snapshot, machine, device));
	}

}
