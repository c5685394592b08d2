package dev.iothreads.web.problem;

import org.apache.catalina.core.StandardHost;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Request ids and problem details of what Tomcat refuses itself.
 */
@Configuration(proxyBeanMethods = false)
class ProblemConfiguration {

	@Bean
	WebServerFactoryCustomizer<ConfigurableTomcatWebServerFactory> containerProblems(JsonMapper json,
			ApplicationEventPublisher events) {
		return (factory) -> {
			factory.addEngineValves(new RequestId());
			factory.addContextCustomizers((context) -> {
				StandardHost host = (StandardHost) context.getParent();
				// The innermost valve answers: this one comes after Boot's own, and named
				// here the host adds no other.
				host.setErrorReportValveClass(ProblemValve.class.getName());
				host.getPipeline().addValve(new ProblemValve(json, events));
			});
		};
	}

}
