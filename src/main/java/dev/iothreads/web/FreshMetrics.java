package dev.iothreads.web;

import java.io.IOException;
import java.time.Duration;

import dev.iothreads.inventory.IOThreadService;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Has the machines read before their metrics are shown, because without requests they are
 * read seldom. A machine that does not answer in time is shown as it was read last.
 */
final class FreshMetrics extends OncePerRequestFilter {

	private static final Duration LONGEST_WAIT = Duration.ofMillis(250);

	private final IOThreadService service;

	FreshMetrics(IOThreadService service) {
		this.service = service;
	}

	@Override
	protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
			throws ServletException, IOException {
		this.service.refresh(LONGEST_WAIT);
		chain.doFilter(request, response);
	}

}
