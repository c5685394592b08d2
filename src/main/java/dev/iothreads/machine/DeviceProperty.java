package dev.iothreads.machine;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

/**
 * A property that may be given to a device when it is attached, by QEMU's name. Others
 * are not passed on, whatever the request says: some of them name files of the host.
 */
public enum DeviceProperty {

	/** The serial number that the guest sees, up to 20 bytes. */
	SERIAL("serial", new Text(20)),

	/** Its place in the boot order. */
	BOOTINDEX("bootindex", new Range(0, Integer.MAX_VALUE)),

	/** The number of virtqueues of a disk. */
	NUM_QUEUES("num-queues", new Range(1, 1024)),

	/** The number of request virtqueues of a SCSI controller. */
	NUM_QUEUES_SCSI("num_queues", new Range(1, 1021)),

	/** The length of each virtqueue of a disk, a power of two. */
	QUEUE_SIZE("queue-size", new PowerOfTwo(4, 1024)),

	/** The length of each virtqueue of a SCSI controller, a power of two. */
	VIRTQUEUE_SIZE("virtqueue_size", new PowerOfTwo(4, 1024)),

	/** The number of MSI-X vectors. */
	VECTORS("vectors", new Range(0, 2048)),

	/** Whether the guest sees a write-back cache. */
	WRITE_CACHE("write-cache", Choice.ON_OFF_AUTO),

	/** Whether the guest may switch the cache. */
	CONFIG_WCE("config-wce", new Flag()),

	/** Whether others may write to the same block node. */
	SHARE_RW("share-rw", new Flag()),

	/** Whether the guest may discard. */
	DISCARD("discard", new Flag()),

	/** The unit of discarding, in bytes. */
	DISCARD_GRANULARITY("discard_granularity", new Range(0, 4294967295L)),

	/** Whether the guest may write zeroes without data. */
	WRITE_ZEROES("write-zeroes", new Flag()),

	/** The longest discard, in sectors of 512 bytes. */
	MAX_DISCARD_SECTORS("max-discard-sectors", new Range(1, 4194303)),

	/** The longest writing of zeroes, in sectors of 512 bytes. */
	MAX_WRITE_ZEROES_SECTORS("max-write-zeroes-sectors", new Range(1, 4194303)),

	/** The size of a block as the guest sees it, in bytes. */
	LOGICAL_BLOCK_SIZE("logical_block_size", new PowerOfTwo(512, 2097152)),

	/** The size of a block on the medium, in bytes. */
	PHYSICAL_BLOCK_SIZE("physical_block_size", new PowerOfTwo(512, 2097152)),

	/** The smallest request that is worth making, in bytes. */
	MIN_IO_SIZE("min_io_size", new Range(0, 4294967295L)),

	/** The best size of a request, in bytes. */
	OPT_IO_SIZE("opt_io_size", new Range(0, 4294967295L)),

	/** What to do when reading fails. */
	RERROR("rerror", Choice.ON_ERROR),

	/** What to do when writing fails. */
	WERROR("werror", Choice.ON_ERROR),

	/** Whether failed requests count in the statistics. */
	ACCOUNT_FAILED("account-failed", Choice.ON_OFF_AUTO),

	/** Whether invalid requests count in the statistics. */
	ACCOUNT_INVALID("account-invalid", Choice.ON_OFF_AUTO),

	/** Whether neighbouring requests are merged. */
	REQUEST_MERGING("request-merging", new Flag()),

	/** The longest request of a SCSI controller, in sectors of 512 bytes. */
	MAX_SECTORS("max_sectors", new Range(1, 65535)),

	/** The longest queue of a LUN. */
	CMD_PER_LUN("cmd_per_lun", new Range(1, 1024)),

	/** Whether the balloon shrinks when the guest runs out of memory. */
	DEFLATE_ON_OOM("deflate-on-oom", new Flag()),

	/** Whether the guest reports pages that it does not use. */
	FREE_PAGE_REPORTING("free-page-reporting", new Flag()),

	/** Whether packed virtqueues are offered. */
	PACKED("packed", new Flag()),

	/** Whether event indices are offered. */
	EVENT_IDX("event_idx", new Flag()),

	/** Whether indirect descriptors are offered. */
	INDIRECT_DESC("indirect_desc", new Flag()),

	/** That notifications go through an ioeventfd: an IOThread needs it. */
	IOEVENTFD("ioeventfd", new Always()),

	/** Whether the device goes through an IOMMU. */
	IOMMU_PLATFORM("iommu_platform", new Flag()),

	/** Whether the device keeps its own translation cache. */
	ATS("ats", new Flag()),

	/** Whether it is seen as a device of virtio 0.9. */
	DISABLE_LEGACY("disable-legacy", Choice.ON_OFF_AUTO),

	/** Whether it is not seen as a device of virtio 1.0. */
	DISABLE_MODERN("disable-modern", new Flag());

	private static final long SMALLEST_BLOCK = 512;

	private static final long LONGEST_MIN_IO = 65535;

	private static final long UNSET = 4294967295L;

	private final String qemuName;

	private final Rule rule;

	DeviceProperty(String qemuName, Rule rule) {
		this.qemuName = qemuName;
		this.rule = rule;
	}

