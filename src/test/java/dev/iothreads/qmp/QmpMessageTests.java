package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.iothreads.qmp.QmpMessage.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

class QmpMessageTests {

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			{"return": {}, "id": 1}                        | RETURN   | 1
			{"id": 1, "return": {}}                        | RETURN   | 1
			{"return": [{"id": 7}], "id": 1}               | RETURN   | 1
			{"return": "x", "id": 9223372036854775807}     | RETURN   | 9223372036854775807
			{"id": 2, "error": {"class": "x", "desc": ""}} | ERROR    | 2
			{"event": "STOP", "timestamp": {}}             | EVENT    |
			{"QMP": {}}                                    | GREETING |
			{"return": {}}                                 | RETURN   |
			{"return": {}, "id": "1"}                      | RETURN   |
			{"return": {}, "id": {"a": [1]}}               | RETURN   |
			{"return": {}, "id": 1.5}                      | RETURN   |
			{"return": {}, "id": 92233720368547758070}     | RETURN   |
			""")
	void theKindAndTheIdAreFoundWhereverTheyStand(String text, Kind kind, Long id) throws Exception {
		QmpMessage message = message(text);
		assertThat(message.kind()).isEqualTo(kind);
		assertThat(message.id()).isEqualTo(id);
	}

	@ParameterizedTest
	@ValueSource(strings = { "{}", "[]", "1", "\"return\"", "null", "{\"id\": 1}", "{\"return\": {}} {}",
			"{\"return\": {}}}", "{\"return\": {}", "{\"return\": }", "{return: {}}", "QEMU 11.1.3 monitor", "\u0000",
			"{\"return\": {}, \"id\": 01}" })
	void whatIsNoMessageIsAViolation(String text) {
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> message(text));
	}

	@Test
	void bytesThatAreNoUtf8AreAViolation() {
		byte[] bytes = "{\"return\": \"?\", \"id\": 1}".getBytes(StandardCharsets.ISO_8859_1);
		bytes[12] = (byte) 0xFF;
		assertThatExceptionOfType(ProtocolViolation.class)
			.isThrownBy(() -> QmpMessage.of(bytes, 0, bytes.length).content());
	}

	@Test
	void aViolationShowsTheBeginningOfWhatCameFitToBePrinted() {
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> message("a\u001b[2J\r" + "b".repeat(1000)))
			.withMessageContaining("'a?[2J?bbb")
			.satisfies((violation) -> assertThat(violation.getMessage()).hasSizeLessThan(300));
	}

	@ParameterizedTest
	@ValueSource(strings = { "{}", "[]", "-5", "18446744073709551615", "1.5", "true", "null", "\"\"", "\"a, b\"",
			"{\"return\": 1, \"id\": 5}", "[1, {\"error\": null}]" })
	void theContentIsThatOfTheMemberThatMakesTheKind(String content) throws Exception {
		assertThat(message("{\"id\": 1, \"x\": [{\"return\": 0}], \"return\": " + content + "}").content())
			.hasToString(content.replace(": ", ":").replace("1, ", "1,"));
		assertThat(message("{\"return\": " + content + ", \"id\": 1}").content())
			.hasToString(content.replace(": ", ":").replace("1, ", "1,"));
	}

	@Test
	void aMessageIsReadWhereItStandsInTheBuffer() throws Exception {
		byte[] bytes = "garbage{\"return\": [1], \"id\": 3}garbage".getBytes(StandardCharsets.UTF_8);
		QmpMessage message = QmpMessage.of(bytes, 7, bytes.length - 14);
		assertThat(message.id()).isEqualTo(3);
		assertThat(message.content()).hasToString("[1]");
	}

	@Test
	void halvesOfSurrogatePairsThatAreEscapedAreKept() throws Exception {
		assertThat(message("{\"return\": \"a\\ud800b\\udfff\", \"id\": 1}").content().stringValue())
			.isEqualTo("a\ud800b\udfff");
		assertThat(message("{\"return\": \"\\ud834\\udd1e\", \"id\": 1}").content().stringValue()).isEqualTo("𝄞");
	}

	@Test
	void aHugeStringIsNoHindrance() throws Exception {
		String huge = "x".repeat(30_000_000);
		assertThat(message("{\"return\": \"" + huge + "\", \"id\": 1}").content().stringValue()).isEqualTo(huge);
	}

	@Test
	void messagesAreNestedUpTo1000Deep() throws Exception {
		QmpMessage message = message("{\"return\": " + "[".repeat(999) + "]".repeat(999) + ", \"id\": 1}");
		JsonNode content = message.content();
		int depth = 0;
		while (content.isArray()) {
			content = content.path(0);
			depth++;
		}
		assertThat(depth).isEqualTo(999);
		assertThatExceptionOfType(ProtocolViolation.class)
			.isThrownBy(() -> message("{\"return\": " + "[".repeat(1000) + "]".repeat(1000) + ", \"id\": 1}"))
			.withMessageContaining("This is not a QMP message");
		assertThatExceptionOfType(ProtocolViolation.class)
			.isThrownBy(() -> message("{\"id\": 1, \"x\": " + "{\"a\":".repeat(1_000_000)));
	}

	@Test
	void anErrorHasAClassAndADescription() throws Exception {
		QmpMessage message = message("{\"id\": 1, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Gone\"}}");
		assertThat(message.errorClass()).isEqualTo("DeviceNotFound");
		assertThat(message.errorDescription()).isEqualTo("Gone");
	}

	@Test
	void aGreetingHasAVersion() throws Exception {
		QmpGreeting greeting = message(ScriptedMonitor.GREETING).greeting();
		assertThat(greeting).isEqualTo(new QmpGreeting(11, 1, 3, "scripted"));
		assertThat(greeting.version()).isEqualTo("11.1.3");
	}

	@Test
	void aGreetingNeedsNoMoreThanAVersion() throws Exception {
		QmpMessage message = message(
				"{\"QMP\": {\"version\": {\"qemu\": {\"major\": 1, \"minor\": 2, \"micro\": 3}}}}");
		assertThat(message.greeting()).isEqualTo(new QmpGreeting(1, 2, 3, ""));
	}

	@ParameterizedTest
	@ValueSource(strings = { "{\"QMP\": 1}", "{\"QMP\": {\"version\": \"11.1.3\"}}",
			"{\"QMP\": {\"version\": {\"qemu\": {\"major\": \"11\", \"minor\": 1, \"micro\": 3}}}}" })
	void aGreetingWithoutAVersionIsAViolation(String text) {
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> message(text).greeting())
			.withMessageContaining("This is not a QMP message: '{\"QMP\":");
	}

	@Test
	void anEventHasANameDataAndATime() throws Exception {
		QmpEvent event = message("{\"timestamp\": {\"seconds\": 1795361342, \"microseconds\": 406028}, "
				+ "\"event\": \"DEVICE_DELETED\", \"data\": {\"path\": \"/machine/peripheral/hot0\"}}")
			.event();
		assertThat(event.name()).isEqualTo("DEVICE_DELETED");
		assertThat(event.data()).hasToString("{\"path\":\"/machine/peripheral/hot0\"}");
		assertThat(event.timestamp()).isEqualTo(Instant.ofEpochSecond(1795361342, 406028000));
	}

	@Test
	void anEventWithoutDataHasAnEmptyObject() throws Exception {
		assertThat(
				message("{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 0}}").event().data())
			.hasToString("{}");
	}

	@ParameterizedTest
	@ValueSource(strings = { "{\"seconds\": -1, \"microseconds\": -1}", "{}", "1", "null",
			"{\"seconds\": 9223372036854775807, \"microseconds\": 0}",
			"{\"seconds\": 0, \"microseconds\": 9223372036854775807}" })
	void anEventWithoutAUsableTimeHasThatOfItsReceipt(String timestamp) throws Exception {
		assertThat(message("{\"event\": \"STOP\", \"timestamp\": " + timestamp + "}").event().timestamp())
			.isCloseTo(Instant.now(), within(1, ChronoUnit.MINUTES));
	}

	@Test
	void aCommandIsOneLineWithItsIdAndItsArgumentsInOrder() {
		Map<String, Object> arguments = new LinkedHashMap<>();
		arguments.put("qom-type", "iothread");
		arguments.put("id", "pool\n0");
		arguments.put("poll-max-ns", 9223372036854775807L);
		arguments.put("props", Map.of("list", List.of(1, true)));
		assertThat(encoded(QmpCommand.of("object-add", arguments), 5))
			.isEqualTo("{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"iothread\",\"id\":\"pool\\n0\","
					+ "\"poll-max-ns\":9223372036854775807,\"props\":{\"list\":[1,true]}},\"id\":5}\n");
	}

	@Test
	void aCommandWithoutArgumentsHasNoSuchMember() {
		assertThat(encoded(QmpCommand.of("query-version"), 1)).isEqualTo("{\"execute\":\"query-version\",\"id\":1}\n");
	}

	@Test
	void aCommandMayHoldAnyCharacter() {
		assertThat(encoded(QmpCommand.of("x", Map.of("a", "ä€𝄞\u0000")), 1)).contains("ä€𝄞\\u0000");
	}

	@ParameterizedTest
	@ValueSource(ints = { 0xD800, 0xDFFF, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF })
	void aCommandMayNotHoldWhatQemuTakesForNoCharacter(int codePoint) {
		QmpCommand command = QmpCommand.of("x", Map.of("a", List.of("b" + Character.toString(codePoint))));
		assertThatIllegalArgumentException().isThrownBy(() -> QmpMessage.encode(command, 1))
			.withMessage("The arguments of x hold U+%04X, which QEMU does not accept".formatted(codePoint));
	}

	@Test
	void argumentsThatAreNoJsonAreRefused() {
		Map<String, Object> endless = new LinkedHashMap<>();
		endless.put("again", endless);
		QmpCommand command = QmpCommand.of("x", endless);
		assertThatIllegalArgumentException().isThrownBy(() -> QmpMessage.encode(command, 1))
			.withMessageContaining("The arguments of x cannot be written as JSON");
	}

	private static QmpMessage message(String text) throws ProtocolViolation {
		byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
		return QmpMessage.of(bytes, 0, bytes.length);
	}

	private static String encoded(QmpCommand command, long id) {
		return new String(QmpMessage.encode(command, id), StandardCharsets.UTF_8);
	}

	@Test
	void whatQemuSaysOfAnErrorIsShortAndPrintable() throws ProtocolViolation {
		byte[] line = ("{\"error\": {\"class\": \"" + "C".repeat(1000) + "\", \"desc\": \"a\\u001b[31m\\r\\n\\u0085b"
				+ "\uD83D\uDE00".repeat(1000) + "\"}}")
			.getBytes(StandardCharsets.UTF_8);
		QmpMessage message = QmpMessage.of(line, 0, line.length);
		assertThat(message.errorClass()).isEqualTo("C".repeat(80) + "…");
		assertThat(message.errorDescription()).startsWith("a?[31m???b\uD83D\uDE00")
			.endsWith("\uD83D\uDE00…")
			.hasSizeBetween(499, 501);
	}

}
