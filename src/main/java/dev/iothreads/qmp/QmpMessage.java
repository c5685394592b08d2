package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One message of the monitor.
 *
 * @param kind its kind
 * @param id the id of the command this replies to, {@code null} if it has none, or none
 * of this client's
 * @param body the whole message
 * @param tokens how many names and values it has, a measure of its memory
 */
record QmpMessage(Kind kind, @Nullable Long id, JsonNode body, long tokens) {

	/**
	 * QEMU's own limit is 1024.
	 */
	static final int MAX_DEPTH = 1000;

	/**
	 * The most names and values of one message, and of the unanswered commands' replies
	 * together. As nodes of a tree they take 64 bytes each: a quarter of the spare
	 * memory. A disk in query-blockstats has a hundred.
	 */
	static final long MAX_TOKENS = Math.min(2_000_000,
			Math.max(20_000, QmpOptions.spare(Runtime.getRuntime().maxMemory()) / 4 / 64));

	private static final int LONGEST_CLASS = 80;

	private static final int LONGEST_DESCRIPTION = 500;

	// The length of a message is bounded already, and with it that of every string.
	private static final JsonMapper MAPPER = JsonMapper
		.builder(JsonFactory.builder()
			.streamReadConstraints(StreamReadConstraints.builder()
				.maxNestingDepth(MAX_DEPTH)
				.maxTokenCount(MAX_TOKENS)
				.maxStringLength(Integer.MAX_VALUE)
				.build())
			.build())
		.build();

	/**
	 * Reads a message.
	 * @throws ProtocolViolation if it is not a JSON object of a known kind, or has more
	 * values than there is memory for
	 */
	static QmpMessage of(byte[] bytes, int offset, int length) throws ProtocolViolation {
		try (JsonParser parser = MAPPER.createParser(bytes, offset, length)) {
			try {
				JsonNode body = parser.readValueAsTree();
				long tokens = parser.currentTokenCount();
				for (Kind kind : Kind.values()) {
					if (body.has(kind.member) && parser.nextToken() == null) {
						return new QmpMessage(kind, id(body.path("id")), body, tokens);
					}
				}
			}
			catch (JacksonException ex) {
				if (parser.currentTokenCount() > MAX_TOKENS) {
					throw tooMuch();
				}
			}
			throw ProtocolViolation.notQmp(Arrays.copyOfRange(bytes, offset, offset + length));
		}
	}

	/**
	 * More values than there is memory for.
	 */
	static ProtocolViolation tooMuch() {
		return new ProtocolViolation("There is not enough memory for what it sends. Give the service more");
	}

	private static @Nullable Long id(JsonNode id) {
		return (id.isIntegralNumber() && id.canConvertToLong()) ? id.longValue() : null;
	}

	/**
	 * What the message brings.
	 */
	JsonNode content() {
		return this.body.path(this.kind.member);
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
		JsonNode version = content().path("version").path("qemu");
		if (!version.path("major").isInt() || !version.path("minor").isInt() || !version.path("micro").isInt()) {
			throw notQmp();
		}
		return new QmpGreeting(version.path("major").intValue(), version.path("minor").intValue(),
				version.path("micro").intValue(), content().path("version").path("package").asString(""));
	}

	QmpEvent event() throws ProtocolViolation {
		if (!content().isString()) {
			throw notQmp();
		}
		JsonNode data = this.body.path("data");
		return new QmpEvent(content().stringValue(), data.isMissingNode() ? MAPPER.createObjectNode() : data,
				timestamp(this.body.path("timestamp")));
	}

	private ProtocolViolation notQmp() {
		return ProtocolViolation.notQmp(this.body.toString().getBytes(StandardCharsets.UTF_8));
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
	 * @throws IllegalArgumentException if the arguments cannot be written as JSON, or
	 * hold characters QEMU's parser refuses: half a surrogate pair, or a code point that
	 * Unicode has set aside as no character. QEMU's complaint would carry no id, and so
	 * end the connection
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
			throw new IllegalArgumentException("The arguments of " + command.name() + " cannot be written as JSON", ex);
		}
		for (int i = 0; i < text.length(); i = text.offsetByCodePoints(i, 1)) {
			if (!isAccepted(text.codePointAt(i))) {
				throw new IllegalArgumentException("The arguments of %s hold U+%04X, which QEMU does not accept"
					.formatted(command.name(), text.codePointAt(i)));
			}
		}
		return (text + "\n").getBytes(StandardCharsets.UTF_8);
	}

	// QEMU: util/unicode.c, is_valid_codepoint
	private static boolean isAccepted(int codePoint) {
		return (codePoint < 0xD800 || codePoint > 0xDFFF) && (codePoint < 0xFDD0 || codePoint > 0xFDEF)
				&& (codePoint & 0xFFFE) != 0xFFFE;
	}

	/**
	 * The kinds of messages, known by the member that no other kind has.
	 */
	enum Kind {

		GREETING("QMP"), EVENT("event"), RETURN("return"), ERROR("error");

		private final String member;

		Kind(String member) {
			this.member = member;
		}

	}

}