	/**
	 * Returns the name that QEMU gives it.
	 * @return the name, in QEMU's spelling
	 */
	public String qemuName() {
		return this.qemuName;
	}

	/**
	 * Checks a value.
	 * @param value a {@link String}, {@link Boolean} or {@link Long}
	 * @return what is wrong with it, a sentence, or {@code null} when it is good
	 */
	public @Nullable String check(Object value) {
		return this.rule.allows(value) ? null : "It must be %s.".formatted(this.rule.words());
	}

	/**
	 * Checks values, each by itself and those that depend on each other. What depends on
	 * the machine or the block node is left to these.
	 * @param values a {@link String}, {@link Boolean} or {@link Long} for each property
	 * @return what is wrong, a sentence for each property that is
	 */
	public static Map<DeviceProperty, String> checkAll(Map<DeviceProperty, Object> values) {
		Map<DeviceProperty, String> wrong = new EnumMap<>(DeviceProperty.class);
		values.forEach((property, value) -> {
			String words = property.check(value);
			if (words != null) {
				wrong.put(property, words);
			}
		});
		if (wrong.isEmpty()) {
			checkSizes(values, wrong);
			if ("on".equals(values.get(DISABLE_LEGACY)) && Boolean.TRUE.equals(values.get(DISABLE_MODERN))) {
				wrong.put(DISABLE_MODERN, "Without legacy and modern there is nothing left. Leave one of them out.");
			}
		}
		return wrong;
	}

	// QEMU's hw/block/block.c
	private static void checkSizes(Map<DeviceProperty, Object> values, Map<DeviceProperty, String> wrong) {
		long logical = (values.get(LOGICAL_BLOCK_SIZE) instanceof Long given) ? given : SMALLEST_BLOCK;
		if (values.get(PHYSICAL_BLOCK_SIZE) instanceof Long physical && logical > physical) {
			wrong.put(LOGICAL_BLOCK_SIZE, "It must be no more than physical_block_size.");
		}
		for (DeviceProperty property : List.of(MIN_IO_SIZE, OPT_IO_SIZE, DISCARD_GRANULARITY)) {
			boolean unset = property == DISCARD_GRANULARITY && Long.valueOf(UNSET).equals(values.get(property));
			if (values.get(property) instanceof Long size && size % logical != 0 && !unset) {
				wrong.put(property, "It must be a multiple of logical_block_size.");
			}
		}
		if (values.get(MIN_IO_SIZE) instanceof Long size && size / logical > LONGEST_MIN_IO) {
			wrong.put(MIN_IO_SIZE, "It must be no more than %d logical blocks.".formatted(LONGEST_MIN_IO));
		}
	}

	/**
	 * Finds a property by QEMU's name.
	 * @param qemuName the name, such as {@code queue-size}
	 * @return the property, or nothing when none of that name may be given
	 */
	public static Optional<DeviceProperty> named(String qemuName) {
		return Arrays.stream(values()).filter((property) -> property.qemuName.equals(qemuName)).findFirst();
	}

	/**
	 * Names all of them.
	 * @return QEMU's names, joined by commas
	 */
	public static String names() {
		return Arrays.stream(values()).map(DeviceProperty::qemuName).collect(Collectors.joining(", "));
	}

	private interface Rule {

		boolean allows(Object value);

		String words();

	}

	private record Text(int longest) implements Rule {

		@Override
		public boolean allows(Object value) {
			return value instanceof String text && text.length() <= this.longest
					&& text.chars().allMatch((character) -> character >= 0x20 && character < 0x7f);
		}

		@Override
		public String words() {
			return "a text of at most %d printable ASCII characters".formatted(this.longest);
		}

	}

	private record Range(long min, long max) implements Rule {

		@Override
		public boolean allows(Object value) {
			return value instanceof Long number && number >= this.min && number <= this.max;
		}

		@Override
		public String words() {
			return "a whole number from %d to %d".formatted(this.min, this.max);
		}

	}

	private record PowerOfTwo(long min, long max) implements Rule {

		@Override
		public boolean allows(Object value) {
			return value instanceof Long number && number >= this.min && number <= this.max
					&& Long.bitCount(number) == 1;
		}

		@Override
		public String words() {
			return "a power of two from %d to %d".formatted(this.min, this.max);
		}

	}

	private record Flag() implements Rule {

		@Override
		public boolean allows(Object value) {
			return value instanceof Boolean;
		}

		@Override
		public String words() {
			return "true or false";
		}

	}

	private record Always() implements Rule {

		@Override
		public boolean allows(Object value) {
			return Boolean.TRUE.equals(value);
		}

		@Override
		public String words() {
			return "true: an IOThread needs it";
		}

	}

	private record Choice(List<String> values) implements Rule {

		static final Choice ON_OFF_AUTO = new Choice(List.of("on", "off", "auto"));

		static final Choice ON_ERROR = new Choice(List.of("report", "ignore", "enospc", "stop", "auto"));

		@Override
		public boolean allows(Object value) {
			return value instanceof String text && this.values.contains(text);
		}

		@Override
		public String words() {
			return "one of " + String.join(", ", this.values);
		}

	}

}
