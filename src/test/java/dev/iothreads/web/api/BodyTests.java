package dev.iothreads.web.api;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is sent with a change, and is more, deeper or odder than any change is.
 */
@WebTest
class BodyTests {

	private static final String IOTHREADS = "/api/v1/machines/demo/iothreads";

	private static final String JSON = "Content-Type: application/json";

	private static final int LARGEST = 64 * 1024;

	private final int port;

	private final Wire wire;

	BodyTests(@LocalServerPort int port) {
		this.port = port;
		this.wire = new Wire(port);
	}

	@Test
	void aBodyOf64KilobytesIsRead() throws IOException {
		String body = "{\"id\": \"0\"}";
		Wire.Answer answer = this.wire.send("POST", IOTHREADS, body + " ".repeat(LARGEST - body.length()), JSON);
		assertThat(answer.status()).isEqualTo(422);
	}

	// Jackson looks at the length each time that it has read 8 kB.
	@ParameterizedTest
	@ValueSource(strings = { "POST", "PATCH" })
	void aLargerBodyIsRefused(String method) throws IOException {
		isTooLarge(this.wire.send(method, IOTHREADS + (method.equals("PATCH") ? "/iothread0" : ""),
				" ".repeat(LARGEST + 2 * 8000), JSON));
	}

	@ParameterizedTest
	@ValueSource(strings = { "POST", "PATCH" })
	void aLargerBodyOfUnknownLengthIsNotReadToItsEnd(String method) throws IOException {
		isTooLarge(this.wire.raw(
				"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s"
					.formatted(method, IOTHREADS + (method.equals("PATCH") ? "/iothread0" : ""), JSON,
							LARGEST + 2 * 8000, " ".repeat(LARGEST + 2 * 8000)),
				true));
	}

	private static void isTooLarge(Wire.Answer answer) {
		assertThat(answer.status()).isEqualTo(413);
		assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
		assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:request-too-large");
		assertThat(answer.json().path("detail").asString()).contains("64 kB");
	}

	@Test
	void whatIsDeeperThanAnythingIsNotReadToItsEnd() throws IOException {
		for (String opening : new String[] { "[", "{\"a\":" }) {
			Wire.Answer answer = this.wire.send("POST", IOTHREADS, opening.repeat(10_000), JSON);
			assertThat(answer.status()).isEqualTo(400);
			assertThat(answer.json().path("detail").asString()).contains("too deep");
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "UTF-8", "UTF-16", "UTF-16LE", "UTF-32", "ISO-8859-1" })
	void theCharsetThatIsNamedIsTheOneThatIsRead(String charset) throws IOException {
		String body = new String("{\"id\": \"\u00e4\"}".getBytes(charset), StandardCharsets.ISO_8859_1);
		Wire.Answer answer = this.wire.send("POST", IOTHREADS, body, JSON + "; charset=" + charset);
		assertThat(answer.status()).isEqualTo(422);
		assertThat(answer.json().path("errors").findValuesAsString("field")).containsExactly("id");
	}

