package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

/**
 * One message of the monitor. The tree of what it brings is built in the one pass that
 * checks it, but that of an event, which is read when it is asked for. It is a view of
 * the bytes it came in, and ends with them.
 */
final class QmpMessage {

	/**
	 * QEMU's own limit is 1024.
	 */
	static final int MAX_DEPTH = 1000;

	/**
	 * A value takes a hundred bytes as a node of the tree and two on the wire: without a
	 * limit of their own the values of one line could fill the memory. So many are what a
	 * hundred thousand devices have.
	 */
	static final long MAX_TOKENS = 1_000_000;

	private static final int EXCERPT_BYTES = 80;

	// As a 64-bit JVM lays them out.
	private static final int MEMBER_SIZE = 64;

	private static final int ELEMENT_SIZE = 8;

	private static final int OBJECT_SIZE = 160;

	private static final int ARRAY_SIZE = 80;

	private static final int LONGEST_CLASS = 80;

	private static final int LONGEST_DESCRIPTION = 500;

	// The length of a line is bounded already, and with it everything in it.
	private static final JsonMapper MAPPER = JsonMapper
		.builder(JsonFactory.builder()
			.streamReadConstraints(StreamReadConstraints.builder()
				.maxNestingDepth(MAX_DEPTH)
				.maxTokenCount(MAX_TOKENS)
				.maxStringLength(Integer.MAX_VALUE)
				.build())
			.build())
		.build();

	private final byte[] bytes;

	private final int offset;

	private final int length;

	private final Kind kind;

	private final @Nullable Long id;

	private final JsonNode content;

	private QmpMessage(byte[] bytes, int offset, int length, Kind kind, @Nullable Long id, JsonNode content) {
		this.bytes = bytes;
		this.offset = offset;
		this.length = length;
		this.kind = kind;
		this.id = id;
		this.content = content;
	}

	/**
	 * Estimates, in one quick pass, how much memory the tree of a line takes: a node and
	 * its place for each member and element, and a table for each object.
	 */
	static long treeSize(byte[] bytes, int offset, int length) {
		long size = length;
		boolean text = false;
		for (int i = offset; i < offset + length; i++) {
			byte next = bytes[i];
			if (text) {
				if (next == '\\') {
					i++;
				}
				text = next != '"';
			}
			else {
				switch (next) {
					case '"' -> text = true;
					case ':' -> size += MEMBER_SIZE;
					case ',' -> size += ELEMENT_SIZE;
					case '{' -> size += OBJECT_SIZE;
					case '[' -> size += ARRAY_SIZE;
					default -> {
					}
				}
			}
		}
		return size;
	}

	/**
	 * Reads what kind of message a line is.
	 * @throws ProtocolViolation if it is no JSON object of a known kind
	 */
	static QmpMessage of(byte[] bytes, int offset, int length) throws ProtocolViolation {
		try (JsonParser parser = MAPPER.createParser(bytes, offset, length)) {
			if (parser.nextToken() != JsonToken.START_OBJECT) {
				throw notQmp(bytes, offset, length, null);
			}
			Kind kind = null;
			Long id = null;
			JsonNode content = MissingNode.getInstance();
			String name = parser.nextName();
			while (name != null) {
				JsonToken value = parser.nextToken();
				Kind named = Kind.of(name);
				if (named != null && kind == null) {
					kind = named;
					if (kind != Kind.EVENT) {
						content = parser.readValueAsTree();
					}
				}
				else if (name.equals("id") && value == JsonToken.VALUE_NUMBER_INT
						&& parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
					id = parser.getLongValue();
				}
				parser.skipChildren();
				name = parser.nextName();
			}
			if (kind == null || parser.nextToken() != null) {
				throw notQmp(bytes, offset, length, null);
			}
			return new QmpMessage(bytes, offset, length, kind, id, content);
		}
		catch (JacksonException ex) {
			throw notQmp(bytes, offset, length, ex);
		}
	}

	private static ProtocolViolation notQmp(byte[] bytes, int offset, int length, @Nullable JacksonException cause) {
		String text = excerpt(bytes, offset, length);
		if (cause == null) {
			return new ProtocolViolation("This is no QMP message: " + text, null);
		}
		return new ProtocolViolation(
				"This is no JSON a QMP monitor would send (" + cause.getOriginalMessage() + "): " + text, cause);
	}

	/**
	 * The beginning of some bytes, fit to be printed.
	 */
	static String excerpt(byte[] bytes, int offset, int length) {
		String text = new String(bytes, offset, Math.min(length, EXCERPT_BYTES), StandardCharsets.UTF_8)
			.replaceAll("[\\p{Cntrl}\\uFFFD]", "?");
		return "'" + text + ((length > EXCERPT_BYTES) ? "…'" : "'");
	}

