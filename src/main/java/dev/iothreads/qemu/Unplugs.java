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

	private final Map<String, Unplug> underWay = new ConcurrentHashMap<>();

	private final Map<String, String> refusals = new ConcurrentHashMap<>();

	/**
	 * Begins to listen. That has to be before the guest is asked: it may be faster than
	 * QEMU's answer.
	 * @param path the device's path
	 * @return completes when the device has gone
	 */
	CompletableFuture<Void> begin(String path) {
		this.refusals.remove(path);
		return this.underWay.compute(path, (same, before) -> {
			if (before != null && !before.left()) {
				return before;
			}
			// Another device of that id is to go now, and the one before it has left.
			return new Unplug(System.nanoTime(), false, new CompletableFuture<>());
		}).gone();
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
		Unplug waiting = this.underWay.remove(path);
		if (waiting != null) {
			waiting.gone().complete(null);
		}
	}

	/**
	 * Takes notice that the guest refuses.
	 * @param path the device's path
	 * @param known whether there is such a device; of others nothing is kept
	 */
	void refused(String path, boolean known) {
		String reason = "The guest refused to let it go. Free it in the guest, then ask again.";
		Unplug waiting = this.underWay.remove(path);
		if (known || waiting != null) {
			this.refusals.put(path, reason);
		}
		if (waiting != null) {
			waiting.gone()
				.completeExceptionally(
						new ChangeRefusedException(ChangeRefusedException.Reason.UNPLUG_REFUSED, reason));
		}
	}

	/**
	 * Takes notice of what is listed. A device that is not has left, though it may have
	 * yet to go: of one whose unplug was asked for after the listing, that says nothing.
	 * @param present the paths of the devices that are there
	 * @param listed when it was begun to list them, by {@link System#nanoTime()}
	 */
	void keep(Set<String> present, long listed) {
		this.underWay.replaceAll((path, unplug) -> {
			boolean left = !present.contains(path) && unplug.asked() - listed < 0;
			return left ? new Unplug(unplug.asked(), true, unplug.gone()) : unplug;
		});
		this.refusals.keySet().retainAll(present);
	}

	void end(RuntimeException reason) {
		this.underWay.values().forEach((waiting) -> waiting.gone().completeExceptionally(reason));
		this.underWay.clear();
	}

	/**
	 * Tells whether a device that is there has been asked to go.
	 * @param path the device's path
	 * @return {@code true} until it has left, or the guest refuses
	 */
	boolean isUnderWay(String path) {
		Unplug unplug = this.underWay.get(path);
		return unplug != null && !unplug.left();
	}

	/**
	 * Tells whether a device has left of which QEMU has not said that it has gone.
	 * @return {@code true} while it may hold on to something
	 */
	boolean isAnyLeaving() {
		return this.underWay.values().stream().anyMatch(Unplug::left);
	}

	@Nullable String refusal(String path) {
		return this.refusals.get(path);
	}

	/**
	 * An unplug.
	 *
	 * @param asked when it was asked for, by {@link System#nanoTime()}
	 * @param left whether the device is off the tree already
	 * @param gone completes when the device has gone
	 */
	private record Unplug(long asked, boolean left, CompletableFuture<Void> gone) {

	}

}