	@Test
	void aCompressedBodyIsNoJson() throws IOException {
		ByteArrayOutputStream packed = new ByteArrayOutputStream();
		try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
			gzip.write("{\"id\": \"pool0\"}".getBytes(StandardCharsets.UTF_8));
		}
		Wire.Answer answer = this.wire.send("POST", IOTHREADS, packed.toString(StandardCharsets.ISO_8859_1), JSON,
				"Content-Encoding: gzip");
		assertThat(answer.status()).isEqualTo(400);
		assertThat(answer.json().path("detail").asString()).contains("no JSON");
	}

	@ParameterizedTest
	@ValueSource(strings = { "\" \"", "\"1\"", "1.0", "true", "[]", "{}", "null" })
	void aSettingThatIsNoWholeNumberIsRefused(String value) throws IOException {
		Wire.Answer answer = this.wire.send("PATCH", IOTHREADS + "/iothread0", "{\"poll-grow\": " + value + "}", JSON);
		assertThat(answer.status()).isEqualTo(422);
		assertThat(answer.json().path("errors").findValuesAsString("field")).containsExactly("poll-grow");
	}

	@Test
	void theRefusalOfAnUnknownMemberListsTheKnownOnes() throws IOException {
		Wire.Answer answer = this.wire.send("POST", IOTHREADS, "{\"id\": [], \"size\": 1}", JSON);
		assertThat(answer.status()).isEqualTo(422);
		assertThat(answer.json().path("errors").findValuesAsString("field")).containsExactly("id", "size");
		assertThat(answer.json().path("errors").path(1).path("message").asString())
			.isEqualTo("It is not known here. Leave it out. Known are: aio-max-batch, id, persist, poll-grow, "
					+ "poll-max-ns, poll-shrink, poll-weight, thread-pool-max, thread-pool-min.");
	}

	@Test
	void utf8MayBeNamed() throws IOException {
		assertThat(this.wire
			.send("POST", IOTHREADS, "{\"id\": \"0\"}", "Content-Type: application/json; charset=UTF-8",
					"Content-Encoding: identity")
			.status()).isEqualTo(422);
	}

	@Test
	void bytesThatAreNoTextAreNoJson() throws IOException {
		String broken = new String(new byte[] { (byte) 0xc3, 0x28 }, StandardCharsets.ISO_8859_1);
		assertThat(this.wire.send("POST", IOTHREADS, "{\"id\": \"" + broken + "\"}", JSON).status()).isEqualTo(400);
	}

	@ParameterizedTest
	@ValueSource(strings = { "application/x-www-form-urlencoded", "multipart/form-data; boundary=a" })
	void formsAreNotReadAtAll(String type) throws IOException {
		for (String method : new String[] { "POST", "PATCH", "PUT", "DELETE" }) {
			assertThat(this.wire.send(method, IOTHREADS + "/nope", "id=a", "Content-Type: " + type).status()).isIn(404,
					405, 415);
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "Prefer", "If-Match", "If-None-Match", "Last-Event-ID", "Accept", "Authorization" })
	void aHeaderThatIsTooLongIsRefused(String header) throws IOException {
		Wire.Answer answer = this.wire.send("DELETE", IOTHREADS + "/nope", "", header + ": " + ",".repeat(9000));
		assertThat(answer.status()).isEqualTo(400);
		assertThat(answer.json().path("type").asString()).isEqualTo("urn:iothreads:problem:invalid-request");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			DELETE | /api/v1/machines/demo/devices/nope        | Prefer        |                      | 404
			DELETE | /api/v1/machines/demo/iothreads/iothread0 | If-Match      |                      | 412
			PATCH  | /api/v1/machines/demo/iothreads/iothread0 | If-Match      | {"poll-max-ns": 1}   | 412
			GET    | /api/v1/machines/demo/iothreads           | If-None-Match |                      | 200
			GET    | /api/v1/machines/demo/iothreads/iothread0 | If-None-Match |                      | 200
			GET    | /api/v1/machines/demo/iothreads           | Accept        |                      | 200,400,406
			HEAD   | /api/v1/events                            | Last-Event-ID |                      | 200
			""")
	void aHeaderThatIsAsLongAsCanBeIsNoTrouble(String method, String target, String header, String body, String answers)
			throws IOException {
		List<Integer> possible = Stream.of(answers.split(",")).map(Integer::valueOf).toList();
		for (String filling : new String[] { ",", " , wait=", "\"", "W/\"a\",", "9", "\u00ff" }) {
			String value = filling.repeat(7000 / filling.length());
			assertThat(this.wire.send(method, target, (body != null) ? body : "", JSON, header + ": " + value).status())
				.as(filling)
				.isIn(possible);
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { ",", "\"", "9", "-9", "\u00ff" })
	void anEventIdThatIsAsLongAsCanBeIsUnknown(String filling) throws IOException {
		try (Socket socket = new Socket("127.0.0.1", this.port)) {
			socket.setSoTimeout(30_000);
			socket.getOutputStream()
				.write("GET /api/v1/events HTTP/1.0\r\nLast-Event-ID: %s\r\n\r\n"
					.formatted(filling.repeat(7000 / filling.length()))
					.getBytes(StandardCharsets.ISO_8859_1));
			BufferedReader lines = new BufferedReader(
					new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
			assertThat(lines.readLine()).startsWith("HTTP/1.1 200");
			String event = lines.readLine();
			while (event != null && !event.startsWith("event: ")) {
				event = lines.readLine();
			}
			assertThat(event).isEqualTo("event: resync");
		}
	}

}
