package dev.iothreads.web;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;

import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Takes what is sent with a change, all of it or nothing: no change has more to say than
 * {@value #LARGEST} bytes of JSON in UTF-8. It comes after the doors, so that strangers
 * are refused before anything is read.
 */
final class BodyFilter extends OncePerRequestFilter {

	static final int LARGEST = 64 * 1024;

	private static final Set<String> WITHOUT_BODY = Set.of("GET", "HEAD", "OPTIONS");

	@Override
	protected boolean shouldNotFilter(HttpServletRequest request) {
		return WITHOUT_BODY.contains(request.getMethod());
	}

	@Override
	protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
			throws ServletException, IOException {
		if (request.getContentLengthLong() > LARGEST) {
			response.sendError(HttpStatus.CONTENT_TOO_LARGE.value());
			return;
		}
		if (isEncoded(request)) {
			response.sendError(HttpStatus.UNSUPPORTED_MEDIA_TYPE.value());
			return;
		}
		byte[] body;
		try (InputStream content = request.getInputStream()) {
			body = content.readNBytes(LARGEST + 1);
		}
		catch (IOException ex) {
			// It stops in the middle, or takes too long. Tomcat may have said so.
			if (!response.isCommitted()) {
				response.sendError(HttpStatus.REQUEST_TIMEOUT.value());
			}
			return;
		}
		if (body.length > LARGEST) {
			response.sendError(HttpStatus.CONTENT_TOO_LARGE.value());
			return;
		}
		if (isWide(body)) {
			response.sendError(HttpStatus.UNSUPPORTED_MEDIA_TYPE.value());
			return;
		}
		chain.doFilter(new Received(request, body), response);
	}

	// Each brace of UTF-16 and UTF-32 has a zero in it, and no JSON in UTF-8 has one.
	private static boolean isWide(byte[] body) {
		for (byte each : body) {
			if (each == 0) {
				return true;
			}
		}
		return false;
	}

	private static boolean isEncoded(HttpServletRequest request) {
		String encoding = request.getHeader(HttpHeaders.CONTENT_ENCODING);
		if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
			return true;
		}
		try {
			String type = request.getContentType();
			MediaType mediaType = (type != null) ? MediaType.parseMediaType(type) : null;
			return mediaType != null && mediaType.getCharset() != null
					&& !StandardCharsets.UTF_8.equals(mediaType.getCharset());
		}
		catch (InvalidMediaTypeException ex) {
			return false; // for those to refuse who know which types there are
		}
	}

	/**
	 * A request whose body has come already.
	 */
	private static final class Received extends HttpServletRequestWrapper {

		private final byte[] body;

		Received(HttpServletRequest request, byte[] body) {
			super(request);
			this.body = body;
		}

		@Override
		public ServletInputStream getInputStream() {
			ByteArrayInputStream content = new ByteArrayInputStream(this.body);
			return new ServletInputStream() {

				@Override
				public int read() {
					return content.read();
				}

				@Override
				public int read(byte[] buffer, int offset, int length) {
					return content.read(buffer, offset, length);
				}

				@Override
				public boolean isFinished() {
					return content.available() == 0;
				}

				@Override
				public boolean isReady() {
					return true;
				}

				@Override
				public void setReadListener(ReadListener listener) {
					throw new IllegalStateException("It is all here");
				}

			};
		}

	}

}
