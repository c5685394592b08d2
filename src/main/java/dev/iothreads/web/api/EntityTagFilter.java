package dev.iothreads.web.api;

import java.io.IOException;
import java.io.InputStream;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.web.filter.ShallowEtagHeaderFilter;

/**
 * Adds the entity tag to an answer, or answers 304 when the client has it already.
 */
final class EntityTagFilter extends ShallowEtagHeaderFilter {

	@Override
	protected String generateETagHeaderValue(InputStream body, boolean isWeak) throws IOException {
		return EntityTags.of(body.readAllBytes());
	}

	// RFC 9110, 9.3.2: HEAD has the header fields that GET would have.
	@Override
	protected boolean isEligibleForEtag(HttpServletRequest request, HttpServletResponse response, int status,
			InputStream body) {
		return super.isEligibleForEtag(request, response, status, body) || (HttpMethod.HEAD.matches(request.getMethod())
				&& status == HttpStatus.OK.value() && isKept(response));
	}

	private static boolean isKept(HttpServletResponse response) {
		String control = response.getHeader(HttpHeaders.CACHE_CONTROL);
		return control == null || !control.contains("no-store");
	}

}
