package dev.iothreads.web;

import dev.iothreads.inventory.IOThreadService;
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

	@Bean
	FilterRegistrationBean<FreshMetrics> freshMetrics(IOThreadService service) {
		FilterRegistrationBean<FreshMetrics> filter = new FilterRegistrationBean<>(new FreshMetrics(service));
		filter.addUrlPatterns("/actuator/prometheus", "/actuator/metrics/*");
		filter.setOrder(2);
		return filter;
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
