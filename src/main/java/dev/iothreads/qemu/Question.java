package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.qmp.QmpCommand;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Commands that ask for one thing, and what their replies add to a reading.
 */
sealed interface Question {

	List<QmpCommand> commands();

	void onReplies(List<Reply> replies, ReadResult result);

	/**
	 * Asks a device what it runs on.
	 */
	record OfDevice(Qom.Child device, Qom.Traits traits) implements Question {

		@Override
		public List<QmpCommand> commands() {
			List<QmpCommand> commands = new ArrayList<>();
			if (this.traits.iothread()) {
				commands.add(Qom.get(this.device.path(), "iothread"));
			}
			if (this.traits.mapping()) {
				commands.add(Qom.get(this.device.path(), "iothread-vq-mapping"));
			}
			if (this.traits.drive()) {
				commands.add(Qom.get(this.device.path(), "drive"));
			}
			return commands;
		}

		@Override
		public void onReplies(List<Reply> replies, ReadResult result) {
			List<@Nullable JsonNode> values = new ArrayList<>();
			for (Reply reply : replies) {
				values.add(reply.orElseNull());
			}
			if (values.contains(null)) {
				result.unread().add(this.device);
				return;
			}
			int next = 0;
			Set<String> iothreads = new LinkedHashSet<>();
			boolean mapped = false;
			if (this.traits.iothread()) {
				String link = text("the IOThread of a device", values.get(next++));
				if (!link.isEmpty()) {
					iothreads.add(Qom.name(link));
				}
			}
			if (this.traits.mapping()) {
				JsonNode mapping = Objects.requireNonNull(values.get(next++));
				Qom.elements("the IOThreads of a device", mapping)
					.forEach((queues) -> iothreads.add(text("the IOThread of virtqueues", queues.path("iothread"))));
				mapped = !mapping.isEmpty();
			}
			String drive = this.traits.drive() ? text("the drive of a device", values.get(next)) : "";
			result.devices()
				.put(this.device.path(),
						new KnownDevice(this.device.type(), Qom.worker(this.device.path(), this.traits.proxy()),
								iothreads.stream().map(result::key).toList(), mapped, drive.isEmpty() ? null : drive,
								true));
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
