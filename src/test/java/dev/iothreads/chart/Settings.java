package dev.iothreads.chart;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

import dev.iothreads.IOThreadsProperties;
import dev.iothreads.qmp.MonitorAddress;

import org.springframework.boot.context.properties.ConfigurationPropertiesBinding;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.convert.converter.Converter;
import org.springframework.core.env.MutablePropertySources;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.io.ByteArrayResource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The service's settings, as it reads them from what the chart gives it: a member that it
 * does not know, or a value that it does not take, fails.
 */
final class Settings {

	private Settings() {
	}

	/**
	 * Reads an application.yaml.
	 */
	static IOThreadsProperties read(String yaml) throws IOException {
		return read(new YamlPropertySourceLoader()
			.load("application.yaml", new ByteArrayResource(yaml.getBytes(StandardCharsets.UTF_8)))
			.get(0));
	}

	/**
	 * Reads a source of properties, and nothing else.
	 */
	static IOThreadsProperties read(PropertySource<?> source) {
		AtomicReference<IOThreadsProperties> read = new AtomicReference<>();
		new ApplicationContextRunner().withInitializer((context) -> {
			MutablePropertySources sources = context.getEnvironment().getPropertySources();
			sources.remove(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME);
			sources.addFirst(source);
		}).withUserConfiguration(Reader.class).run((context) -> {
			assertThat(context).hasNotFailed();
			read.set(context.getBean(IOThreadsProperties.class));
		});
		return Objects.requireNonNull(read.get());
	}

	@Configuration(proxyBeanMethods = false)
	@EnableConfigurationProperties(IOThreadsProperties.class)
	static class Reader {

		@Bean
		@ConfigurationPropertiesBinding
		static Converter<String, MonitorAddress> monitorAddress() {
			// No lambda: its types are read.
			return new Converter<>() {

				@Override
				public MonitorAddress convert(String text) {
					return MonitorAddress.parse(text);
				}

			};
		}

	}

}
