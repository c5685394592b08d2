package dev.iothreads.web.api;

import java.util.List;

import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.converter.HttpMessageConverters;
import org.springframework.web.servlet.config.annotation.ContentNegotiationConfigurer;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/**
 * Media types and entity tags of the API's answers.
 */
@Configuration(proxyBeanMethods = false)
class ApiConfiguration implements WebMvcConfigurer {

	@Override
	public void configureContentNegotiation(ContentNegotiationConfigurer negotiation) {
		negotiation.strategies(List.of(new CharsetFreeJson()));
	}

	@Override
	public void configureMessageConverters(HttpMessageConverters.ServerBuilder converters) {
		converters.addCustomConverter(new TextConverter());
	}

	@Bean
	FilterRegistrationBean<EntityTagFilter> taggedAnswers() {
		FilterRegistrationBean<EntityTagFilter> filter = new FilterRegistrationBean<>(new EntityTagFilter());
		filter.addUrlPatterns(Paths.MACHINES, Paths.MACHINES + "/*", Paths.ALL_IOTHREADS, Paths.ALL_DEVICES,
				Paths.ACTIVITY, Paths.SERVICE);
		return filter;
	}

}
