package dev.iothreads.web;

import java.time.Duration;
import java.util.List;

import org.apache.catalina.core.StandardHost;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.tomcat.TomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.http.converter.HttpMessageConverters;
import org.springframework.web.servlet.config.annotation.ContentNegotiationConfigurer;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/**
 * What the controllers share.
 */
@Configuration(proxyBeanMethods = false)
class WebConfiguration implements WebMvcConfigurer {

	@Override
	public void configureContentNegotiation(ContentNegotiationConfigurer negotiation) {
		negotiation.strategies(List.of(new CharsetFreeJson()));
	}

	@Override
	public void configureMessageConverters(HttpMessageConverters.ServerBuilder converters) {
		converters.addCustomConverter(new IOThreadTextConverter());
	}

	@Bean
	FilterRegistrationBean<EntityTagFilter> taggedAnswers() {
		FilterRegistrationBean<EntityTagFilter> filter = new FilterRegistrationBean<>(new EntityTagFilter());
		filter.addUrlPatterns(Paths.MACHINES, Paths.MACHINES + "/*", Paths.ALL_IOTHREADS, Paths.ALL_DEVICES,
				Paths.ACTIVITY);
		return filter;
	}

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
		// After the doors, before whoever keeps an answer to tag it.
		filter.setOrder(1);
		return filter;
	}

	@Bean
	FilterRegistrationBean<Audit> audit() {
		FilterRegistrationBean<Audit> filter = new FilterRegistrationBean<>(new Audit());
		// Before whoever may refuse, and after what a proxy says of the client.
		filter.setOrder(Ordered.HIGHEST_PRECEDENCE + 1);
		return filter;
	}

	@Bean
	FilterRegistrationBean<BodyFilter> wholeBodies() {
		FilterRegistrationBean<BodyFilter> filter = new FilterRegistrationBean<>(new BodyFilter());
		// After the doors, before whatever reads.
		filter.setOrder(0);
		return filter;
	}

	@Bean
	WebServerFactoryCustomizer<TomcatWebServerFactory> patience(
			@Value("${server.tomcat.connection-timeout}") Duration timeout,
			@Value("${iothreads.security.connections-per-address:50}") int connectionsPerAddress) {
		return (factory) -> {
			factory.setProtocol(PatientProtocol.class.getName());
			factory.addProtocolHandlerCustomizers(
					(PatientProtocol protocol) -> protocol.setConnectionsPerAddress(connectionsPerAddress));
			factory.addEngineValves(new BodyDeadline(timeout.multipliedBy(PatientProtocol.TIMEOUTS)));
		};
	}

	@Bean
	WebServerFactoryCustomizer<ConfigurableTomcatWebServerFactory> containerProblems(JsonMapper json) {
		return (factory) -> {
			factory.addEngineValves(new RequestId());
			factory.addContextCustomizers((context) -> {
				StandardHost host = (StandardHost) context.getParent();
				// The innermost valve answers: this one comes after Boot's own, and named
				// here the host adds no other.
				host.setErrorReportValveClass(ProblemValve.class.getName());
				host.getPipeline().addValve(new ProblemValve(json));
			});
		};
	}

}
