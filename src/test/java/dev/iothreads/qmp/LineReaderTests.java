package dev.iothreads.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class LineReaderTests {

	private static final int MIB = 1024 * 1024;

	@Test
	void linesEndWithOrWithoutACarriageReturn() throws Exception {
		assertThat(lines("one\r\ntwo\nthree\r\n", 100)).containsExactly("one", "two", "three");
	}

	@Test
	void blankLinesAreIgnored() throws Exception {
		assertThat(lines("\r\n\n  \t\r\none\n\r\n \ntwo\n", 100)).containsExactly("one", "two");
	}

	@Test
	void anUnfinishedLineIsNoLine() throws Exception {
		LineReader reader = new LineReader(new Chunks("one\ntw".getBytes(StandardCharsets.UTF_8), 100), 100, memory());
		assertThat(lines(reader)).containsExactly("one");
		assertThat(new String(reader.unfinished(100), StandardCharsets.UTF_8)).isEqualTo("tw");
		assertThat(reader.unfinished(1)).hasSize(1);
	}

	@Test
	void linesAreTheSameHoweverTheyAreSplit() throws Exception {
		String text = "{\"a\": \"ä€𝄞\"}\r\n\r\n{\"b\": 1}\nx\r\n";
		int length = text.getBytes(StandardCharsets.UTF_8).length;
		for (int chunk = 1; chunk <= length; chunk++) {
			assertThat(lines(text, chunk)).as("in pieces of %d", chunk)
				.containsExactly("{\"a\": \"ä€𝄞\"}", "{\"b\": 1}", "x");
		}
	}

	@Test
	void aLineMayBeAsLongAsAllowedWhateverEndsIt() throws Exception {
		for (String end : new String[] { "\n", "\r\n" }) {
			for (int chunk : new int[] { 1, 7, 5000, 50_000 }) {
				String line = "x".repeat(20_000);
				byte[] bytes = (line + end + line + end).getBytes(StandardCharsets.UTF_8);
				assertThat(lines(new LineReader(new Chunks(bytes, chunk), 20_000, memory()))).containsExactly(line,
						line);
			}
		}
	}

	@Test
	void aLineThatIsTooLongIsRefusedWhetherItEndsOrNot() {
		for (String end : new String[] { "\n", "\r\n", "x", "" }) {
			for (int chunk : new int[] { 1, 7, 5000, 50_000 }) {
				byte[] bytes = ("x".repeat(20_001) + end).getBytes(StandardCharsets.UTF_8);
				LineReader reader = new LineReader(new Chunks(bytes, chunk), 20_000, memory());
				assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> lines(reader))
					.withMessage("A message is longer than 20000 bytes");
			}
		}
	}

	@Test
	void theBufferNeverGrowsBeyondTheLongestLine() {
		LineReader reader = new LineReader(new Chunks(new byte[2 * MIB], 1000), MIB, memory());
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> lines(reader));
		assertThat(reader.capacity()).isLessThanOrEqualTo(MIB + 2);
	}

	@ParameterizedTest
	@ValueSource(ints = { 1, 100, 65536 })
	void aLongLineCostsWorkInProportionToItsLength(int chunk) throws Exception {
		byte[] bytes = ("x".repeat(4 * MIB) + "\r\n").getBytes(StandardCharsets.UTF_8);
		LineReader reader = new LineReader(new Chunks(bytes, chunk), 64 * MIB, memory());
		assertThat(lines(reader)).hasSize(1);
		assertThat(reader.bytesSearched()).isEqualTo(bytes.length);
		assertThat(reader.bytesCopied()).isLessThanOrEqualTo(2L * bytes.length);
	}

	@ParameterizedTest
	@ValueSource(ints = { 1, 100, 8191, 65536 })
	void manyLinesCostWorkInProportionToTheirLength(int chunk) throws Exception {
		byte[] bytes = ("x".repeat(300) + "\r\n").repeat(20_000).getBytes(StandardCharsets.UTF_8);
		LineReader reader = new LineReader(new Chunks(bytes, chunk), 64 * MIB, memory());
		assertThat(lines(reader)).hasSize(20_000);
		assertThat(reader.bytesSearched()).isEqualTo(bytes.length);
		assertThat(reader.bytesCopied()).isLessThanOrEqualTo(2L * bytes.length);
	}

	@ParameterizedTest
	@ValueSource(ints = { 1000, 65536 })
	void longAndShortLinesInTurnCostWorkInProportionToTheirLength(int chunk) throws Exception {
		byte[] bytes = ("x".repeat(300_000) + "\n" + "y\n".repeat(100)).repeat(20).getBytes(StandardCharsets.UTF_8);
		LineReader reader = new LineReader(new Chunks(bytes, chunk), 64 * MIB, memory());
		assertThat(lines(reader)).hasSize(20 * 101);
		assertThat(reader.bytesSearched()).isEqualTo(bytes.length);
		assertThat(reader.bytesCopied()).isLessThanOrEqualTo(3L * bytes.length);
	}

	@Test
	void theMemoryOfAHugeLineIsGivenBack() throws Exception {
		byte[] bytes = ("x".repeat(16 * MIB) + "\n" + "y".repeat(100) + "\nz").getBytes(StandardCharsets.UTF_8);
		LineReader reader = new LineReader(new Chunks(bytes, 65536), 64 * MIB, memory());
		int before = reader.capacity();
		assertThat(lines(reader)).hasSize(2);
		assertThat(reader.capacity()).isEqualTo(before);
	}

	private static List<String> lines(String text, int chunk) throws Exception {
		return lines(new LineReader(new Chunks(text.getBytes(StandardCharsets.UTF_8), chunk), MIB, memory()));
	}

	private static List<String> lines(LineReader reader) throws Exception {
		List<String> lines = new ArrayList<>();
		do {
			while (reader.next()) {
				lines.add(new String(reader.bytes(), reader.lineOffset(), reader.lineLength(), StandardCharsets.UTF_8));
			}
		}
		while (reader.fill());
		return lines;
	}

	/**
	 * Delivers bytes in pieces of one size.
	 */
	private static MemoryBudget.Account memory() {
		return new MemoryBudget(1024L * MIB, () -> Long.MAX_VALUE).open();
	}

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
