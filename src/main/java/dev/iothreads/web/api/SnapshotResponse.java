package dev.iothreads.web.api;

import java.time.Duration;
import java.time.Instant;

import org.jspecify.annotations.Nullable;

import org.springframework.http.CacheControl;
import org.springframework.http.HttpHeaders;
import org.springframework.http.ResponseEntity;

/**
 * Answers with what was read of a machine, and its {@code Age}. A client has to
 * revalidate it each time, since a change may follow at once; its {@code ETag} makes that
 * cheap.
 */
final class SnapshotResponse {

	private SnapshotResponse() {
	}

	static <T> ResponseEntity<T> of(@Nullable Instant observedAt, T body) {
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
