package dev.iothreads;

import dev.iothreads.qmp.MonitorAddress;

import org.springframework.boot.context.properties.ConfigurationPropertiesBinding;
import org.springframework.core.convert.converter.Converter;
import org.springframework.stereotype.Component;

/**
 * Reads a monitor's address from the configuration.
 */
@Component
@ConfigurationPropertiesBinding
class MonitorAddressConverter implements Converter<String, MonitorAddress> {

	@Override
	public MonitorAddress convert(String text) {
		return MonitorAddress.parse(text);
	}

}
