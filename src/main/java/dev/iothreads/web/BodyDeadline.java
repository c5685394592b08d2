package dev.iothreads.web;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

import jakarta.servlet.ServletException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.InputBuffer;
import org.apache.tomcat.util.net.ApplicationBufferHandler;
import org.jspecify.annotations.Nullable;

/**
 * Ends the patience with a body that comes byte by byte, whoever reads it. What nobody
 * has read Tomcat would read itself, to be able to go on with the next request: it is
 * read here, after the answer has been given, and under the same limit.
 */
final class BodyDeadline extends ValveBase {

	private static final int LARGEST = BodyFilter.LARGEST;

	private final Duration deadline;

	/**
	 * Creates it.
	 * @param deadline how long a body may take in all
	 */
	BodyDeadline(Duration deadline) {
		super(true);
		this.deadline = deadline;
	}

	@Override
	public void invoke(Request request, Response response) throws IOException, ServletException {
		org.apache.coyote.Request coyote = request.getCoyoteRequest();
		InputBuffer input = coyote.getInputBuffer();
		coyote.setInputBuffer(new Timed(input, System.nanoTime() + this.deadline.toNanos()));
		try {
			getNext().invoke(request, response);
			if (!request.isAsync() && !isRead(coyote) && !coyote.hasExpectation()) {
				response.finishResponse();
				readOn(coyote);
			}
		}
		finally {
			coyote.setInputBuffer(input);
		}
	}

	private static boolean isRead(org.apache.coyote.Request coyote) {
		AtomicBoolean read = new AtomicBoolean();
		coyote.action(ActionCode.REQUEST_BODY_FULLY_READ, read);
		return read.get();
	}

	private static void readOn(org.apache.coyote.Request coyote) {
		try {
			Passing passing = new Passing();
			int read = 0;
			int count = 0;
			while (count >= 0 && read <= LARGEST) {
				count = coyote.doRead(passing);
				read += Math.max(0, count);
			}
			if (count < 0) {
				return;
			}
		}
		catch (IOException ex) {
			// It has not come to its end, and nobody waits for that.
		}
		coyote.action(ActionCode.DISABLE_SWALLOW_INPUT, null);
	}

	/**
	 * What comes, until there is no more time.
	 */
	private record Timed(InputBuffer input, long until) implements InputBuffer {

		@Override
		public int doRead(ApplicationBufferHandler handler) throws IOException {
			if (System.nanoTime() - this.until > 0) {
				throw new SocketTimeoutException("The body takes too long");
			}
			return this.input.doRead(handler);
		}

		@Override
		public int available() {
			return this.input.available();
		}

	}

	/**
	 * Takes what is not wanted.
	 */
	private static final class Passing implements ApplicationBufferHandler {

		private @Nullable ByteBuffer buffer;

		@Override
		public void setByteBuffer(@Nullable ByteBuffer next) {
			this.buffer = next;
		}

		@Override
		public @Nullable ByteBuffer getByteBuffer() {
			return this.buffer;
		}

		@Override
		public void expand(int size) {
			// nothing is kept
		}

	}

}
