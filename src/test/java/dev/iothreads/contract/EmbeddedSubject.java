package dev.iothreads.contract;

import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * An embedded machine, as it is there for trying things.
 */
final class EmbeddedSubject extends Subject {

	private @Nullable EmbeddedMachine machine;

	EmbeddedSubject() {
		super(Service.newName("embedded"));
	}

	@Override
	int version() {
		return 1000;
	}

	@Override
	Map<String, Set<String>> links() {
		Map<String, Set<String>> links = new TreeMap<>();
		read().devices().forEach((device) -> links.put(device.id(), new TreeSet<>(device.iothreads())));
		return links;
	}

	@Override
	Set<String> imageNodes() {
		Set<String> nodes = new TreeSet<>(Objects.requireNonNull(this.machine).attachable().drives());
		read().devices().forEach((device) -> nodes.add(Objects.requireNonNullElse(device.drive(), "")));
		nodes.removeIf((node) -> !node.startsWith("iot-"));
		return nodes;
	}

	@Override
	long setting(String iothread, String property) {
		return Objects.requireNonNull(
				read().iothread(iothread).orElseThrow().settings().get(IOThreadProperty.named(property).orElseThrow()));
	}

	private Snapshot read() {
		return Objects.requireNonNull(this.machine).read().join();
	}

	@Override
	void tidy() {
		if (this.machine != null) {
			if (!wasTouched()) {
				return;
			}
			Service.shared().remove(name());
		}
		this.machine = EmbeddedMachine.demo();
		Service.shared().add(name(), this.machine);
	}

}
