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
		FilterRegistrationBean<AnswerLimit> filter = limited(16);
		filter.addUrlPatterns(Paths.MACHINES, Paths.ALL_IOTHREADS, Paths.ALL_DEVICES, Paths.ACTIVITY);
		return filter;
	}

	@Bean
	FilterRegistrationBean<AnswerLimit> limitedMetrics() {
		FilterRegistrationBean<AnswerLimit> filter = limited(4);
		filter.addUrlPatterns("/actuator/prometheus");
		return filter;
	}

	private static FilterRegistrationBean<AnswerLimit> limited(int places) {
		FilterRegistrationBean<AnswerLimit> filter = new FilterRegistrationBean<>(new AnswerLimit(places));
		// After the security filters, before the filter that buffers answers for their
		// tags.
		filter.setOrder(1);
		return filter;
	}

}
