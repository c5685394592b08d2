package dev.iothreads.web.api;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.InvalidRequestException.Violation;
import dev.iothreads.machine.NewDevice;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads what a change is asked for with, member by member, so that all that is wrong is
 * said at once, and a member that is not known is not passed over in silence.
 */
public final class RequestBodies {

	public static final String DEFAULT_DRIVER = "virtio-blk-pci";

	private final JsonNode body;

	private final Set<String> unread = new TreeSet<>();

	private final List<Violation> violations = new ArrayList<>();

	private RequestBodies(JsonNode body) {
		if (!body.isObject()) {
			throw new InvalidRequestException("", "The body must be a JSON object.");
		}
		this.body = body;
		this.unread.addAll(body.propertyNames());
	}

	/**
	 * Reads the request for a new IOThread.
	 * @param body the body
	 * @return its id and settings
	 * @throws InvalidRequestException when there is something wrong with it
	 */
	static NewIOThread newIOThread(JsonNode body) {
		RequestBodies reader = new RequestBodies(body);
		String id = reader.requiredText("id");
		IOThreadSettings settings = reader.settings();
		reader.finish();
		return new NewIOThread(id, settings);
	}

	/**
	 * Reads the change of an IOThread's settings.
	 * @param body the body
	 * @return the settings to change
	 * @throws InvalidRequestException when there is something wrong with it
	 */
	static IOThreadSettings tuning(JsonNode body) {
		RequestBodies reader = new RequestBodies(body);
		IOThreadSettings settings = reader.settings();
		reader.finish();
		return settings;
	}

	/**
	 * Reads the request for a new device.
	 * @param body the body
	 * @param iothread the IOThread that the request is addressed to, {@code null} when
	 * the body may name some
	 * @return the device
	 * @throws InvalidRequestException when there is something wrong with it
	 */
	static NewDevice newDevice(JsonNode body, @Nullable String iothread) {
		RequestBodies reader = new RequestBodies(body);
		String id = reader.requiredText("id");
		String driver = reader.text("driver");
		List<String> iothreads = (iothread != null) ? List.of(iothread) : reader.iothreads();
		String drive = reader.text("drive");
		String bus = reader.text("bus");
		Map<DeviceProperty, Object> properties = reader.properties();
		reader.finish();
		return new NewDevice(id, (driver != null) ? driver : DEFAULT_DRIVER, iothreads, drive, bus, properties);
	}

	private String requiredText(String name) {
		String value = text(name);
		if (value == null && !this.body.has(name)) {
			this.violations.add(new Violation(name, "It is missing."));
		}
		return (value != null) ? value : "";
	}

	private @Nullable String text(String name) {
		JsonNode value = take(name);
		if (value == null || (value.isString() && !value.asString().isEmpty())) {
			return (value != null) ? value.asString() : null;
		}
		this.violations.add(new Violation(name, "It must be a text that is not empty."));
		return null;
	}

	private IOThreadSettings settings() {
		Map<IOThreadProperty, Long> values = new EnumMap<>(IOThreadProperty.class);
		for (IOThreadProperty property : IOThreadProperty.values()) {
			JsonNode value = take(property.qemuName());
			if (value == null) {
				continue;
			}
			if (value.isIntegralNumber() && value.canConvertToLong()) {
				values.put(property, value.asLong());
			}
			else {
				this.violations.add(new Violation(property.qemuName(),
						"It must be a whole number from %d to %d.".formatted(property.min(), property.max())));
			}
		}
		return new IOThreadSettings(values);
	}

	private List<String> iothreads() {
		JsonNode value = take("iothreads");
		if (value == null) {
			return List.of();
		}
		List<String> iothreads = new ArrayList<>();
		if (value.isArray() && !value.isEmpty()) {
			value.forEach((element) -> iothreads.add(element.isString() ? element.asString() : ""));
		}
		if (iothreads.isEmpty() || iothreads.contains("")) {
			this.violations.add(new Violation("iothreads",
					"It must be a list of IOThread ids, one at least. Leave it out for the least loaded one."));
		}
		return iothreads;
	}

	private Map<DeviceProperty, Object> properties() {
		Map<DeviceProperty, Object> properties = new EnumMap<>(DeviceProperty.class);
		JsonNode value = take("properties");
		if (value == null) {
			return properties;
		}
		if (!value.isObject()) {
			this.violations.add(new Violation("properties", "It must be a JSON object."));
			return properties;
		}
		value.properties().forEach((member) -> {
			Optional<DeviceProperty> property = DeviceProperty.named(member.getKey());
			if (property.isPresent()) {
				properties.put(property.get(), plain(member.getValue()));
			}
			else {
				this.violations.add(new Violation("properties." + member.getKey(),
						"It may not be given. These may: %s.".formatted(DeviceProperty.names())));
			}
		});
		return properties;
	}

	// What is none of these is left for the property's own rule to refuse.
	private static Object plain(JsonNode value) {
		if (value.isBoolean()) {
			return value.asBoolean();
		}
		if (value.isIntegralNumber() && value.canConvertToLong()) {
			return value.asLong();
		}
		return value.isString() ? value.asString() : value;
	}

	// A member that is null is as wrong as any other value of another type.
	private @Nullable JsonNode take(String name) {
		this.unread.remove(name);
		return this.body.get(name);
	}

	private void finish() {
		this.unread.forEach((name) -> this.violations.add(new Violation(name, "It is not known here. Leave it out.")));
		if (!this.violations.isEmpty()) {
			throw new InvalidRequestException(this.violations);
		}
	}

	/**
	 * The request for a new IOThread.
	 *
	 * @param id the id it is to have
	 * @param settings the properties to give it
	 */
	record NewIOThread(String id, IOThreadSettings settings) {

	}

}
