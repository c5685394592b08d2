package dev.iothreads.web;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

import jakarta.servlet.FilterChain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

	@ParameterizedTest
	@CsvSource({ "127.0.0.1,4", "0:0:0:0:0:0:0:1,4", "10.0.0.7,2" })
	void oneMoreThanThereArePlacesIsToldToComeBack(String address, int places) throws Exception {
		CountDownLatch made = new CountDownLatch(1);
		List<CompletableFuture<Integer>> answers = new ArrayList<>();
		for (int i = 0; i < places; i++) {
			answers.add(CompletableFuture.supplyAsync(() -> ask(address, made), THREADS));
		}
		await().until(() -> this.limit.free() == PLACES - places);
		assertThat(ask(address, made)).isEqualTo(503);
		made.countDown();
		for (CompletableFuture<Integer> answer : answers) {
			assertThat(answer.get(1, TimeUnit.MINUTES)).isEqualTo(200);
		}
		assertThat(ask(address, made)).isEqualTo(200);
		assertThat(this.limit.free()).isEqualTo(PLACES);
	}

	@Test
	void whoTakesAllPlacesOfAnAddressLeavesSomeToOthers() throws Exception {
		CountDownLatch made = new CountDownLatch(1);
		List<CompletableFuture<Integer>> answers = new ArrayList<>();
		for (int i = 0; i < 2; i++) {
			answers.add(CompletableFuture.supplyAsync(() -> ask("10.0.0.7", made), THREADS));
		}
		await().until(() -> this.limit.free() == PLACES - 2);
		assertThat(ask("10.0.0.8", new CountDownLatch(0))).isEqualTo(200);
		made.countDown();
		for (CompletableFuture<Integer> answer : answers) {
			assertThat(answer.get(1, TimeUnit.MINUTES)).isEqualTo(200);
		}
	}

	private int ask(String address, CountDownLatch made) {
		MockHttpServletRequest request = new MockHttpServletRequest();
		request.setRemoteAddr(address);
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
