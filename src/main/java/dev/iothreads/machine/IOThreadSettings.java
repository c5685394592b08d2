package dev.iothreads.machine;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * Values of an IOThread's properties. One that is absent is unknown to that QEMU, or, in
 * a change, is to be left as it is.
 *
 * @param values the values by property, in the order of {@link IOThreadProperty}
 */
public record IOThreadSettings(Map<IOThreadProperty, Long> values) {

	/** No values at all. */
	public static final IOThreadSettings NONE = new IOThreadSettings(Map.of());

	public IOThreadSettings {
		Map<IOThreadProperty, Long> copy = new EnumMap<>(IOThreadProperty.class);
		copy.putAll(values);
		values = Collections.unmodifiableMap(copy);
	}

	/**
	 * Returns the value of a property.
	 * @param property the property
	 * @return its value in the property's own unit, or {@code null} when it is absent
	 */
	public @Nullable Long get(IOThreadProperty property) {
		return this.values.get(property);
	}

	/**
	 * Returns these settings with others laid over them.
	 * @param others the values that win
	 * @return the union
	 */
	public IOThreadSettings with(IOThreadSettings others) {
		Map<IOThreadProperty, Long> union = new EnumMap<>(IOThreadProperty.class);
		union.putAll(this.values);
		union.putAll(others.values);
		return new IOThreadSettings(union);
	}

	/**
	 * Returns these settings changed by others.
	 * @param change the values that win
	 * @return the union
	 * @throws InvalidRequestException when the bounds of the thread pool would pass each
	 * other
	 */
	public IOThreadSettings changedBy(IOThreadSettings change) {
		IOThreadSettings after = with(change);
		Long min = after.get(IOThreadProperty.THREAD_POOL_MIN);
		Long max = after.get(IOThreadProperty.THREAD_POOL_MAX);
		if (min != null && max != null && min > max) {
			IOThreadProperty given = (change.get(IOThreadProperty.THREAD_POOL_MIN) != null)
					? IOThreadProperty.THREAD_POOL_MIN : IOThreadProperty.THREAD_POOL_MAX;
			throw new InvalidRequestException(given.qemuName(),
					"thread-pool-min would be %d and thread-pool-max %d: the least must be no more than the most."
						.formatted(min, max));
		}
		return after;
	}

}
