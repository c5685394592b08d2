package dev.iothreads.web.api;

import java.net.InetAddress;
import java.net.UnknownHostException;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.web.problem.Problems;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.info.BuildProperties;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@Tag(name = "Service", description = "This service itself")
class ServiceController {

	private final @Nullable String version;

	private final @Nullable String host;

	ServiceController(ObjectProvider<BuildProperties> build) {
		BuildProperties properties = build.getIfAvailable();
		this.version = (properties != null) ? properties.getVersion() : null;
		this.host = host();
	}

	@GetMapping(path = Paths.SERVICE, produces = MediaType.APPLICATION_JSON_VALUE)
	@Operation(operationId = "getService", summary = "Where this service runs, and what the client may do",
			description = "For a client that offers its user only what is allowed.")
	@Problems({})
	ResponseEntity<ServiceInfo> get() {
		// A request says nothing of the role that a client without credentials has.
		Authentication client = SecurityContextHolder.getContext().getAuthentication();
		boolean operator = client != null && client.getAuthorities()
			.stream()
			.anyMatch((authority) -> "ROLE_OPERATOR".equals(authority.getAuthority()));
		return SnapshotResponse.of(null, new ServiceInfo(this.host, this.version, operator ? "operator" : "viewer"));
	}

	private static @Nullable String host() {
		try {
			return InetAddress.getLocalHost().getHostName();
		}
		catch (UnknownHostException ex) {
			return System.getenv("HOSTNAME");
		}
	}

	@Schema(description = "The service that answers")
	@JsonInclude(JsonInclude.Include.NON_NULL)
	record ServiceInfo(
			@JsonProperty("host") @Schema(description = "The name of the host, or of the container, that it runs on; "
					+ "absent when that has none") @Nullable String host,
			@JsonProperty("version") @Schema(
					description = "Its version; absent when it was not built by Maven") @Nullable String version,
			@JsonProperty("role") @Schema(description = "What the client that asks may do", allowableValues = {
					"viewer", "operator" }) String role){

	}

}
