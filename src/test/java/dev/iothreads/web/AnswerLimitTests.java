package dev.iothreads.web;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

import jakarta.servlet.FilterChain;
import org.junit.jupiter.api.Test;

import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * How many large answers are made at once.
 */
class AnswerLimitTests {

	private static final int PLACES = 4;

	// The common pool has a thread less than there are processors, and these wait for
	// each other.
	private static final Executor THREADS = (task) -> new Thread(task).start();

	private final AnswerLimit limit = new AnswerLimit(PLACES);

	@Test
	void aRequestBeyondTheLimitIsAnswered503() throws Exception {
		CountDownLatch made = new CountDownLatch(1);
		List<CompletableFuture<Integer>> answers = new ArrayList<>();
		for (int i = 0; i < PLACES; i++) {
			answers.add(CompletableFuture.supplyAsync(() -> ask(made), THREADS));
		}
		await().until(() -> this.limit.free() == 0);
		assertThat(ask(made)).isEqualTo(503);
		made.countDown();
		for (CompletableFuture<Integer> answer : answers) {
			assertThat(answer.get(1, TimeUnit.MINUTES)).isEqualTo(200);
		}
		assertThat(ask(made)).isEqualTo(200);
		assertThat(this.limit.free()).isEqualTo(PLACES);
	}

	private int ask(CountDownLatch made) {
		MockHttpServletRequest request = new MockHttpServletRequest();
		MockHttpServletResponse response = new MockHttpServletResponse();
		FilterChain chain = (asked, answered) -> {
			try {
				assertThat(made.await(1, TimeUnit.MINUTES)).isTrue();
			}
			catch (InterruptedException ex) {
				throw new AssertionError(ex);
			}
		};
		try {
			this.limit.doFilter(request, response, chain);
		}
		catch (Exception ex) {
			throw new AssertionError(ex);
		}
		return response.getStatus();
	}

}
