package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

import dev.iothreads.machine.Attachment;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a QEMU itself says to be on an IOThread. No released one says anything; a patch
 * adds {@code attached-dev} to {@code query-iothreads}, and a later revision of it
 * {@code holders}, whose kinds still change. So it is read tolerantly, and what QEMU
 * leaves out is known from the devices.
 */
final class Holders {

	private static final String NONE = "none";

	private static final String QOM_OBJECT = "qom-object";

	private final Map<String, Qom.Child> devices;

	private final Function<String, @Nullable String> worker;

	/**
	 * @param devices the devices of the machine by their QOM path
	 * @param worker gives the path of the device that does the work, from the device's,
	 * where that is known
	 */
	Holders(Map<String, Qom.Child> devices, Function<String, @Nullable String> worker) {
		this.devices = devices;
		this.worker = worker;
	}

	List<Attachment> of(JsonNode iothread) {
		List<Attachment> attached = new ArrayList<>();
		if (iothread.path("attached-dev").isString()) {
			for (String path : iothread.path("attached-dev").asString().split(" \\| ")) {
				if (!path.isBlank() && !path.equals(NONE)) {
					attached.add(object(path));
				}
			}
		}
		if (iothread.path("holders").isArray()) {
			for (JsonNode holder : iothread.path("holders")) {
				if (holder.path("qom-path").isString()) {
					attached.add(object(holder.path("qom-path").asString()));
				}
				else if (holder.path("type").isString()) {
					attached.add(other(holder));
				}
			}
		}
		return attached;
	}

	private Attachment object(String path) {
		Qom.Child device = enclosingDevice(path);
		if (device == null) {
			return new Attachment(Attachment.DEVICE, Qom.name(Qom.device(path)), null, path);
		}
		String worker = this.worker.apply(device.path());
		return new Attachment(Attachment.DEVICE, device.name(), device.type(), (worker != null) ? worker : path);
	}

	private Qom.@Nullable Child enclosingDevice(String path) {
		for (String place = path; place.lastIndexOf('/') > 0; place = place.substring(0, place.lastIndexOf('/'))) {
			Qom.Child device = this.devices.get(place);
			if (device != null) {
				return device;
			}
		}
		return null;
	}

	// The first text besides the type is its name: node-name, export-name, monitor-name,
	// or that of a kind to come.
	private static Attachment other(JsonNode holder) {
		String kind = holder.path("type").asString();
		String name = holder.properties()
			.stream()
			.filter((member) -> !member.getKey().equals("type") && member.getValue().isString())
			.map((member) -> member.getValue().asString())
			.findFirst()
			.orElse(kind);
		return new Attachment(QOM_OBJECT.equals(kind) ? Attachment.DEVICE : kind, name, null, null);
	}

}
