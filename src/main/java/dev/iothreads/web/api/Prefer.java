package dev.iothreads.web.api;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import org.springframework.http.ResponseEntity;

/**
 * The header {@code Prefer} (RFC 7240): how long to wait for a device to be unplugged.
 * Other preferences are ignored, as the RFC requires.
 *
 * @param duration how long to wait, at most {@link #LONGEST}; {@code null} for no
 * preference
 * @param applied the value of {@code Preference-Applied}, {@code null} for none
 */
record Prefer(@Nullable Duration duration, @Nullable String applied) {

	static final Duration LONGEST = Duration.ofSeconds(60);

	private static final Pattern PREFERENCE = Pattern.compile(
			"(?:^|,)\\s*(?:(respond-async)|wait\\s*=\\s*\"?(\\d{1,9})\"?)\\s*(?=[,;]|$)", Pattern.CASE_INSENSITIVE);

	// Of respond-async and wait together, the wait counts.
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

	<B extends ResponseEntity.HeadersBuilder<?>> B applyTo(B answer) {
		if (this.applied != null) {
			answer.header("Preference-Applied", this.applied);
		}
		return answer;
	}

}
