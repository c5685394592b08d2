package dev.iothreads.web.api;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.ImageProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.InvalidRequestException.Violation;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NewImage;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.cfg.MutableCoercionConfig;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.type.LogicalType;

/**
 * Binds the body of a change to a record, and reports everything that is wrong with it in
 * one {@link InvalidRequestException}: members that are unknown, missing, empty or of the
 * wrong type. Ranges and ids are the service's to check.
 */
public final class RequestBodies {

	private static final String TEXT = "It must be a text that is not empty.";

	private static final JsonMapper STRICT = JsonMapper.builder()
		.disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
		.disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
		.withCoercionConfig(LogicalType.Textual, RequestBodies::refuseOthers)
		.withCoercionConfig(LogicalType.Integer, RequestBodies::refuseOthers)
		.withCoercionConfig(LogicalType.Boolean, RequestBodies::refuseOthers)
		.build();

	/** What each member of a body must be. */
	private static final Map<String, String> SETTINGS = settings();

	private static final String PERSIST = "persist";

	private static final String FILE = "file";

	private static final String READ_ONLY = "read-only";

	private static final String FLAG = "It must be true or false.";

	private static final Map<String, String> NEW_IOTHREAD = members(SETTINGS, Map.of("id", TEXT, PERSIST, FLAG));

	private static final Map<String, String> TUNING = members(SETTINGS,
			Map.of("cpus", "It must be a list of CPUs, such as 0-3,8.", PERSIST, FLAG));

	private static final Map<String, String> DEVICE_ON_IOTHREAD = Map.of("id", TEXT, "driver", TEXT, "drive", TEXT,
			"bus", TEXT, "properties", "It must be a JSON object.", "image",
			"It must be a JSON object with file and format.", "target", TEXT, PERSIST, FLAG);

	private static final Map<String, String> DEVICE = members(DEVICE_ON_IOTHREAD, Map.of("iothreads",
			"It must be a list of IOThread ids, one at least. Leave it out for the least loaded one."));

	private RequestBodies() {
	}

	static NewIOThread newIOThread(JsonNode body) {
		List<Violation> violations = new ArrayList<>();
		NewIOThreadBody read = read(body, NewIOThreadBody.class, NEW_IOTHREAD, violations);
		refuse(violations);
		return new NewIOThread(read.id(), settings(read.settings()), isPersistent(read.persist()));
	}

	static Tuning tuning(JsonNode body) {
		List<Violation> violations = new ArrayList<>();
		TuningBody read = read(body, TuningBody.class, TUNING, violations);
		if (read.cpus() != null && !orEmpty(read.settings()).isEmpty()) {
			violations.add(new Violation("cpus", "Change cpus in a request of its own."));
		}
		refuse(violations);
		return new Tuning(settings(read.settings()), read.cpus(), isPersistent(read.persist()));
	}

	private static boolean isPersistent(@Nullable Boolean given) {
		return given == null || given;
	}

	/**
	 * Reads the request for a new device.
	 * @param body the body
	 * @param iothread the IOThread in the path of the request, {@code null} when the body
	 * may name some
	 * @return the device
	 * @throws InvalidRequestException when a member is wrong
	 */
	static Attachment newDevice(JsonNode body, @Nullable String iothread) {
		List<Violation> violations = new ArrayList<>();
		DeviceBody read = read(body, DeviceBody.class, (iothread != null) ? DEVICE_ON_IOTHREAD : DEVICE, violations);
		String id = required("id", read.id(), body, violations);
		Map<DeviceProperty, Object> properties = new EnumMap<>(DeviceProperty.class);
		orEmpty(read.properties()).forEach((name, value) -> DeviceProperty.named(name)
			.ifPresentOrElse((property) -> properties.put(property, plain(value)),
					() -> violations.add(new Violation("properties." + name,
							"It may not be given. These may: %s.".formatted(DeviceProperty.names())))));
		NewImage image = (read.image() != null) ? image(read.image(), violations) : null;
		if (image != null && read.drive() != null) {
			violations.add(new Violation("drive", "Name either a block node or an image, not both."));
		}
		refuse(violations);
		List<String> iothreads = (iothread != null) ? List.of(iothread)
				: (read.iothreads() != null) ? read.iothreads() : List.of();
		NewDevice device = new NewDevice(id, (read.driver() != null) ? read.driver() : NewDevice.DISK, iothreads,
				read.drive(), read.bus(), properties, image, read.target());
		return new Attachment(device, isPersistent(read.persist()));
	}

	private static NewImage image(Map<String, JsonNode> members, List<Violation> violations) {
		Map<ImageProperty, String> properties = new EnumMap<>(ImageProperty.class);
		for (String name : List.of(FILE, ImageProperty.FORMAT.qemuName())) {
			if (!members.containsKey(name)) {
				violations.add(new Violation("image." + name, "It is missing."));
			}
		}
		members.forEach((name, value) -> {
			ImageProperty property = ImageProperty.named(name).orElse(null);
			String text = value.isString() ? value.asString() : "";
			String wrong = null;
			if (property != null) {
				properties.put(property, text);
				wrong = property.choices().contains(text) ? null
						: "It must be one of %s.".formatted(String.join(", ", property.choices()));
			}
			else if (name.equals(FILE)) {
				wrong = text.startsWith("/") ? null : "It must be an absolute path.";
			}
			else if (name.equals(READ_ONLY)) {
				wrong = value.isBoolean() ? null : FLAG;
			}
			else {
				wrong = "It may not be given. These may: %s, %s, %s.".formatted(FILE, READ_ONLY, ImageProperty.names());
			}
			if (wrong != null) {
				violations.add(new Violation("image." + name, wrong));
			}
		});
		return new NewImage(members.containsKey(FILE) ? members.get(FILE).asString("") : "",
				members.containsKey(READ_ONLY) && members.get(READ_ONLY).asBoolean(false), properties);
	}

