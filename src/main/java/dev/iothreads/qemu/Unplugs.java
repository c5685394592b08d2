package dev.iothreads.qemu;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

import dev.iothreads.machine.ChangeRefusedException;
import org.jspecify.annotations.Nullable;

/**
 * The unplugs that were asked for here and have yet to end. QEMU answers
 * {@code device_del} when the guest has been asked. An event says that the device has
 * gone or that the guest refuses, or no event comes.
 */
final class Unplugs {

	private static final String UNASKED = "It went, and no client of this service asked for that: the guest ejected it, or another client of QEMU unplugged it. Attach it again if it is needed.";

	private static final int MOST_UNASKED = 256;

	private final Map<String, Unplug> underWay = new ConcurrentHashMap<>();

	private final Map<String, String> refusals = new ConcurrentHashMap<>();

	private final Map<String, String> unasked = Collections.synchronizedMap(new LinkedHashMap<>());

	private final Predicate<String> leaving;

	private final Set<CompletableFuture<Void>> looks = ConcurrentHashMap.newKeySet();

	private volatile @Nullable Long reset;

	/**
	 * Creates it.
	 * @param leaving whether a device, by its id, was asked to go by other means
	 */
	Unplugs(Predicate<String> leaving) {
		this.leaving = leaving;
	}

	/**
	 * Begins to wait for a device to go. That has to be before {@code device_del}: the
	 * guest may be faster than QEMU's answer.
	 * @return completes when the device has gone
	 */
	CompletableFuture<Void> begin(String path) {
		this.refusals.remove(path);
		this.unasked.keySet().removeIf((gone) -> Qom.device(gone).equals(path));
		return this.underWay.compute(path, (same, before) -> {
			if (before != null && !before.left()) {
				return before;
			}
			// Another device of that id is to go now, and the one before it has left.
			return new Unplug(System.nanoTime(), false, new CompletableFuture<>());
		}).gone();
	}

	/**
	 * Ends the wait, because QEMU did not ask the guest.
	 */
	void cancel(String path) {
		this.underWay.remove(path);
	}

	/**
	 * Handles that a device has gone. The backend of a device has an event of its own,
	 * before that of the device.
	 */
	void onDeleted(String path) {
		onMissing(Qom.device(path), path);
		this.refusals.remove(path);
		Unplug waiting = this.underWay.remove(path);
		if (waiting != null) {
			waiting.gone().complete(null);
		}
	}

	/**
	 * Returns the waits for devices that are looked for again and again, because no event
	 * says that one has gone.
	 */
	Set<CompletableFuture<Void>> looks() {
		return this.looks;
	}

	/**
	 * Returns for how long a device has been asked to go.
	 * @return nanoseconds, 0 when it has not been asked here
	 */
	long askedFor(String path) {
		Unplug unplug = this.underWay.get(path);
		return (unplug != null) ? System.nanoTime() - unplug.asked() : 0;
	}

	/**
	 * Handles that a device was not found.
	 * @param device the device's path
	 * @param worker its path, or that of its backend
	 */
	void onMissing(String device, String worker) {
		if (this.underWay.containsKey(device) || this.leaving.test(Qom.name(device))) {
			return;
		}
		synchronized (this.unasked) {
			this.unasked.remove(worker);
			this.unasked.put(worker, UNASKED);
			if (this.unasked.size() > MOST_UNASKED) {
				this.unasked.remove(this.unasked.keySet().iterator().next());
			}
		}
	}

	/**
	 * Returns why devices went away that no client of the service asked to detach. Keys
	 * are QOM paths, of the device and of its backend; at most 256, the latest.
	 * @return the reasons
	 */
	Map<String, String> unasked() {
		synchronized (this.unasked) {
			return Map.copyOf(this.unasked);
		}
	}

	/**
	 * Handles the guest's refusal.
	 * @param known whether there is such a device; of others nothing is kept
	 */
	void onRefused(String path, boolean known) {
		refuse(path, "The guest refused to let it go. Free it in the guest, then ask again.", known);
	}

	/**
	 * Ends the wait for a device that stays.
	 * @param known whether there is such a device; of others nothing is kept
	 */
	void refuse(String path, String reason, boolean known) {
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
	 * Compares with a listing. A device that is not in it has left the tree, and may keep
	 * its block node until its event; unless its unplug began after the listing.
	 * @param present the paths of the listed devices
	 * @param listed when the listing began, by {@link System#nanoTime()}
	 * @param eventComes whether its event is still to come. Where it is not, the device
	 * has gone
	 */
	void onListed(Set<String> present, long listed, boolean eventComes) {
		if (!eventComes) {
			this.underWay.entrySet()
				.stream()
				.filter((unplug) -> !present.contains(unplug.getKey()) && unplug.getValue().asked() - listed < 0)
				.map(Map.Entry::getKey)
				.toList()
				.forEach(this::onDeleted);
		}
		this.underWay.replaceAll((path, unplug) -> {
			boolean left = !present.contains(path) && unplug.asked() - listed < 0;
			return left ? new Unplug(unplug.asked(), true, unplug.gone()) : unplug;
		});
		this.refusals.keySet().retainAll(present);
	}

	void onReset() {
		this.reset = System.nanoTime();
	}

	/**
	 * Ends the unplugs that a reset has ended: with native hot-plug, QEMU forgets that
	 * the guest was asked.
	 * @param present the paths of the listed devices
	 * @param listed when the listing began, by {@link System#nanoTime()}
	 */
	void onListedAfterReset(Set<String> present, long listed) {
		Long when = this.reset;
		if (when == null || listed - when < 0) {
			return;
		}
		this.reset = null;
		this.underWay.forEach((path, unplug) -> {
			if (present.contains(path) && unplug.asked() - when < 0) {
				refuse(path,
						"The machine was reset before its guest released the device, which ends the unplug. Ask again.",
						true);
			}
		});
	}

	void end(RuntimeException reason) {
		this.underWay.values().forEach((waiting) -> waiting.gone().completeExceptionally(reason));
		this.underWay.clear();
	}

	/**
	 * Returns whether a listed device is being unplugged.
	 */
	boolean isUnderWay(String path) {
		Unplug unplug = this.underWay.get(path);
		return unplug != null && !unplug.left();
	}

	/**
	 * Returns whether any device has been asked to go and has not gone.
	 */
	boolean isAny() {
		return !this.underWay.isEmpty();
	}

	/**
	 * Returns whether a device has left the tree and may still keep its block node.
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
