package dev.iothreads.web.api;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;

import dev.iothreads.inventory.ChangeService;
import dev.iothreads.inventory.Detachment;
import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.web.problem.ChangeEvent;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.headers.Header;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

import org.springframework.context.ApplicationEventPublisher;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
@Tag(name = "IOThreads", description = "The IOThreads, and what runs on each")
class IOThreadController {

	private static final String FORCE = "true removes it although a block export may run on it. If one does, its client "
			+ "loses the disk, and QEMU 7.2 aborts.";

	static final String PERSIST = "Whether libvirt's definition of the machine is changed as well, where there is one";

	private static final String MERGE_PATCH = "application/merge-patch+json";

	private final IOThreadService service;

	private final ChangeService changes;

	private final EntityTags entityTags;

	private final FleetResponses fleet;

	private final ApplicationEventPublisher events;

	IOThreadController(IOThreadService service, ChangeService changes, EntityTags entityTags, FleetResponses fleet,
			ApplicationEventPublisher events) {
		this.events = events;
		this.service = service;
		this.changes = changes;
		this.entityTags = entityTags;
		this.fleet = fleet;
	}

	@GetMapping(path = Paths.ALL_IOTHREADS, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listAllIOThreads", summary = "Every IOThread of every machine",
			description = "Sorted by machine and id. Machines that do not answer are left out, and named in the header "
					+ FleetResponses.UNAVAILABLE + ".")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.TOO_BUSY })
	ResponseEntity<Collection<IOThreadInfo>> listAll(
			@Parameter(description = "Only this machine's; may be given more than once") @RequestParam(name = "machine",
					required = false) @Nullable List<String> machines) {
		return this.fleet.of(machines, IOThreadInfo::of);
	}

	@GetMapping(path = Paths.IOTHREADS, produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listIOThreads", summary = "The IOThreads of a machine, sorted by id",
			description = "As text/plain it is what QEMU's own info iothreads prints, with attached-cnt and attached-dev.")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE, Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<List<IOThreadInfo>> list(@PathVariable String machine) {
		Snapshot snapshot = this.service.snapshot(machine);
		return SnapshotResponse.of(snapshot.observedAt(), IOThreadInfo.of(machine, snapshot));
	}

	@GetMapping(path = Paths.IOTHREADS + "/{id}",
			produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "getIOThread", summary = "One IOThread")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<IOThreadInfo> get(@PathVariable String machine, @PathVariable String id) {
		Snapshot snapshot = this.service.snapshot(machine);
		return SnapshotResponse.of(snapshot.observedAt(), info(machine, snapshot, id));
	}

	@GetMapping(path = Paths.IOTHREADS + "/{id}/devices",
			produces = { MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE })
	@Operation(operationId = "listDevicesOfIOThread", summary = "The devices that run on an IOThread")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR })
	ResponseEntity<List<DeviceInfo>> devices(@PathVariable String machine, @PathVariable String id) {
		Snapshot snapshot = this.service.snapshot(machine);
		return SnapshotResponse.of(snapshot.observedAt(),
				DeviceInfo.of(machine, this.service.devicesOf(snapshot, machine, id)));
	}

	@PostMapping(path = Paths.IOTHREADS, consumes = MediaType.APPLICATION_JSON_VALUE,
			produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "addIOThread", summary = "Add an IOThread",
			description = "Nothing is needed. Without id it is iothread and the next number that is free; the settings that "
					+ "are not given get QEMU's defaults.")
	@ApiResponse(responseCode = "201", description = "It is there", useReturnTypeSchema = true,
			headers = @Header(name = HttpHeaders.ETAG, ref = "#/components/headers/ETag"))
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.MACHINE_UNAVAILABLE, Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR,
			Problem.MANAGED_BY_LIBVIRT, Problem.MANAGED_BY_PROXMOX, Problem.INVALID_REQUEST, Problem.NOT_SUPPORTED,
			Problem.IOTHREAD_EXISTS })
	ResponseEntity<IOThreadInfo> add(@PathVariable String machine,
			@Schema(ref = "NewIOThread") @RequestBody JsonNode body) {
		RequestBodies.NewIOThread added = RequestBodies.newIOThread(body);
		ChangeService.Changed after = this.changes.persisting(added.persist())
			.add(machine, added.id(), added.settings());
		IOThreadInfo info = info(machine, after.snapshot(), after.id());
		return answered(ResponseEntity.created(Paths.to(Paths.IOTHREADS + "/{id}", machine, after.id()))
			.eTag(this.entityTags.of(info))
			.body(info), null);
	}

	@PatchMapping(path = Paths.IOTHREADS + "/{id}", consumes = { MERGE_PATCH, MediaType.APPLICATION_JSON_VALUE },
			produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "tuneIOThread", summary = "Tune an IOThread while it runs",
			description = "All the settings that are given are changed, or none.")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR, Problem.MANAGED_BY_LIBVIRT, Problem.MANAGED_BY_PROXMOX,
			Problem.INVALID_REQUEST, Problem.NOT_SUPPORTED, Problem.PRECONDITION_FAILED })
	ResponseEntity<IOThreadInfo> tune(@PathVariable String machine, @PathVariable String id,
			@RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch,
			@Schema(ref = "IOThreadSettings") @RequestBody JsonNode body) {
		RequestBodies.Tuning tuning = RequestBodies.tuning(body);
		ChangeService service = this.changes.persisting(tuning.persist());
		Predicate<IOThread> precondition = this.entityTags.match(ifMatch, machine);
		Snapshot after = (tuning.cpus() != null) ? service.pin(machine, id, tuning.cpus(), precondition)
				: service.tune(machine, id, tuning.settings(), precondition);
		IOThreadInfo info = info(machine, after, id);
		ResponseEntity<IOThreadInfo> answer = SnapshotResponse.of(after.observedAt(), info);
		return answered(ResponseEntity.ok().headers(answer.getHeaders()).eTag(this.entityTags.of(info)).body(info),
				null);
	}

	@DeleteMapping(Paths.IOTHREADS + "/{id}")
	@Operation(operationId = "removeIOThread", summary = "Remove an IOThread that nothing uses",
			description = "One that is in use stays; the problem names what runs on it.")
	@ApiResponse(responseCode = "204", description = "It is removed")
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR, Problem.MANAGED_BY_LIBVIRT, Problem.MANAGED_BY_PROXMOX,
			Problem.IOTHREAD_IN_USE, Problem.PRECONDITION_FAILED })
	ResponseEntity<Void> remove(@PathVariable String machine, @PathVariable String id,
			@Parameter(description = PERSIST) @RequestParam(name = "persist", defaultValue = "true") boolean persist,
			@Parameter(description = FORCE) @RequestParam(name = "force", defaultValue = "false") boolean force,
			@RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
		this.changes.persisting(persist).remove(machine, id, force, this.entityTags.match(ifMatch, machine));
		return answered(ResponseEntity.noContent().build(), null);
	}

	@PostMapping(path = Paths.IOTHREADS + "/{id}/devices", consumes = MediaType.APPLICATION_JSON_VALUE,
			produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "attachToIOThread", summary = "Attach a device to an IOThread",
			description = "Plugs the device into the running machine. The answer is the IOThread as it is then.")
	@ApiResponse(responseCode = "201", description = "It is there", useReturnTypeSchema = true)
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.MACHINE_UNAVAILABLE,
			Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR, Problem.MANAGED_BY_LIBVIRT, Problem.MANAGED_BY_PROXMOX,
			Problem.INVALID_REQUEST, Problem.NOT_SUPPORTED, Problem.DEVICE_EXISTS, Problem.NODE_IN_USE,
			Problem.DEVICE_DETACHING, Problem.MACHINE_MIGRATING, Problem.DEVICE_GONE, Problem.NO_FREE_PORT })
	ResponseEntity<IOThreadInfo> attach(@PathVariable String machine, @PathVariable String id,
			@Schema(ref = "NewDeviceOnIOThread") @RequestBody JsonNode body) {
		RequestBodies.Attachment asked = RequestBodies.newDevice(body, id);
		ChangeService.Changed after = this.changes.persisting(asked.persist()).attach(machine, asked.device());
		return answered(ResponseEntity.created(Paths.to(Paths.DEVICES + "/{device}", machine, after.id()))
			.body(info(machine, after.snapshot(), id)), null);
	}

	@DeleteMapping(path = Paths.IOTHREADS + "/{id}/devices/{device}", produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "detachFromIOThread", summary = "Detach a device that runs on an IOThread",
			description = "Asks the guest to let go of the device, and waits for it. Either way the answer is the IOThread "
					+ "as it is then; 202 says that the guest has yet to let go.")
	@ApiResponse(responseCode = "200", description = "It is detached", useReturnTypeSchema = true)
	@ApiResponse(responseCode = "202", description = "The guest has yet to release it", useReturnTypeSchema = true)
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.IOTHREAD_NOT_FOUND, Problem.DEVICE_NOT_FOUND,
			Problem.MACHINE_UNAVAILABLE, Problem.MACHINE_TIMEOUT, Problem.QEMU_ERROR, Problem.MANAGED_BY_LIBVIRT,
			Problem.MANAGED_BY_PROXMOX, Problem.INVALID_REQUEST, Problem.MACHINE_MIGRATING, Problem.UNPLUG_REFUSED })
	ResponseEntity<IOThreadInfo> detach(@PathVariable String machine, @PathVariable String id,
			@PathVariable String device, @RequestHeader(name = "Prefer", required = false) @Nullable String prefer,
			@Parameter(
					description = "true unplugs it even where nothing tells whether QEMU survives that") @RequestParam(
							defaultValue = "false") boolean force,
			@Parameter(description = PERSIST) @RequestParam(name = "persist", defaultValue = "true") boolean persist) {
		Prefer preference = Prefer.of(prefer);
		Detachment detachment = this.changes.persisting(persist)
			.detach(machine, id, device, preference.duration(), force);
		ResponseEntity.BodyBuilder answer = detachment.gone() ? ResponseEntity.ok()
				: ResponseEntity.accepted().location(Paths.to(Paths.DEVICES + "/{device}", machine, device));
		return answered(preference.applyTo(answer).body(info(machine, detachment.snapshot(), id)),
				detachment.gone() ? null : detachment.departure());
	}

	private <T> ResponseEntity<T> answered(ResponseEntity<T> answer, @Nullable CompletableFuture<?> departure) {
		this.events.publishEvent(ChangeEvent.of(answer, departure));
		return answer;
	}

	private IOThreadInfo info(String machine, Snapshot snapshot, String id) {
		return IOThreadInfo.of(machine, this.service.iothread(snapshot, machine, id));
	}

}
