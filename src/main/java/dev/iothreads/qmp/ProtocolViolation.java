package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * The other side sent something that is not QMP. {@link PhaseFailures} makes the
 * connection's end of it.
 */
final class ProtocolViolation extends Exception {

	static final String HUMAN_MONITOR = "QEMU's human monitor";

	private static final int EXCERPT_BYTES = 80;

	// Sent before the client sends anything.
	private static final Map<String, String> BEGINNINGS = Map.of("QEMU ", HUMAN_MONITOR, "(qemu)", HUMAN_MONITOR,
			"RFB ", "a VNC server", "NBDMAGIC", "an NBD server", "SSH-", "an SSH server", "\u00FF",
			"a telnet server, such as a monitor with telnet=on");

	private final @Nullable String speaker;

	ProtocolViolation(String message) {
		this(message, null);
	}

	private ProtocolViolation(String message, @Nullable String speaker) {
		super(message);
		this.speaker = speaker;
	}

	/**
	 * Bytes that are not a message.
	 * @param bytes their beginning, or more
	 */
	static ProtocolViolation notQmp(byte[] bytes) {
		String beginning = new String(bytes, 0, Math.min(bytes.length, EXCERPT_BYTES), StandardCharsets.ISO_8859_1);
		return new ProtocolViolation("This is not a QMP message: " + excerpt(bytes, 0, bytes.length),
				BEGINNINGS.entrySet()
					.stream()
					.filter((known) -> beginning.startsWith(known.getKey()))
					.map(Map.Entry::getValue)
					.findFirst()
					.orElse(null));
	}

	/**
	 * The beginning of some bytes, fit to be printed.
	 */
	static String excerpt(byte[] bytes, int offset, int length) {
		String text = new String(bytes, offset, Math.min(length, EXCERPT_BYTES), StandardCharsets.UTF_8)
			.replaceAll("[\\p{Cntrl}\\uFFFD]", "?");
		return "'" + text + ((length > EXCERPT_BYTES) ? "…'" : "'");
	}

	/**
	 * What listens there instead of a QMP monitor.
	 * @return {@code null} if it is not recognised
	 */
	@Nullable String speaker() {
		return this.speaker;
	}

}
