package dev.iothreads.qemu;

import java.util.Map;

/**
 * One IOThread, and not another one that got its id later.
 *
 * @param id the id of its object
 * @param threadId its thread id, {@link #GONE} for an IOThread that was deleted before it
 * was seen
 */
record ThreadKey(String id, long threadId) {

	static final long GONE = -1;

	String path() {
		return Qom.OBJECTS + "/" + this.id;
	}

	boolean isAlive(Map<String, Long> threadIds) {
		return Long.valueOf(this.threadId).equals(threadIds.get(this.id));
	}

}
