package dev.iothreads.web.page;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.io.Resource;
import org.springframework.http.CacheControl;
import org.springframework.util.DigestUtils;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.config.annotation.ResourceHandlerRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/**
 * Caching and security headers of the page and of Swagger UI. A browser revalidates the
 * page's files each time, so that an upgrade is seen at once. Their tags are hashes: all
 * files of a jar have the same time.
 */
@Configuration(proxyBeanMethods = false)
class PageConfiguration implements WebMvcConfigurer {

	// The page's own files and service only. Scripts cannot make markup from texts.
	static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
			+ "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
			+ "require-trusted-types-for 'script'; trusted-types 'none'";

	// Swagger UI is of the same origin. It sets styles itself, and its pictures are data.
	static final String SWAGGER_UI_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
			+ "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
			+ "frame-ancestors 'none'";

	@Override
	public void addResourceHandlers(ResourceHandlerRegistry registry) {
		add(registry, "/index.html", "classpath:/static/");
		add(registry, "/page/**", "classpath:/static/page/");
	}

	private static void add(ResourceHandlerRegistry registry, String addresses, String directory) {
		registry.addResourceHandler(addresses)
			.addResourceLocations(directory)
			.setCacheControl(CacheControl.noCache())
			.setUseLastModified(false)
			.setEtagGenerator(PageConfiguration::tag);
	}

	private static String tag(Resource file) {
		try (InputStream content = file.getInputStream()) {
			return "\"" + DigestUtils.md5DigestAsHex(content) + "\"";
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Bean
	FilterRegistrationBean<Guard> guardedPage() {
		// "" is the path of the page itself; "/" would be all paths.
		return guard(POLICY, "", "/index.html", "/page/*");
	}

	@Bean
	FilterRegistrationBean<Guard> guardedSwaggerUi() {
		// Its files are below /webjars, too.
		return guard(SWAGGER_UI_POLICY, "/swagger-ui.html", "/swagger-ui/*", "/webjars/*");
	}

	private static FilterRegistrationBean<Guard> guard(String policy, String... paths) {
		FilterRegistrationBean<Guard> filter = new FilterRegistrationBean<>(new Guard(policy));
		filter.addUrlPatterns(paths);
		return filter;
	}

	static final class Guard extends OncePerRequestFilter {

		private final String policy;

		Guard(String policy) {
			this.policy = policy;
		}

		@Override
		protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
				throws ServletException, IOException {
			response.setHeader("Content-Security-Policy", this.policy);
			response.setHeader("Referrer-Policy", "no-referrer");
			response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
			response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
			chain.doFilter(request, response);
		}

	}

}