	Kind kind() {
		return this.kind;
	}

	/**
	 * The id of the command this replies to, {@code null} if it has none, or none of
	 * ours.
	 */
	@Nullable Long id() {
		return this.id;
	}

	/**
	 * The value of the member that makes the message's kind, but an event's.
	 */
	JsonNode content() {
		return this.content;
	}

	String errorClass() {
		return printable(content().path("class").asString("GenericError"), LONGEST_CLASS);
	}

	String errorDescription() {
		return printable(content().path("desc").asString(""), LONGEST_DESCRIPTION);
	}

	// It goes into logs and answers.
	private static String printable(String words, int longest) {
		int end = Math.min(words.length(), longest);
		if (end > 0 && end < words.length() && Character.isHighSurrogate(words.charAt(end - 1))) {
			end--;
		}
		String text = (end < words.length()) ? words.substring(0, end) + "…" : words;
		return text.replaceAll("[\\p{Cntrl}\\u0080-\\u009F\\u2028\\u2029]", "?");
	}

	QmpGreeting greeting() throws ProtocolViolation {
		JsonNode greeting = content();
		JsonNode version = greeting.path("version").path("qemu");
		if (!version.path("major").isInt() || !version.path("minor").isInt() || !version.path("micro").isInt()) {
			throw new ProtocolViolation(
					"The greeting tells no version: " + excerpt(this.bytes, this.offset, this.length), null);
		}
		List<String> capabilities = new ArrayList<>();
		for (JsonNode capability : greeting.path("capabilities")) {
			capabilities.add(capability.asString(""));
		}
		return new QmpGreeting(version.path("major").intValue(), version.path("minor").intValue(),
				version.path("micro").intValue(), greeting.path("version").path("package").asString(""), capabilities);
	}

	QmpEvent event() throws ProtocolViolation {
		JsonNode event;
		try {
			event = MAPPER.readTree(this.bytes, this.offset, this.length);
		}
		catch (JacksonException ex) {
			throw notQmp(this.bytes, this.offset, this.length, ex);
		}
		if (!event.path("event").isString()) {
			throw notQmp(this.bytes, this.offset, this.length, null);
		}
		JsonNode data = event.path("data");
		return new QmpEvent(event.path("event").stringValue(), data.isMissingNode() ? MAPPER.createObjectNode() : data,
				timestamp(event.path("timestamp")));
	}

	private static Instant timestamp(JsonNode timestamp) {
		long seconds = timestamp.path("seconds").asLong(-1);
		long microseconds = timestamp.path("microseconds").asLong(-1);
		if (seconds < 0 || microseconds < 0) {
			return Instant.now();
		}
		try {
			return Instant.ofEpochSecond(seconds, Math.multiplyExact(microseconds, 1000));
		}
		catch (DateTimeException | ArithmeticException ex) {
			return Instant.now();
		}
	}

	/**
	 * Writes a command as one line.
	 * @throws IllegalArgumentException if the arguments hold what is no JSON, or
	 * characters QEMU's parser refuses: half a surrogate pair, or a code point Unicode
	 * has set aside as no character. QEMU's complaint would carry no id, and so end the
	 * connection for everybody
	 */
	static byte[] encode(QmpCommand command, long id) {
		String text;
		try {
			Map<String, Object> message = new LinkedHashMap<>();
			message.put("execute", command.name());
			if (!command.arguments().isEmpty()) {
				message.put("arguments", command.arguments());
			}
			message.put("id", id);
			text = MAPPER.writeValueAsString(message);
		}
		catch (JacksonException ex) {
			throw new IllegalArgumentException(
					"The arguments of " + command.name() + " are no JSON: " + ex.getOriginalMessage(), ex);
		}
		text.codePoints().filter((c) -> !isAccepted(c)).findFirst().ifPresent((c) -> {
			throw new IllegalArgumentException(
					"The arguments of %s hold U+%04X, which QEMU takes for no character".formatted(command.name(), c));
		});
		return (text + "\n").getBytes(StandardCharsets.UTF_8);
	}

	// QEMU: util/unicode.c, is_valid_codepoint
	private static boolean isAccepted(int codePoint) {
		return (codePoint < 0xD800 || codePoint > 0xDFFF) && (codePoint < 0xFDD0 || codePoint > 0xFDEF)
				&& (codePoint & 0xFFFE) != 0xFFFE;
	}

	/**
	 * The kinds of messages, told apart by the member only they have.
	 */
	enum Kind {

		GREETING("QMP"), EVENT("event"), RETURN("return"), ERROR("error");

		private final String member;

		Kind(String member) {
			this.member = member;
		}

		private static @Nullable Kind of(String member) {
			for (Kind kind : values()) {
				if (kind.member.equals(member)) {
					return kind;
				}
			}
			return null;
		}

	}

}
