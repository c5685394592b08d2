package dev.iothreads.web;

import dev.iothreads.web.api.Paths;

import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Limits on what all clients together may ask for at once.
 */
@Configuration(proxyBeanMethods = false)
class WebConfiguration {

	@Bean
	FilterRegistrationBean<AnswerLimit> limitedLists() {
		return limited(16, Paths.MACHINES, Paths.ALL_IOTHREADS, Paths.ALL_DEVICES, Paths.ACTIVITY);
	}

	@Bean
	FilterRegistrationBean<AnswerLimit> limitedMetrics() {
		return limited(4, "/actuator/prometheus");
	}

	private static FilterRegistrationBean<AnswerLimit> limited(int places, String... paths) {
		FilterRegistrationBean<AnswerLimit> filter = new FilterRegistrationBean<>(new AnswerLimit(places));
		filter.addUrlPatterns(paths);
		// After the security filters, before the filter that buffers answers for their
		// tags.
		filter.setOrder(1);
		return filter;
	}

}
