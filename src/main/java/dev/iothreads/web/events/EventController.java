package dev.iothreads.web.events;

import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.Set;

import dev.iothreads.inventory.IOThreadService;
import dev.iothreads.security.Credentials;
import dev.iothreads.web.api.DeviceInfo;
import dev.iothreads.web.api.IOThreadInfo;
import dev.iothreads.web.api.MachineInfo;
import dev.iothreads.web.api.Paths;
import dev.iothreads.web.problem.Problem;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.media.Content;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

import org.springframework.http.CacheControl;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter;

@RestController
@Tag(name = "Events", description = "What changes, as it changes")
class EventController {

	private static final String LAST_EVENT_ID = "Last-Event-ID";

	private static final MediaType STREAM = new MediaType(MediaType.TEXT_EVENT_STREAM, StandardCharsets.UTF_8);

	// An id that no event has, so that the answer begins with resync.
	private static final Long UNKNOWN = -1L;

	private static final String DESCRIPTION = """
			Server-sent events, as a browser's `EventSource` reads them. Each has an `id`, and ids grow; its `event` is one of

			| event | data | |
			|---|---|---|
			| `machine-up`, `machine-down` | MachineInfo | it answers, or does not any more |
			| `machine-changed` | MachineInfo | its `run-state` is another, or its process, or the state of its `balance` |
			| `iothread-added`, `iothread-removed` | IOThreadInfo | one that comes back under its id is another |
			| `iothread-changed` | IOThreadInfo | it was tuned, or something else is attached to it |
			| `device-attached`, `device-detached` | DeviceInfo | |
			| `device-changed` | DeviceInfo | it is `detaching` now, or `orphaned` |
			| `resync` | `detail` | what happened before it is no longer known: read the lists again |

			A change is sent as soon as the service has read the machine, whether a client of the service or another made it. \
			What a machine that is down has is unknown: when it is up again, the changes since then are sent.

			To miss nothing, open the stream first and read the lists after. With `Last-Event-ID` the stream goes on after \
			that event, as long as it is among the latest 10 000 (4 MB of them); otherwise it begins with `resync`. So it does for an id \
			from before a restart of the service, and for a reader that does not keep up. A comment every 15 seconds keeps \
			the connection alive. The stream ends within 30 seconds of when the credentials of its client are removed or expire.
			""";

	private final EventStream stream;

	private final IOThreadService service;

	private final Credentials credentials;

	EventController(EventStream stream, IOThreadService service, Credentials credentials) {
		this.stream = stream;
		this.service = service;
		this.credentials = credentials;
	}

	@GetMapping(path = Paths.EVENTS, produces = MediaType.TEXT_EVENT_STREAM_VALUE)
	@Operation(operationId = "streamEvents", summary = "What changes, as it changes", description = DESCRIPTION,
			responses = @ApiResponse(responseCode = "200", description = "The stream, which does not end by itself",
					content = @Content(mediaType = MediaType.TEXT_EVENT_STREAM_VALUE,
							schema = @Schema(type = "string"))))
	@Problems({ Problem.MACHINE_NOT_FOUND, Problem.TOO_MANY_READERS })
	ResponseEntity<ResponseBodyEmitter> stream(
			@Parameter(description = "Only this machine's; may be given more than once") @RequestParam(name = "machine",
					required = false) @Nullable Set<String> machines,
			@Parameter(description = "The id of the last event that was read") @RequestHeader(name = LAST_EVENT_ID,
					required = false) @Nullable String lastEventId,
			@Parameter(hidden = true) HttpMethod method, @Nullable Principal client) {
		if (machines != null) {
			machines.forEach(this.service::require);
		}
		ResponseEntity.BodyBuilder answer = ResponseEntity.ok()
			.contentType(STREAM)
			.cacheControl(CacheControl.noStore())
			// nginx would keep events back until it has a bufferful.
			.header("X-Accel-Buffering", "no");
		return (method == HttpMethod.HEAD) ? answer.build() : answer.body(this.stream.open(id(lastEventId),
				(machine) -> machines == null || machines.contains(machine), () -> this.credentials.hold(client)));
	}

	private static @Nullable Long id(@Nullable String lastEventId) {
		if (lastEventId == null || lastEventId.isBlank()) {
			return null;
		}
		try {
			return Long.valueOf(lastEventId.strip());
		}
		catch (NumberFormatException ex) {
			return UNKNOWN;
		}
	}

}
