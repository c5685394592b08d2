package dev.iothreads.security;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/**
 * Shows unsafe settings in place of a stack trace.
 */
class UnsafeSettingFailureAnalyzer extends AbstractFailureAnalyzer<UnsafeSettingException> {

	@Override
	protected FailureAnalysis analyze(Throwable rootFailure, UnsafeSettingException cause) {
		return new FailureAnalysis(String.valueOf(cause.getMessage()),
				"Change the settings named above. src/docs/security.md says what each is for.", cause);
	}

}
