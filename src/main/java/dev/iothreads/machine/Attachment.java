package dev.iothreads.machine;

import java.util.Comparator;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Something that runs on an IOThread.
 *
 * @param kind {@value #DEVICE}, or what QEMU itself says that it is, such as
 * {@code block-export} or {@code block-node}
 * @param id the device's id, or the name of what is no device
 * @param driver the device's driver, {@code null} when it is unknown or no device
 * @param qomPath where it is in the QOM tree, {@code null} when it is not there
 * @param virtqueues which of its virtqueues the IOThread serves, none where it has more
 * IOThreads than virtqueues; {@code null} where QEMU does not say
 */
public record Attachment(String kind, String id, @Nullable String driver, @Nullable String qomPath,
		@Nullable List<Integer> virtqueues) implements Comparable<Attachment> {

	/**
	 * Creates an attachment of which QEMU does not say what virtqueues are served.
	 * @param kind what it is
	 * @param id its id or name
	 * @param driver the device's driver
	 * @param qomPath where it is in the QOM tree
	 */
	public Attachment(String kind, String id, @Nullable String driver, @Nullable String qomPath) {
		this(kind, id, driver, qomPath, null);
	}

	/** The kind of what has a place in the QOM tree. */
	public static final String DEVICE = "device";

	private static final Comparator<Attachment> ORDER = Comparator.comparing(Attachment::place, NaturalOrder.OF_IDS)
		.thenComparing(Attachment::kind)
		.thenComparing(Attachment::id);

	/**
	 * Names it in one word, for lists that hold nothing else.
	 * @return its QOM path, or its kind and name where it has none
	 */
	public String place() {
		return (this.qomPath != null) ? this.qomPath : this.kind + ":" + this.id;
	}

	/**
	 * Orders by QOM path.
	 */
	@Override
	public int compareTo(Attachment other) {
		return ORDER.compare(this, other);
	}

}
