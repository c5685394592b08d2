package dev.iothreads.page;

import java.io.IOException;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The page when the service cannot be reached, and when it can again.
 */
class PageConnectionTests {

	PageConnectionTests() {
		Browser.get();
		Site.reset();
	}

	@Test
	void whatHappenedWhileTheConnectionWasLostIsThereWhenItIsFound() throws IOException {
		try (TcpRelay relay = new TcpRelay(Site.service().port())) {
			Page page = Page.open(relay.port(), "");
			page.awaitDevices("demo", "iothread1", "blk3");
			relay.cut();
			page.awaitConnection("Lost");
			assertThat(page.find("#lost").getText()).contains("The connection is lost: the last message came at",
					"as it was then");
			assertThat(page.browser().barriers("body")).isEmpty();
			page.browser().picture("lost-light");
			Site.post("/api/v1/machines/demo/iothreads", "{\"id\": \"meanwhile\"}");
			Site.post("/api/v1/machines/demo/iothreads/iothread1/devices", "{\"id\": \"blk9\", \"drive\": \"disk9\"}");
			relay.mend(Site.service().port());
			page.awaitConnection("Live");
			page.awaitDevices("demo", "iothread1", "blk3", "blk9");
			page.awaitDevices("demo", "meanwhile");
			assertThat(page.find("#lost").isDisplayed()).isFalse();
			assertThat(page.isTheOneThatWasOpened()).isTrue();
			// And it hears of what happens from now on.
			Site.post("/api/v1/machines/demo/iothreads", "{\"id\": \"later\"}");
			page.awaitDevices("demo", "later");
			assertThat(page.browser().complaints()).isEmpty();
		}
	}

	@Test
	void aServiceThatWasStartedAnewIsFollowed() throws IOException {
		try (TcpRelay relay = new TcpRelay(Site.service().port());
				RunningService another = RunningService.start("--iothreads.discovery.directory=/nowhere")) {
			Page page = Page.open(relay.port(), "");
			page.awaitDevices("demo", "iothread1", "blk3");
			relay.cut();
			relay.mend(another.port());
			page.await(() -> {
				assertThat(page.machines()).isEmpty();
				assertThat(page.find("#empty").getText()).startsWith("The service knows no machine yet");
			});
			page.awaitConnection("Live");
			assertThat(page.isTheOneThatWasOpened()).isTrue();
		}
	}

	@Test
	void aResyncMakesThePageReadAgain() throws IOException {
		try (TcpRelay relay = new TcpRelay(Site.service().port())) {
			Page page = Page.open(relay.port(), "");
			// The next stream is the test's, and the test is the only one that tells.
			page.run(
					"""
							const real = window.fetch;
							window.fetch = (address, options) => {
								if (!String(address).endsWith('/events')) {
									return real(address, options);
								}
								window.fetch = real;
								return Promise.resolve(new Response(new ReadableStream({ start: (notified) => window.notified = notified })));
							};
							""");
			relay.cut();
			page.awaitConnection("Lost");
			relay.mend(Site.service().port());
			page.awaitConnection("Live");
			Site.post("/api/v1/machines/demo/iothreads", "{\"id\": \"unheard\"}");
			assertThat(page.texts(Page.card("demo", "unheard"))).isEmpty();
			page.run(
					"notified.enqueue(new TextEncoder().encode('id: 7\\nevent: resync\\ndata: {\"detail\":\"\"}\\n\\n'))");
			page.awaitDevices("demo", "unheard");
		}
	}

	@Test
	void aReadThatFailsDoesNotSaySoOfAChange() throws IOException {
		try (TcpRelay relay = new TcpRelay(Site.service().port())) {
			Page page = Page.open(relay.port(), "");
			page.run("window.fetch = () => Promise.reject(new TypeError('no network'))");
			page.pressLabelled("Tune iothread0 of demo");
			page.await(() -> assertThat(page.awaitDialog().getText()).contains("The service does not answer.")
				.doesNotContain("may have"));
		}
	}

	@Test
	void aPageThatIsLeftLeavesItsConnection() {
		for (int i = 0; i < 8; i++) {
			Page page = Site.open("?find=" + i);
			assertThat(page.texts("#connection")).containsExactly("Live");
		}
		Page page = Site.open("?find=demo");
		page.browser().driver().navigate().to("about:blank");
		page.browser().driver().navigate().back();
		page.awaitConnection("Live");
		page.awaitDevices("demo", "iothread1", "blk3");
	}

	@Test
	void aSilentConnectionIsLostSinceItsLastMessage() throws IOException {
		Page page = Site.open("");
		// A stream that begins and says nothing, in a page whose time passes faster.
		Object lost = page.run("""
				const realTimeout = window.setTimeout;
				window.setTimeout = (then, delay) => realTimeout(then, delay / 20);
				return import('/page/stream.js').then(({ follow }) => new Promise((done) => {
					const begin = performance.now();
					follow((signal) => Promise.resolve(new Response(new ReadableStream({ start: (sink) => {
						sink.enqueue(new TextEncoder().encode(': nothing\\n\\n'));
						signal.addEventListener('abort', () => sink.error(new Error('silent')));
					} }))), () => {}, () => {}, () => {}).ended.catch(() => done((performance.now() - begin) * 20));
				}));
				""");
		assertThat(((Number) lost).doubleValue()).isBetween(16_000.0, 25_000.0);
	}

	@Test
	void aChangeWithoutAnAnswerIsNoSilence() throws IOException {
		try (TcpRelay relay = new TcpRelay(Site.service().port())) {
			Page page = Page.open(relay.port(), "");
			page.pressLabelled("Add an IOThread to demo");
			page.awaitDialog();
			relay.cut();
			page.submit();
			page.awaitRefusal("The change may have been made all the same");
			page.cancel();
		}
	}

}
