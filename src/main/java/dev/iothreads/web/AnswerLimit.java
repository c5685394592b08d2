package dev.iothreads.web;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import dev.iothreads.web.api.Addresses;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

import org.springframework.http.HttpStatus;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Bounds how many large answers are being made, and kept until they are sent, at once.
 * Whoever comes when all places are taken waits for a moment, and is told to come back
 * then. A client may be slow to take its answer: those of one address have half of the
 * places only, unless they are on this machine.
 */
final class AnswerLimit extends OncePerRequestFilter {

	private static final Duration PATIENCE = Duration.ofSeconds(1);

	private final Semaphore places;

	private final int share;

	private final Map<String, Integer> byAddress = new ConcurrentHashMap<>();

	/**
	 * Creates it.
	 * @param places how many answers at once
	 */
	AnswerLimit(int places) {
		this.places = new Semaphore(places, true);
		this.share = places / 2;
	}

	@Override
	protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
			throws ServletException, IOException {
		String address = request.getRemoteAddr();
		int here = this.byAddress.merge(address, 1, Integer::sum);
		try {
			if ((here > this.share && !Addresses.isLoopback(address)) || !take()) {
				response.sendError(HttpStatus.SERVICE_UNAVAILABLE.value());
				return;
			}
			try {
				chain.doFilter(request, response);
			}
			finally {
				this.places.release();
			}
		}
		finally {
			this.byAddress.computeIfPresent(address, (same, count) -> (count > 1) ? count - 1 : null);
		}
	}

	private boolean take() {
		try {
			return this.places.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			return false;
		}
	}

	int free() {
		return this.places.availablePermits();
	}

}
