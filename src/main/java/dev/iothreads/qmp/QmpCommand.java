package dev.iothreads.qmp;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A command to QEMU. The client gives it its id.
 *
 * @param name the command's name, for example {@code query-iothreads}
 * @param arguments its arguments by name, in the order given; empty for none. A value is
 * whatever Jackson writes as JSON: strings, numbers, booleans, lists, maps, tree nodes
 */
public record QmpCommand(String name, Map<String, ?> arguments) {

	/**
	 * Copies the map, though not what is in it.
	 * @throws IllegalArgumentException if the name is blank
	 */
	public QmpCommand {
		if (name.isBlank()) {
			throw new IllegalArgumentException("A QMP command needs a name");
		}
		arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
	}

	/**
	 * A command without arguments.
	 * @param name its name
	 * @return the command
	 */
	public static QmpCommand of(String name) {
		return new QmpCommand(name, Map.of());
	}

	/**
	 * A command with arguments.
	 * @param name its name
	 * @param arguments its arguments by name
	 * @return the command
	 */
	public static QmpCommand of(String name, Map<String, ?> arguments) {
		return new QmpCommand(name, arguments);
	}

}
