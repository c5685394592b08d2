package dev.iothreads.machine;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * IOThreads that a machine is to have from when it comes up.
 *
 * @param name the name of the pool
 * @param id what the ids are like: {@code {n}} in it is counted from 0
 * @param size how many there are
 * @param settings the properties that each is to have
 */
public record Pool(String name, String id, int size, IOThreadSettings settings) {

	/** What is counted in the ids. */
	public static final String NUMBER = "{n}";

	/**
	 * Returns the ids of its IOThreads.
	 * @return the ids, in the order of their numbers
	 */
	public List<String> ids() {
		return IntStream.range(0, this.size).mapToObj((n) -> this.id.replace(NUMBER, Integer.toString(n))).toList();
	}

	/**
	 * Returns which of its IOThreads a machine does not have.
	 * @param machine the machine
	 * @return the ids
	 */
	public List<String> missing(Snapshot machine) {
		return ids().stream().filter((id) -> machine.iothread(id).isEmpty()).toList();
	}

	/**
	 * Returns which properties an IOThread has to be given.
	 * @param iothread the IOThread
	 * @return those that differ
	 */
	public IOThreadSettings differing(IOThread iothread) {
		IOThreadSettings differing = IOThreadSettings.NONE;
		for (IOThreadProperty property : this.settings.values().keySet()) {
			Long wanted = this.settings.get(property);
			if (wanted != null && !wanted.equals(iothread.settings().get(property))) {
				differing = differing.with(new IOThreadSettings(Map.of(property, wanted)));
			}
		}
		return differing;
	}

}
