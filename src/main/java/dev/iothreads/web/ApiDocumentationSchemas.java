package dev.iothreads.web;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;

import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.ObjectId;
import dev.iothreads.web.ApiDocumentationProblems.Endpoint;
import dev.iothreads.web.api.MachineInfo;
import dev.iothreads.web.api.Paths;
import dev.iothreads.web.api.RequestBodies;
import dev.iothreads.web.problem.RequestId;
import io.swagger.v3.oas.models.Components;
import io.swagger.v3.oas.models.PathItem.HttpMethod;
import io.swagger.v3.oas.models.SpecVersion;
import io.swagger.v3.oas.models.media.Schema;

/**
 * The schemas of the OpenAPI document that no record tells.
 */
final class ApiDocumentationSchemas {

	static final String PROBLEM = "ProblemDetail";

	private static final String NEW_IOTHREAD = "NewIOThread";

	private static final String SETTINGS = "IOThreadSettings";

	private static final String NEW_DEVICE = "NewDevice";

	private static final String NEW_DEVICE_HERE = "NewDeviceOnIOThread";

	private ApiDocumentationSchemas() {
	}

	static void addTo(Components components) {
		// What springdoc makes of a body that is read member by member.
		components.getSchemas().remove("JsonNode");
		components.addSchemas(PROBLEM, problem());
		Schema<?> shown = Objects.requireNonNull(components.getSchemas().get("IOThreadInfo"));
		Schema<Object> added = settings("An IOThread to be added; a setting that is absent gets QEMU's default", shown);
		added.addProperty("id", id());
		added.setRequired(List.of("id"));
		components.addSchemas(NEW_IOTHREAD, added);
		components.addSchemas(SETTINGS, settings("What to change; the rest stays as it is", shown));
		components.addSchemas(NEW_DEVICE, newDevice(true));
		components.addSchemas(NEW_DEVICE_HERE, newDevice(false));
	}

	/**
	 * Finds the schema of an operation's body.
	 * @param endpoint an operation that has a body
	 * @return a reference to the schema
	 */
	static Schema<?> requestOf(Endpoint endpoint) {
		if (endpoint.method() == HttpMethod.PATCH) {
			return reference(SETTINGS);
		}
		if (endpoint.is(HttpMethod.POST, Paths.IOTHREADS)) {
			return reference(NEW_IOTHREAD);
		}
		return reference(endpoint.is(HttpMethod.POST, Paths.DEVICES) ? NEW_DEVICE : NEW_DEVICE_HERE);
	}

	private static Schema<Object> settings(String description, Schema<?> iothread) {
		Schema<Object> settings = closed(description);
		for (IOThreadProperty property : IOThreadProperty.values()) {
			Schema<?> shown = Objects.requireNonNull(iothread.getProperties().get(property.qemuName()));
			settings.addProperty(property.qemuName(),
					schema("integer", shown.getDescription()).format("int64")
						.minimum(BigDecimal.valueOf(property.min()))
						.maximum(BigDecimal.valueOf(property.max())));
		}
		return settings;
	}

	private static Schema<?> newDevice(boolean choosesIOThreads) {
		Schema<Object> device = closed("A device to be attached");
		device.setRequired(List.of("id"));
		device.addProperty("id", id());
		Schema<Object> driver = schema("string", "Its driver; the configuration says which may be attached");
		driver.setDefault(RequestBodies.DEFAULT_DRIVER);
		device.addProperty("driver", driver);
		device.addProperty("drive", schema("string", "The block node it is to serve, where it serves one"));
		device.addProperty("bus", schema("string", "The bus it goes on; absent for whichever has room"));
		if (choosesIOThreads) {
			Schema<Object> iothreads = schema("array",
					"The IOThreads its virtqueues go round; absent for the least loaded one");
			iothreads.items(of("string")).minItems(1).uniqueItems(true);
			device.addProperty("iothreads", iothreads);
		}
		Schema<Object> properties = closed("Further properties, by QEMU's names");
		for (DeviceProperty property : DeviceProperty.values()) {
			// What is none of the possible values is told which are.
			properties.addProperty(property.qemuName(),
					new Schema<>(SpecVersion.V31).description(property.check(properties)));
		}
		device.addProperty("properties", properties);
		return device;
	}

	private static Schema<?> id() {
		return schema("string", "The id it is to have").pattern("^" + ObjectId.PATTERN + "$");
	}

	// A member that is not known is an error.
	private static Schema<Object> closed(String description) {
		Schema<Object> schema = schema("object", description);
		schema.setAdditionalProperties(false);
		return schema;
	}

	private static Schema<?> problem() {
		Schema<?> violation = schema("object", "One thing that is wrong")
			.addProperty("field", schema("string", "The member of the request, empty for the request as a whole"))
			.addProperty("message", schema("string", "What is wrong with it, and what to do"));
		Schema<Object> state = schema("string", "What state the machine is in, when it cannot be asked");
		state.setEnum(Arrays.stream(MachineState.values())
			.filter((value) -> value != MachineState.UP)
			.<Object>map(MachineInfo::wire)
			.toList());
		Schema<Object> problem = schema("object", "What went wrong, and what to do (RFC 9457)");
		problem.setRequired(List.of("type", "title", "status", "detail"));
		problem.addProperty("type", schema("string", "The kind of problem: programs look at this").format("uri"));
		problem.addProperty("title", schema("string", "The kind of problem, for people"));
		problem.addProperty("status", schema("integer", "The HTTP status").format("int32"));
		problem.addProperty("detail", schema("string", "What happened this time, and what to do"));
		problem.addProperty("instance", schema("string", "What was asked for").format("uri-reference"));
		problem.addProperty(RequestId.NAME, schema("string", "Names the request in the log of the service"));
		problem.addProperty("machine-state", state);
		problem.addProperty("qemu-class", schema("string", "QEMU's class of error, when QEMU refused"));
		problem.addProperty("attached-devices", schema("array", "What runs on the IOThread, when that is in the way")
			.items(reference("AttachedDevice")));
		problem.addProperty("errors", schema("array", "Everything that is wrong with the request").items(violation));
		return problem;
	}

	static Schema<?> reference(String schema) {
		return new Schema<>(SpecVersion.V31).$ref("#/components/schemas/" + schema);
	}

	static Schema<Object> of(String type) {
		Schema<Object> schema = new Schema<>(SpecVersion.V31);
		schema.setTypes(Set.of(type));
		return schema;
	}

	private static Schema<Object> schema(String type, String description) {
		Schema<Object> schema = of(type);
		schema.setDescription(description);
		return schema;
	}

}
