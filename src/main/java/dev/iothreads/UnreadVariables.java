package dev.iothreads;

import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.boot.context.properties.BoundConfigurationProperties;
import org.springframework.context.ApplicationContext;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.stereotype.Component;

/**
 * Warns of environment variables that look like a setting and set nothing. What is
 * misspelt elsewhere stops the start, but a variable may be another program's: Kubernetes
 * calls some after its services.
 */
@Component
class UnreadVariables implements ApplicationRunner {

	private static final Logger logger = LoggerFactory.getLogger(UnreadVariables.class);

	private static final String PREFIX = "IOTHREADS_";

	private final ApplicationContext context;

	private final ConfigurableEnvironment environment;

	UnreadVariables(ApplicationContext context, ConfigurableEnvironment environment) {
		this.context = context;
		this.environment = environment;
	}

	@Override
	public void run(ApplicationArguments arguments) {
		Set<String> unread = variables();
		BoundConfigurationProperties bound = BoundConfigurationProperties.get(this.context);
		if (bound != null) {
			bound.getAll().keySet().forEach((property) -> {
				String name = property.toString().toUpperCase(Locale.ROOT).replace('.', '_');
				unread.remove(name.replace("-", ""));
				unread.remove(name.replace('-', '_'));
			});
		}
		unread.forEach((variable) -> logger.warn(
				"The environment variable {} sets nothing. Check its name; the name of a machine in it is letters and digits only, others need a configuration file.",
				variable));
	}

	private Set<String> variables() {
		Set<String> variables = new TreeSet<>();
		if (this.environment.getPropertySources()
			.get(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME) instanceof EnumerablePropertySource<?> all) {
			for (String variable : all.getPropertyNames()) {
				if (variable.startsWith(PREFIX)) {
					variables.add(variable);
				}
			}
		}
		return variables;
	}

}
