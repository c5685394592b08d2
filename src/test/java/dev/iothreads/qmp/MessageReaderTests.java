package dev.iothreads.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class MessageReaderTests {

	private static final int MIB = 1024 * 1024;

	@Test
	void messagesEndWithOrWithoutACarriageReturn() throws Exception {
		assertThat(names("{\"event\": \"one\"}\r\n{\"event\": \"two\"}\n{\"event\": \"three\"}", 100))
			.containsExactly("one", "two", "three");
	}

	@Test
	void blankLinesAreIgnored() throws Exception {
		assertThat(names("\r\n\n  \t\r\n{\"event\": \"one\"}\n\r\n \n{\"event\": \"two\"}\n", 100))
			.containsExactly("one", "two");
	}

	@Test
	void aMessageMayHaveManyLinesAndALineManyMessages() throws Exception {
		String text = """
				{
				    "event": "one",
				    "data": {
				        "}": "\\"]}"
				    }
				}
				{"event": "two"}{"event": "three"} {"data": [
				{}, []], "event": "four"}
				""";
		for (int chunk = 1; chunk <= text.length(); chunk++) {
			assertThat(names(text, chunk)).as("in pieces of %d", chunk).containsExactly("one", "two", "three", "four");
		}
	}

	@Test
	void anUnfinishedMessageIsNoMessage() throws Exception {
		MessageReader reader = reader("{\"event\": \"one\"}\n{\"event\"", 100, 100);
		assertThat(names(reader)).containsExactly("one");
		assertThat(reader.isWithinMessage()).isTrue();
	}

	@Test
	void messagesAreTheSameHoweverTheyAreSplit() throws Exception {
		String text = "{\"event\": \"ä€𝄞\"}\r\n\r\n{\"event\": \"\\\"\"}\n{\"event\": \"\\\\\"}\r\n";
		int length = text.getBytes(StandardCharsets.UTF_8).length;
		for (int chunk = 1; chunk <= length; chunk++) {
			assertThat(names(text, chunk)).as("in pieces of %d", chunk).containsExactly("ä€𝄞", "\"", "\\");
		}
	}

	@Test
	void aMessageMayBeAsLongAsAllowedWhateverFollowsIt() throws Exception {
		for (String end : new String[] { "", "\n", "\r\n" }) {
			for (int chunk : new int[] { 1, 7, 5000, 50_000 }) {
				String message = message(20_000);
				assertThat(names(reader(message + end + message + end, chunk, 20_000))).hasSize(2);
			}
		}
	}

	@Test
	void aMessageThatIsTooLongIsRefusedWhetherItEndsOrNot() {
		for (String text : new String[] { message(20_001), message(20_001) + "\r\n",
				message(30_000).substring(0, 20_001) }) {
			for (int chunk : new int[] { 1, 7, 5000, 50_000 }) {
				MessageReader reader = reader(text, chunk, 20_000);
				assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> names(reader))
					.withMessage("A message is longer than 20000 bytes");
			}
		}
	}

	@Test
	void whatIsNoObjectIsRefusedAsSoonAsItIsKnown() throws Exception {
		for (int chunk : new int[] { 1, 7, 100 }) {
			MessageReader reader = reader("{\"event\": \"one\"}\nwhat?\n{}", chunk, 100);
			assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> names(reader))
				.withMessageContaining("'what?'");
		}
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> names(reader("login at", 1, 100)))
			.withMessageContaining("'login at'");
		assertThat(names(reader("login: ", 1, 100))).isEmpty();
	}

	@Test
	void nestingIsRefusedBeforeItsEndHasArrived() {
		assertThatExceptionOfType(ProtocolViolation.class)
			.isThrownBy(() -> names(reader("{\"return\": " + "[".repeat(1000), 100, MIB)))
			.withMessageContaining("nested deeper than 1000 levels");
	}

	@Test
	void theBufferNeverGrowsBeyondTheLongestMessage() {
		MessageReader reader = reader("{" + "x".repeat(2 * MIB), 1000, MIB);
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> names(reader));
		assertThat(reader.capacity()).isLessThanOrEqualTo(MIB + 2);
	}

	@ParameterizedTest
	@ValueSource(ints = { 1, 100, 65536 })
	void aLongMessageCostsWorkInProportionToItsLength(int chunk) throws Exception {
		String text = message(4 * MIB) + "\r\n";
		MessageReader reader = reader(text, chunk, 64 * MIB);
		assertThat(names(reader)).hasSize(1);
		assertThat(reader.bytesScanned()).isEqualTo(text.length());
		assertThat(reader.bytesCopied()).isLessThanOrEqualTo(2L * text.length());
	}

	@ParameterizedTest
	@ValueSource(ints = { 1, 100, 8191, 65536 })
	void manyMessagesCostWorkInProportionToTheirLength(int chunk) throws Exception {
		String text = (message(300) + "\r\n").repeat(20_000);
		MessageReader reader = reader(text, chunk, 64 * MIB);
		assertThat(names(reader)).hasSize(20_000);
		assertThat(reader.bytesScanned()).isEqualTo(text.length());
		assertThat(reader.bytesCopied()).isLessThanOrEqualTo(2L * text.length());
	}

	@ParameterizedTest
	@ValueSource(ints = { 1000, 65536 })
	void longAndShortMessagesInTurnCostWorkInProportionToTheirLength(int chunk) throws Exception {
		String text = (message(300_000) + "\n" + (message(15) + "\n").repeat(100)).repeat(20);
		MessageReader reader = reader(text, chunk, 64 * MIB);
		assertThat(names(reader)).hasSize(20 * 101);
		assertThat(reader.bytesScanned()).isEqualTo(text.length());
		assertThat(reader.bytesCopied()).isLessThanOrEqualTo(3L * text.length());
	}

	@Test
	void theMemoryOfAHugeMessageIsGivenBack() throws Exception {
		MessageReader reader = reader(message(16 * MIB) + "\n" + message(100) + "\n{", 65536, 64 * MIB);
		int before = reader.capacity();
		assertThat(names(reader)).hasSize(2);
		assertThat(reader.capacity()).isEqualTo(before);
	}

	// A message of exactly so many bytes.
	private static String message(int length) {
		return "{\"event\": \"" + "x".repeat(length - 13) + "\"}";
	}

	private static MessageReader reader(String text, int chunk, int maxBytes) {
		return new MessageReader(new Chunks(text.getBytes(StandardCharsets.UTF_8), chunk), maxBytes,
				new LargeMessageTurn(new Semaphore(1), Duration.ofSeconds(60), Duration.ZERO, () -> {
				}));
	}

	private static List<String> names(String text, int chunk) throws Exception {
		return names(reader(text, chunk, MIB));
	}

	private static List<String> names(MessageReader reader) throws Exception {
		List<String> names = new ArrayList<>();
		do {
			while (reader.next()) {
				names.add(reader.message().content().stringValue());
			}
		}
		while (reader.fill());
		return names;
	}

	/**
	 * Delivers bytes in pieces of one size.
	 */
	private static final class Chunks implements ReadableByteChannel {

		private final ByteBuffer bytes;

		private final int size;

		Chunks(byte[] bytes, int size) {
			this.bytes = ByteBuffer.wrap(bytes);
			this.size = size;
		}

		@Override
		public int read(ByteBuffer target) throws IOException {
			if (!target.hasRemaining()) {
				throw new AssertionError("There is no room to read into");
			}
			if (!this.bytes.hasRemaining()) {
				return -1;
			}
			int count = Math.min(this.size, Math.min(this.bytes.remaining(), target.remaining()));
			target.put(this.bytes.slice(this.bytes.position(), count));
			this.bytes.position(this.bytes.position() + count);
			return count;
		}

		@Override
		public boolean isOpen() {
			return true;
		}

		@Override
		public void close() {
		}

	}

}
