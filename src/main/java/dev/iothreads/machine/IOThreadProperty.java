package dev.iothreads.machine;

import java.util.Arrays;
import java.util.Optional;

/**
 * A property of QEMU's {@code iothread} object that can be given when it is made and
 * changed while it runs.
 * <p>
 * The ranges are those a change must keep to. QEMU has no sane upper bound for the
 * polling time, so that one is ours: a thread that polls for longer than a second without
 * work only burns its CPU. The others are the widest that QEMU acts on
 * ({@code docs: qapi/qom.json}, {@code IothreadProperties} and
 * {@code EventLoopBaseProperties}).
 */
public enum IOThreadProperty {

	/** The longest time of busy waiting for an event, in ns; 0 turns polling off. */
	POLL_MAX_NS("poll-max-ns", 0, 1_000_000_000),

	/** What the polling time is multiplied by when it was too short; 0 for QEMU's own. */
	POLL_GROW("poll-grow", 0, Integer.MAX_VALUE),

	/** What the polling time is divided by when it was too long; 0 for QEMU's own. */
	POLL_SHRINK("poll-shrink", 0, Integer.MAX_VALUE),

	/** How slowly the polling time follows the load, QEMU 11.1 or newer. */
	POLL_WEIGHT("poll-weight", 0, 63),

	/** How many requests go to the kernel in one batch; 0 for QEMU's own. */
	AIO_MAX_BATCH("aio-max-batch", 0, Long.MAX_VALUE),

	/** The number of worker threads kept although idle, QEMU 7.1 or newer. */
	THREAD_POOL_MIN("thread-pool-min", 0, Integer.MAX_VALUE),

	/** The largest number of worker threads, QEMU 7.1 or newer. */
	THREAD_POOL_MAX("thread-pool-max", 1, Integer.MAX_VALUE);

	private final String qemuName;

	private final long min;

	private final long max;

	IOThreadProperty(String qemuName, long min, long max) {
		this.qemuName = qemuName;
		this.min = min;
		this.max = max;
	}

	/**
	 * Returns the name that QEMU gives it.
	 * @return the name, in QAPI's kebab-case
	 */
	public String qemuName() {
		return this.qemuName;
	}

	/**
	 * Returns the smallest value allowed.
	 * @return the lower bound, inclusive
	 */
	public long min() {
		return this.min;
	}

	/**
	 * Returns the largest value allowed.
	 * @return the upper bound, inclusive
	 */
	public long max() {
		return this.max;
	}

	/**
	 * Tells whether a value is in range.
	 * @param value the value, in the property's own unit
	 * @return {@code true} from {@link #min()} to {@link #max()}
	 */
	public boolean allows(long value) {
		return value >= this.min && value <= this.max;
	}

	/**
	 * Tells whether {@code query-iothreads} leaves it out, so that it has to be read from
	 * the object.
	 * @return {@code true} for the thread pool's bounds
	 */
	public boolean isOnlyOnTheObject() {
		return this == THREAD_POOL_MIN || this == THREAD_POOL_MAX;
	}

	/**
	 * Finds a property by QEMU's name.
	 * @param qemuName the name, such as {@code poll-max-ns}
	 * @return the property, or nothing when no property is named so
	 */
	public static Optional<IOThreadProperty> named(String qemuName) {
		return Arrays.stream(values()).filter((property) -> property.qemuName.equals(qemuName)).findFirst();
	}

}
