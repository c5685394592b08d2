package dev.iothreads.web.api;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import org.springframework.http.ResponseEntity;

/**
 * What the caller would rather have (RFC 7240): an answer at once, or how long to wait
 * for a better one. Whatever else it says is passed over, as the RFC wants it.
 *
 * @param patience how long to wait, at most {@link #LONGEST}; {@code null} for no
 * preference
 * @param applied what to say of it in {@code Preference-Applied}, or {@code null}
 */
record Prefer(@Nullable Duration patience, @Nullable String applied) {

	static final Duration LONGEST = Duration.ofSeconds(60);

	private static final Pattern PREFERENCE = Pattern.compile(
			"(?:^|,)\\s*(?:(respond-async)|wait\\s*=\\s*\"?(\\d{1,9})\"?)\\s*(?=[,;]|$)", Pattern.CASE_INSENSITIVE);

	/**
	 * Reads the header. Of {@code respond-async} and {@code wait} together, the wait
	 * counts.
	 * @param header the header's value, {@code null} when it was not sent
	 * @return the preference
	 */
	static Prefer of(@Nullable String header) {
		Prefer preference = new Prefer(null, null);
		if (header == null) {
			return preference;
		}
		Matcher matcher = PREFERENCE.matcher(header);
		while (matcher.find()) {
			String seconds = matcher.group(2);
			if (seconds != null) {
				long waited = Math.min(Long.parseLong(seconds), LONGEST.toSeconds());
				return new Prefer(Duration.ofSeconds(waited), "wait=" + waited);
			}
			preference = new Prefer(Duration.ZERO, "respond-async");
		}
		return preference;
	}

	/**
	 * Says in an answer what was done about the preference.
	 * @param <B> the kind of answer
	 * @param answer the answer
	 * @return the same answer
	 */
	<B extends ResponseEntity.HeadersBuilder<?>> B applyTo(B answer) {
		if (this.applied != null) {
			answer.header("Preference-Applied", this.applied);
		}
		return answer;
	}

}
