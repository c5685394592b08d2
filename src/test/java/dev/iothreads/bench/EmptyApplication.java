package dev.iothreads.bench;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.security.autoconfigure.SecurityAutoConfiguration;
import org.springframework.boot.security.autoconfigure.UserDetailsServiceAutoConfiguration;
import org.springframework.boot.security.autoconfigure.actuate.web.servlet.ManagementWebSecurityAutoConfiguration;
import org.springframework.boot.security.autoconfigure.web.servlet.SecurityFilterAutoConfiguration;
import org.springframework.boot.security.autoconfigure.web.servlet.ServletWebSecurityAutoConfiguration;
import org.springframework.boot.security.oauth2.server.resource.autoconfigure.OAuth2ResourceServerAutoConfiguration;
import org.springframework.boot.security.oauth2.server.resource.autoconfigure.web.OAuth2ResourceServerWebSecurityAutoConfiguration;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * What any answer costs: the same Boot, with one controller that does nothing.
 */
class EmptyApplication implements AutoCloseable {

	private volatile byte[] bytes = {};

	private volatile Samples.Work work = () -> {
	};

	private final ConfigurableApplicationContext context;

	EmptyApplication() {
		SpringApplication application = new SpringApplication(EmptyConfiguration.class);
		application.addInitializers((context) -> ((GenericApplicationContext) context)
			.registerBean(EmptyController.class, EmptyController::new));
		this.context = application.run("--server.port=0", "--spring.main.banner-mode=off", FleetBenchmark.QUIET,
				FleetBenchmark.KEPT);
	}

	int port() {
		return ((ServletWebServerApplicationContext) this.context).getWebServer().getPort();
	}

	/**
	 * Sets what is answered at {@code /bytes}.
	 */
	void serve(byte[] bytes) {
		this.bytes = bytes;
	}

	/**
	 * Sets what is done before {@code /work} is answered.
	 */
	void work(Samples.Work work) {
		this.work = work;
	}

	@Override
	public void close() {
		this.context.close();
	}

	// Nothing that asks who comes in.
	@EnableAutoConfiguration(exclude = { SecurityAutoConfiguration.class, ServletWebSecurityAutoConfiguration.class,
			SecurityFilterAutoConfiguration.class, UserDetailsServiceAutoConfiguration.class,
			ManagementWebSecurityAutoConfiguration.class, OAuth2ResourceServerAutoConfiguration.class,
			OAuth2ResourceServerWebSecurityAutoConfiguration.class })
	static final class EmptyConfiguration {

	}

	/**
	 * Not static, so that no scan for components finds it in the service.
	 */
	@RestController
	class EmptyController {

		@GetMapping("/empty")
		ResponseEntity<Void> empty() {
			return ResponseEntity.ok().build();
		}

		@GetMapping("/work")
		ResponseEntity<Void> work() throws Exception {
			EmptyApplication.this.work.run();
			return empty();
		}

		@GetMapping(path = "/bytes", produces = "text/plain")
		byte[] bytes() {
			return EmptyApplication.this.bytes;
		}

	}

}
