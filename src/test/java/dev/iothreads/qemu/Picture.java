package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.NaturalOrder;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.Monitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A machine as lines of text: as a snapshot has it, or as it looks to a client that
 * remembers nothing and asks every object for everything.
 *
 * @param iothreads a line for each IOThread, with all that is on it
 * @param devices a line for each device
 */
record Picture(List<String> iothreads, List<String> devices) {

	private static final List<String> SETTINGS = List.of("poll-max-ns", "poll-grow", "poll-shrink", "poll-weight",
			"aio-max-batch");

	private static final List<String> THREAD_POOL = List.of("thread-pool-min", "thread-pool-max");

	static Picture of(Snapshot snapshot) {
		List<String> iothreads = new ArrayList<>();
		for (IOThread iothread : snapshot.iothreads()) {
			Map<String, Long> settings = new TreeMap<>();
			iothread.settings().values().forEach((property, value) -> settings.put(property.qemuName(), value));
			iothreads.add(iothread(iothread.id(), iothread.threadId(), settings,
					iothread.attached().stream().map(Picture::attachment).toList()));
		}
		List<String> devices = new ArrayList<>();
		for (Device device : snapshot.devices()) {
			devices.add(device(device.qomPath(), device.id(), device.driver(), device.iothreads(),
					device.state().toString(), device.drive()));
		}
		return new Picture(iothreads, devices);
	}

	/**
	 * Asks every object for everything, one command after the other. What QEMU has
	 * forgotten (which IOThread a device was made with, once that has been deleted)
	 * cannot be seen so.
	 */
	static Picture of(Monitor monitor) {
		JsonNode listed = monitor.execute("query-iothreads");
		TreeSet<String> ids = new TreeSet<>(NaturalOrder.OF_IDS);
		listed.forEach((iothread) -> ids.add(iothread.path("id").asString()));
		Map<String, TreeSet<String>> attached = new TreeMap<>();
		TreeSet<String> devices = new TreeSet<>(NaturalOrder.OF_IDS);
		for (String place : List.of("/machine/peripheral", "/machine/peripheral-anon")) {
			for (Map.Entry<String, String> child : monitor.children(place).entrySet()) {
				String path = place + "/" + child.getKey();
				JsonNode link = monitor.property(path, "iothread");
				JsonNode mapping = monitor.property(path, "iothread-vq-mapping");
				if (link == null && mapping == null) {
					continue;
				}
				TreeSet<String> on = new TreeSet<>(NaturalOrder.OF_IDS);
				if (link != null && !link.asString().isEmpty()) {
					on.add(link.asString().substring("/objects/".length()));
				}
				if (mapping != null) {
					mapping.forEach((queues) -> on.add(queues.path("iothread").asString()));
				}
				boolean orphaned = !ids.containsAll(on);
				on.retainAll(ids);
				String worker = monitor.children(path).containsKey("virtio-backend") ? path + "/virtio-backend" : path;
				JsonNode drive = monitor.property(path, "drive");
				devices.add(device(worker, child.getKey(), child.getValue(), List.copyOf(on),
						orphaned ? "ORPHANED" : on.isEmpty() ? "MAIN_LOOP" : "ATTACHED",
						(drive != null && !drive.asString().isEmpty()) ? drive.asString() : null));
				on.forEach((iothread) -> attached.computeIfAbsent(iothread, (id) -> new TreeSet<>(NaturalOrder.OF_IDS))
					.add(attachment("device", worker, child.getKey(), child.getValue())));
			}
		}
		monitor.children("/objects").forEach((name, type) -> {
			JsonNode link = monitor.property("/objects/" + name, "iothread");
			if (link != null && !link.asString().isEmpty()) {
				attached
					.computeIfAbsent(link.asString().substring("/objects/".length()),
							(id) -> new TreeSet<>(NaturalOrder.OF_IDS))
					.add(attachment(type, "/objects/" + name, name, null));
			}
		});
		Map<String, String> iothreads = new TreeMap<>(NaturalOrder.OF_IDS);
		for (JsonNode iothread : listed) {
			String id = iothread.path("id").asString();
			Map<String, Long> settings = new TreeMap<>();
			SETTINGS.stream()
				.filter(iothread::has)
				.forEach((name) -> settings.put(name, iothread.path(name).longValue()));
			THREAD_POOL.forEach((name) -> {
				JsonNode value = monitor.property("/objects/" + id, name);
				if (value != null) {
					settings.put(name, value.longValue());
				}
			});
			iothreads.put(id, iothread(id, iothread.path("thread-id").longValue(), settings,
					List.copyOf(attached.getOrDefault(id, new TreeSet<>(NaturalOrder.OF_IDS)))));
		}
		return new Picture(List.copyOf(iothreads.values()), List.copyOf(devices));
	}

	private static String iothread(String id, long threadId, Map<String, Long> settings, List<String> attached) {
		return "%s thread-id=%d %s attached-cnt=%d %s".formatted(id, threadId, settings, attached.size(), attached);
	}

	private static String attachment(Attachment attachment) {
		return attachment(attachment.kind(), attachment.place(), attachment.id(), attachment.driver());
	}

	private static String attachment(String kind, String path, String id, @Nullable String driver) {
		return "%s %s %s %s".formatted(path, kind, id, driver);
	}

	private static String device(String path, String id, String driver, List<String> iothreads, String state,
			@Nullable String drive) {
		return "%s %s %s on %s %s drive=%s".formatted(path, id, driver, iothreads, state, drive);
	}

	/**
	 * What is seen of one IOThread.
	 */
	String iothread(String id) {
		return Stream.concat(this.iothreads.stream(), Stream.of(""))
			.filter((line) -> line.startsWith(id + " "))
			.findFirst()
			.orElse("");
	}

}
