package dev.iothreads.qemu;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

import dev.iothreads.machine.ChangeRefusedException;
import org.jspecify.annotations.Nullable;

/**
 * The unplugs that were asked for here and have yet to end. QEMU answers
 * {@code device_del} when the guest has been asked; that the device has gone, or that the
 * guest refuses, is told by an event, or never.
 */
final class Unplugs {

	private final Map<String, CompletableFuture<Void>> underWay = new ConcurrentHashMap<>();

	private final Map<String, String> refusals = new ConcurrentHashMap<>();

	/**
	 * Begins to listen. That has to be before the guest is asked: it may be faster than
	 * QEMU's answer.
	 * @param path the device's path
	 * @return completes when the device has gone
	 */
	CompletableFuture<Void> begin(String path) {
		this.refusals.remove(path);
		return this.underWay.computeIfAbsent(path, (begun) -> new CompletableFuture<>());
	}

	/**
	 * Ceases to listen, because QEMU did not even ask the guest.
	 * @param path the device's path
	 */
	void cancel(String path) {
		this.underWay.remove(path);
	}

	void gone(String path) {
		this.refusals.remove(path);
		CompletableFuture<Void> waiting = this.underWay.remove(path);
		if (waiting != null) {
			waiting.complete(null);
		}
	}

	void refused(String path) {
		String reason = "The guest refused to let it go. Free it in the guest, then ask again.";
		this.refusals.put(path, reason);
		CompletableFuture<Void> waiting = this.underWay.remove(path);
		if (waiting != null) {
			waiting.completeExceptionally(
					new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED, reason));
		}
	}

	/**
	 * Forgets the devices that are no longer there, whether that was told or not.
	 * @param present the paths of those that are
	 */
	void keep(Set<String> present) {
		this.underWay.keySet().stream().filter((path) -> !present.contains(path)).forEach(this::gone);
		this.refusals.keySet().retainAll(present);
	}

	void end(RuntimeException reason) {
		this.underWay.values().forEach((waiting) -> waiting.completeExceptionally(reason));
		this.underWay.clear();
	}

	boolean isUnderWay(String path) {
		return this.underWay.containsKey(path);
	}

	@Nullable String refusal(String path) {
		return this.refusals.get(path);
	}

}
