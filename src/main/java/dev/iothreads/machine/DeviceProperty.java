package dev.iothreads.machine;

import java.util.Arrays;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

/**
 * The properties that a device can be given when it is attached. No other property is
 * passed on to QEMU, because some of them name files of the host. Whether the values go
 * together is checked by QEMU.
 */
public enum DeviceProperty {

	SERIAL("serial", Rule.text(20)),

	BOOTINDEX("bootindex", Rule.range(0, Integer.MAX_VALUE)),

	/** The number of virtqueues of a disk. */
	NUM_QUEUES("num-queues", Rule.range(1, 1024)),

	/** The number of request virtqueues of a SCSI controller. */
	NUM_QUEUES_SCSI("num_queues", Rule.range(1, 1021)),

	/** The length of each virtqueue of a disk. */
	QUEUE_SIZE("queue-size", Rule.powerOfTwo(4, 1024)),

	/** The length of each virtqueue of a SCSI controller. */
	VIRTQUEUE_SIZE("virtqueue_size", Rule.powerOfTwo(4, 1024)),

	/** The number of MSI-X vectors. */
	VECTORS("vectors", Rule.range(0, 2048)),

	WRITE_CACHE("write-cache", Rule.ON_OFF_AUTO),

	CONFIG_WCE("config-wce", Rule.FLAG),

	/** Whether other devices may write to the same block node. */
	SHARE_RW("share-rw", Rule.FLAG),

	DISCARD("discard", Rule.FLAG),

	/** In bytes. */
	DISCARD_GRANULARITY("discard_granularity", Rule.range(0, 4294967295L)),

	WRITE_ZEROES("write-zeroes", Rule.FLAG),

	/** In sectors of 512 bytes. */
	MAX_DISCARD_SECTORS("max-discard-sectors", Rule.range(1, 4194303)),

	/** In sectors of 512 bytes. */
	MAX_WRITE_ZEROES_SECTORS("max-write-zeroes-sectors", Rule.range(1, 4194303)),

	/** In bytes. */
	LOGICAL_BLOCK_SIZE("logical_block_size", Rule.powerOfTwo(512, 2097152)),

	/** In bytes. */
	PHYSICAL_BLOCK_SIZE("physical_block_size", Rule.powerOfTwo(512, 2097152)),

	/** In bytes. */
	MIN_IO_SIZE("min_io_size", Rule.range(0, 4294967295L)),

	/** In bytes. */
	OPT_IO_SIZE("opt_io_size", Rule.range(0, 4294967295L)),

	RERROR("rerror", Rule.ON_ERROR),

	WERROR("werror", Rule.ON_ERROR),

	ACCOUNT_FAILED("account-failed", Rule.ON_OFF_AUTO),

	ACCOUNT_INVALID("account-invalid", Rule.ON_OFF_AUTO),

	REQUEST_MERGING("request-merging", Rule.FLAG),

	/** The longest request of a SCSI controller, in sectors of 512 bytes. */
	MAX_SECTORS("max_sectors", Rule.range(1, 65535)),

	/** The longest queue of a LUN. */
	CMD_PER_LUN("cmd_per_lun", Rule.range(1, 1024)),

	DEFLATE_ON_OOM("deflate-on-oom", Rule.FLAG),

	FREE_PAGE_REPORTING("free-page-reporting", Rule.FLAG),

	PACKED("packed", Rule.FLAG),

	EVENT_IDX("event_idx", Rule.FLAG),

	INDIRECT_DESC("indirect_desc", Rule.FLAG),

	IOEVENTFD("ioeventfd", new Rule(Boolean.TRUE::equals, "true: an IOThread needs it")),

	IOMMU_PLATFORM("iommu_platform", Rule.FLAG),

	ATS("ats", Rule.FLAG),

	DISABLE_LEGACY("disable-legacy", Rule.ON_OFF_AUTO),

	DISABLE_MODERN("disable-modern", Rule.FLAG);

	private final String qemuName;

	private final Predicate<Object> allowed;

	private final String words;

	DeviceProperty(String qemuName, Rule rule) {
		this.qemuName = qemuName;
		this.allowed = rule.allowed;
		this.words = rule.words;
	}

	/**
	 * Returns QEMU's name of it.
	 * @return the name, in QEMU's spelling
	 */
	public String qemuName() {
		return this.qemuName;
	}

	/**
	 * Checks a value.
	 * @param value a {@link String}, {@link Boolean} or {@link Long}
	 * @return what is wrong with it, a sentence, or {@code null} when it is valid
	 */
	public @Nullable String check(Object value) {
		return this.allowed.test(value) ? null : "It must be %s.".formatted(this.words);
	}

	/**
	 * Finds a property by QEMU's name.
	 * @param qemuName the name, such as {@code queue-size}
	 * @return the property, or nothing when there is none of that name
	 */
	public static Optional<DeviceProperty> named(String qemuName) {
		return Arrays.stream(values()).filter((property) -> property.qemuName.equals(qemuName)).findFirst();
	}

	/**
	 * Returns the names of all properties.
	 * @return QEMU's names, joined by commas
	 */
	public static String names() {
		return Arrays.stream(values()).map(DeviceProperty::qemuName).collect(Collectors.joining(", "));
	}

	/**
	 * Which values a property can have.
	 *
	 * @param allowed tests a value
	 * @param words what a value must be
	 */
	private record Rule(Predicate<Object> allowed, String words) {

		static final Rule FLAG = new Rule(Boolean.class::isInstance, "true or false");

		static final Rule ON_OFF_AUTO = choice("on", "off", "auto");

		static final Rule ON_ERROR = choice("report", "ignore", "enospc", "stop", "auto");

		static Rule text(int longest) {
			return new Rule(
					(value) -> value instanceof String text && text.length() <= longest
							&& text.chars().allMatch((character) -> character >= 0x20 && character < 0x7f),
					"a text of at most %d printable ASCII characters".formatted(longest));
		}

		static Rule range(long min, long max) {
			return new Rule((value) -> value instanceof Long number && number >= min && number <= max,
					"a whole number from %d to %d".formatted(min, max));
		}

		static Rule powerOfTwo(long min, long max) {
			return new Rule((value) -> value instanceof Long number && number >= min && number <= max
					&& Long.bitCount(number) == 1, "a power of two from %d to %d".formatted(min, max));
		}

		static Rule choice(String... values) {
			return new Rule(Arrays.asList(values)::contains, "one of " + String.join(", ", values));
		}

	}

}
