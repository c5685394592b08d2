package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import dev.iothreads.machine.DiskImage;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.qmp.QmpCommand;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Commands that ask for one thing, and what their replies add to a reading.
 */
sealed interface Question {

	/** The property that is a link to an IOThread. */
	String IOTHREAD = "iothread";

	/** The property that maps virtqueues to IOThreads. */
	String MAPPING = "iothread-vq-mapping";

	/** The property that names a block node. */
	String DRIVE = "drive";

	/** The property that says whether a device can be unplugged. */
	String HOTPLUGGABLE = "hotpluggable";

	List<QmpCommand> commands();

	void onReplies(List<Reply> replies, ReadResult result);

	/**
	 * Asks which drives were given by {@code -drive}, and what image is beneath each.
	 */
	record OfBackends() implements Question {

		@Override
		public List<QmpCommand> commands() {
			return List.of(Command.QUERY_BLOCK.plain());
		}

		@Override
		public void onReplies(List<Reply> replies, ReadResult result) {
			JsonNode backends = replies.get(0).orElseNull();
			if (backends != null) {
				InvalidReplyException.requireAtMost(Learning.MOST_DEVICES, "drives", backends.size());
				for (JsonNode backend : backends) {
					String name = Qom.checked(backend.path("device").asString(""));
					JsonNode image = backend.path("inserted").path("image");
					Optional<DiskImage> known = image.path("virtual-size").isIntegralNumber() ? Optional
						.of(DiskImage.of(image.path("filename").asString(""),
								Qom.checked(image.path("format").asString("")), image.path("virtual-size").asLong()))
							: Optional.empty();
					result.backends().add(name);
					result.images().put(name, known);
					result.images().put(Qom.checked(backend.path("inserted").path("node-name").asString("")), known);
				}
			}
		}

	}

	/**
	 * Asks a device what it runs on.
	 */
	record OfDevice(Qom.Child device, Qom.Traits traits) implements Question {

		@Override
		public List<QmpCommand> commands() {
			return asked().stream().map((property) -> Qom.get(this.device.path(), property)).toList();
		}

		private List<String> asked() {
			List<String> properties = new ArrayList<>();
			if (this.traits.iothread()) {
				properties.add(IOTHREAD);
			}
			if (this.traits.mapping()) {
				properties.add(MAPPING);
				if (!this.traits.queues().isEmpty()) {
					properties.add(this.traits.queues());
				}
			}
			if (this.traits.drive()) {
				properties.add(DRIVE);
			}
			properties.add(HOTPLUGGABLE);
			return properties;
		}

		@Override
		public void onReplies(List<Reply> replies, ReadResult result) {
			Map<String, JsonNode> values = new HashMap<>();
			for (String property : asked()) {
				JsonNode value = replies.get(values.size()).orElseNull();
				if (value != null) {
					values.put(property, value);
				}
				else if (!property.equals(HOTPLUGGABLE)) {
					result.unread().add(this.device);
					return;
				}
			}
			JsonNode link = values.get(IOTHREAD);
			JsonNode mapping = values.get(MAPPING);
			JsonNode hotpluggable = values.get(HOTPLUGGABLE);
			Map<String, List<Integer>> virtqueues = Map.of();
			Set<String> iothreads = new LinkedHashSet<>();
			if (link != null && !Qom.text("the IOThread of a device", link).isEmpty()) {
				iothreads.add(Qom.name(link.asString()));
			}
			if (mapping != null) {
				Qom.elements("the IOThreads of a device", mapping)
					.forEach((served) -> iothreads.add(text("the IOThread of virtqueues", served.path(IOTHREAD))));
				virtqueues = Virtqueues.of(mapping, values.get(this.traits.queues()));
			}
			String drive = values.containsKey(DRIVE) ? text("the drive of a device", values.get(DRIVE)) : "";
			result.devices()
				.put(this.device.path(),
						new KnownDevice(this.device.type(), Qom.worker(this.device.path(), this.traits.proxy()),
								iothreads.stream().map(result::key).toList(), mapping != null && !mapping.isEmpty(),
								drive.isEmpty() ? null : drive, result.backends().contains(drive) && !drive.isEmpty(),
								virtqueues, hotpluggable == null || hotpluggable.asBoolean(true), true));
		}

	}

	/**
	 * Asks a disk on a SCSI bus where it is. One that does not answer has gone since it
	 * was listed.
	 */
	record OfDisk(Qom.Child disk) implements Question {

		private static final List<String> PROPERTIES = List.of("parent_bus", "scsi-id", "lun", DRIVE);

		@Override
		public List<QmpCommand> commands() {
			return PROPERTIES.stream().map((property) -> Qom.get(this.disk.path(), property)).toList();
		}

		@Override
		public void onReplies(List<Reply> replies, ReadResult result) {
			JsonNode bus = replies.get(0).orElseNull();
			JsonNode target = replies.get(1).orElseNull();
			JsonNode lun = replies.get(2).orElseNull();
			JsonNode node = replies.get(3).orElseNull();
			if (bus == null || target == null || lun == null) {
				return;
			}
			String drive = (node != null) ? text("the drive of a disk", node) : "";
			result.disks()
				.put(this.disk.path(), new Knowledge.KnownDisk(this.disk.type(),
						Qom.parent(Qom.checkedPath(text("the bus of a disk", bus))), target.asLong(0), lun.asLong(0),
						drive.isEmpty() ? null : drive, result.backends().contains(drive) && !drive.isEmpty()));
		}

	}

	/**
	 * Asks an object that is no device which IOThread it runs on.
	 */
	record OfObject(Qom.Child object) implements Question {

		@Override
		public List<QmpCommand> commands() {
			return List.of(Qom.get(this.object.path(), "iothread"));
		}

		@Override
		public void onReplies(List<Reply> replies, ReadResult result) {
			JsonNode link = replies.get(0).orElseNull();
			if (link == null) {
				result.unread().add(this.object);
				return;
			}
			String path = text("the IOThread of an object", link);
			result.objects()
				.put(this.object.path(), new Knowledge.KnownObject(this.object.type(),
						path.isEmpty() ? null : result.key(Qom.name(path))));
		}

	}

	/**
	 * Asks an IOThread for the settings that {@code query-iothreads} leaves out.
	 */
	record OfSettings(ThreadKey iothread) implements Question {

		private static final List<IOThreadProperty> PROPERTIES = Stream.of(IOThreadProperty.values())
			.filter(IOThreadProperty::isOnlyOnTheObject)
			.toList();

		@Override
		public List<QmpCommand> commands() {
			return PROPERTIES.stream().map((property) -> Qom.get(this.iothread.path(), property.qemuName())).toList();
		}

		@Override
		public void onReplies(List<Reply> replies, ReadResult result) {
			Map<IOThreadProperty, Long> values = new EnumMap<>(IOThreadProperty.class);
			for (int i = 0; i < replies.size(); i++) {
				JsonNode value = replies.get(i).orElseNull();
				if (value != null && value.isIntegralNumber()) {
					values.put(PROPERTIES.get(i), value.asLong());
				}
			}
			result.settings().put(this.iothread, new IOThreadSettings(values));
		}

	}

	private static String text(String what, @Nullable JsonNode node) {
		return Qom.text(what, Objects.requireNonNull(node));
	}

}
