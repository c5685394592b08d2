package dev.iothreads.web.api;

import java.time.Duration;
import java.time.Instant;

import org.jspecify.annotations.Nullable;

import org.springframework.http.CacheControl;
import org.springframework.http.HttpHeaders;
import org.springframework.http.ResponseEntity;

/**
 * Answers that tell how old they are. Nobody may keep one without asking again: a change
 * made a moment later would not be seen. Asking again is cheap, by {@code ETag}.
 */
final class Fresh {

	private Fresh() {
	}

	static <T> ResponseEntity<T> observed(@Nullable Instant observedAt, T body) {
		ResponseEntity.BodyBuilder answer = ResponseEntity.ok()
			.cacheControl(CacheControl.noCache())
			.varyBy(HttpHeaders.ACCEPT);
		if (observedAt != null) {
			long age = Math.max(0, Duration.between(observedAt, Instant.now()).toSeconds());
			answer.header(HttpHeaders.AGE, Long.toString(age));
		}
		return answer.body(body);
	}

}