	private static <T> T read(JsonNode body, Class<T> type, Map<String, String> known, List<Violation> violations) {
		if (!body.isObject()) {
			throw new InvalidRequestException("", "The body must be a JSON object.");
		}
		ObjectNode valid = STRICT.createObjectNode();
		body.forEachEntry((name, value) -> {
			if (!known.containsKey(name)) {
				violations.add(new Violation(name, "It is not known here. Leave it out. Known are: %s."
					.formatted(String.join(", ", new TreeSet<>(known.keySet())))));
			}
			else if (isEmpty(value) || !fits(name, value, type)) {
				violations.add(new Violation(name, String.valueOf(known.get(name))));
			}
			else {
				valid.set(name, value);
			}
		});
		return STRICT.treeToValue(valid, type);
	}

	// Jackson takes a blank text for null otherwise.
	private static void refuseOthers(MutableCoercionConfig type) {
		for (CoercionInputShape shape : CoercionInputShape.values()) {
			type.setCoercion(shape, CoercionAction.Fail);
		}
	}

	// Jackson stops at the first member that does not fit: each is tried by itself.
	private static boolean fits(String name, JsonNode value, Class<?> type) {
		try {
			STRICT.treeToValue(STRICT.createObjectNode().set(name, value), type);
			return true;
		}
		catch (JacksonException ex) {
			return false;
		}
	}

	private static boolean isEmpty(JsonNode value) {
		return value.isNull() || (value.isString() && value.asString().isEmpty())
				|| (value.isArray() && (value.isEmpty() || value.valueStream().anyMatch(RequestBodies::isEmpty)));
	}

	private static String required(String name, @Nullable String value, JsonNode body, List<Violation> violations) {
		if (!body.has(name)) {
			violations.add(new Violation(name, "It is missing."));
		}
		return (value != null) ? value : "";
	}

	private static void refuse(List<Violation> violations) {
		if (!violations.isEmpty()) {
			throw new InvalidRequestException(violations);
		}
	}

	private static <V> Map<String, V> orEmpty(@Nullable Map<String, V> map) {
		return (map != null) ? map : Map.of();
	}

	private static IOThreadSettings settings(@Nullable Map<String, Long> given) {
		Map<IOThreadProperty, Long> values = new EnumMap<>(IOThreadProperty.class);
		orEmpty(given).forEach((name, value) -> values.put(IOThreadProperty.named(name).orElseThrow(), value));
		return new IOThreadSettings(values);
	}

	// A value of another kind is left for the property's own rule to refuse.
	private static Object plain(JsonNode value) {
		if (value.isBoolean()) {
			return value.asBoolean();
		}
		if (value.isIntegralNumber() && value.canConvertToLong()) {
			return value.asLong();
		}
		return value.isString() ? value.asString() : value;
	}

	private static Map<String, String> settings() {
		return Stream.of(IOThreadProperty.values())
			.collect(Collectors.toMap(IOThreadProperty::qemuName,
					(property) -> "It must be a whole number from %d to %d.".formatted(property.min(),
							property.max())));
	}

	private static Map<String, String> members(Map<String, String> some, Map<String, String> others) {
		Map<String, String> members = new HashMap<>(some);
		members.putAll(others);
		return members;
	}

	record NewIOThread(@Nullable String id, IOThreadSettings settings, boolean persist) {

	}

	record Tuning(IOThreadSettings settings, @Nullable String cpus, boolean persist) {

	}

	record Attachment(NewDevice device, boolean persist) {

	}

	private record NewIOThreadBody(@JsonProperty("id") @Nullable String id,
			@JsonProperty(PERSIST) @Nullable Boolean persist, @JsonAnySetter @Nullable Map<String, Long> settings) {

	}

	private record TuningBody(@JsonProperty("cpus") @Nullable String cpus,
			@JsonProperty(PERSIST) @Nullable Boolean persist, @JsonAnySetter @Nullable Map<String, Long> settings) {

	}

	private record DeviceBody(@JsonProperty("id") @Nullable String id, @JsonProperty("driver") @Nullable String driver,
			@JsonProperty("iothreads") @Nullable List<String> iothreads, @JsonProperty("drive") @Nullable String drive,
			@JsonProperty("bus") @Nullable String bus,
			@JsonProperty("properties") @Nullable Map<String, JsonNode> properties,
			@JsonProperty("image") @Nullable Map<String, JsonNode> image,
			@JsonProperty("target") @Nullable String target, @JsonProperty(PERSIST) @Nullable Boolean persist) {

	}

}
