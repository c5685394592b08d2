package dev.iothreads.security;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.UnboundConfigurationPropertiesException;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/**
 * Names a setting beneath {@code iothreads.security} that is misspelt or invalid, without
 * its value: Boot's own message would show what may be a password.
 */
@Order(Ordered.HIGHEST_PRECEDENCE)
class SecretSettingFailureAnalyzer extends AbstractFailureAnalyzer<BindException> {

	private static final ConfigurationPropertyName SECRET = ConfigurationPropertyName.of("iothreads.security");

	@Override
	protected @Nullable FailureAnalysis analyze(Throwable rootFailure, BindException cause) {
		List<String> wrong = new ArrayList<>();
		UnboundConfigurationPropertiesException unbound = findCause(cause,
				UnboundConfigurationPropertiesException.class);
		if (unbound != null) {
			for (ConfigurationProperty property : unbound.getUnboundProperties()) {
				wrong.add("%s, from %s: there is no such setting".formatted(property.getName(), property.getOrigin()));
			}
			if (unbound.getUnboundProperties().stream().noneMatch((property) -> isSecret(property.getName()))) {
				return null;
			}
		}
		else if (isSecret(cause.getName())
				|| (cause.getProperty() != null && isSecret(cause.getProperty().getName()))) {
			wrong.add("%s%s: its value is not of the expected form".formatted(cause.getName(),
					(cause.getProperty() != null) ? ", from " + cause.getProperty().getOrigin() : ""));
		}
		return wrong.isEmpty() ? null : new FailureAnalysis(
				"Settings of iothreads.security are wrong (their values may be secret and are not shown):\n\n    "
						+ String.join("\n    ", wrong),
				"Change the settings named above. src/docs/configuration.md names the settings that there are.", cause);
	}

	private static boolean isSecret(ConfigurationPropertyName name) {
		return SECRET.equals(name) || SECRET.isAncestorOf(name);
	}

}
