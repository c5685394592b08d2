package dev.iothreads.web.openapi;

import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import java.util.Set;

import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.IOThreadProperty;
import io.swagger.v3.oas.models.Components;
import io.swagger.v3.oas.models.SpecVersion;
import io.swagger.v3.oas.models.media.Schema;

/**
 * Completes the schemas of the requests that change something by the settings of
 * IOThreads and the properties of devices, with the ranges that are checked.
 */
final class ChangeSchemas {

	private ChangeSchemas() {
	}

	static void complete(Components components) {
		// springdoc adds it for the parameter of a body.
		components.getSchemas().remove("JsonNode");
		Schema<?> shown = schema(components, "IOThreadInfo");
		for (String name : List.of("NewIOThread", "IOThreadSettings")) {
			for (IOThreadProperty property : IOThreadProperty.values()) {
				Schema<?> setting = property(shown, property.qemuName());
				schema(components, name).addProperty(property.qemuName(),
						of("integer").description(setting.getDescription())
							.format("int64")
							.minimum(BigDecimal.valueOf(property.min()))
							.maximum(BigDecimal.valueOf(property.max())));
			}
		}
		for (String name : List.of("NewDevice", "NewDeviceOnIOThread")) {
			Schema<?> device = schema(components, name);
			Schema<?> properties = property(device, "properties");
			for (DeviceProperty property : DeviceProperty.values()) {
				// The check of a value that cannot be right names the possible ones.
				properties.addProperty(property.qemuName(),
						new Schema<>(SpecVersion.V31).description(property.check(device)));
			}
		}
	}

	private static Schema<?> schema(Components components, String name) {
		return Objects.requireNonNull(components.getSchemas().get(name));
	}

	private static Schema<?> property(Schema<?> schema, String name) {
		return (Schema<?>) Objects.requireNonNull(schema.getProperties().get(name));
	}

	static Schema<?> reference(String schema) {
		return new Schema<>(SpecVersion.V31).$ref("#/components/schemas/" + schema);
	}

	static Schema<?> of(String type) {
		Schema<?> schema = new Schema<>(SpecVersion.V31);
		schema.setTypes(Set.of(type));
		return schema;
	}

}
