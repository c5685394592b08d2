package dev.iothreads.web.problem;

import org.apache.catalina.core.StandardHost;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;

/**
 * Request ids and problem details of what Tomcat refuses itself, and the audit.
 */
@Configuration(proxyBeanMethods = false)
class ProblemConfiguration {

	@Bean
	FilterRegistrationBean<Audit> audit() {
		FilterRegistrationBean<Audit> filter = new FilterRegistrationBean<>(new Audit());
		// Before each filter that may refuse, after what a proxy says of the client.
		filter.setOrder(Ordered.HIGHEST_PRECEDENCE + 1);
		return filter;
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
