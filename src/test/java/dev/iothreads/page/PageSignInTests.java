package dev.iothreads.page;

import java.util.List;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.Test;

import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The page of a service that wants to know who asks.
 */
class PageSignInTests {

	private static final String PASSWORD = "pässword";

	PageSignInTests() {
		Browser.get();
	}

	@Test
	void whoMayNotLookIsAskedWhoTheyAre() {
		try (RunningService service = start("none")) {
			Page page = Page.look(service.port(), "");
			page.awaitConnection("Lost");
			page.await(() -> assertThat(page.find("#lost").getText()).contains("Sign in to do this", "role viewer"));
			page.press("#again");
			page.awaitDialog();
			page.fill("name", "alice");
			page.fill("secret", "wrong");
			page.submit();
			page.awaitRefusal("The name or the password is wrong.");
			page.fill("secret", PASSWORD);
			page.submit();
			page.awaitNoDialog();
			page.awaitConnection("Live");
			page.awaitDevices("demo", "iothread0", "blk0", "blk1");
			assertThat(page.browser().driver().manage().getCookies()).isEmpty();
			page.press("#who");
			page.awaitConnection("Lost");
			assertThat(page.browser().complaints()).isEmpty();
		}
	}

	@Test
	void aWrongPasswordLeavesThePageAsItIs() {
		try (RunningService service = start("viewer")) {
			Page page = Page.open(service.port(), "");
			page.run("window.states = []; new MutationObserver(() => "
					+ "states.push(document.getElementById('connection').dataset.state))"
					+ ".observe(document.getElementById('connection'), { attributes: true })");
			page.press("#sign-in");
			page.awaitDialog();
			page.fill("name", "alice");
			page.fill("secret", "wrong");
			page.submit();
			page.awaitRefusal("The name or the password is wrong.");
			assertThat(page.find("dialog .refusal").getText()).doesNotContain("Authorization");
			// The counts are read with the credentials that are right.
			page.run("return import('/page/api.js').then(({ activity }) => activity())");
			assertThat(page.run("return states")).isEqualTo(List.of());
			page.cancel();
		}
	}

	@Test
	void aViewerSeesNoActionButSignIn() {
		try (RunningService service = start("viewer")) {
			Page page = Page.open(service.port(), "");
			page.awaitDevices("demo", "iothread0", "blk0", "blk1");
			assertThat(page.texts(".changes")).isEmpty();
			page.press("#sign-in");
			page.awaitDialog();
			page.fill("name", "alice");
			page.fill("secret", PASSWORD);
			page.submit();
			page.awaitNoDialog();
			page.await(() -> assertThat(page.find("#who").getText()).isEqualTo("Sign out alice"));
			page.pressLabelled("Add an IOThread to demo");
			page.awaitDialog();
			page.fill("id", "mine");
			page.submit();
			page.awaitNoDialog();
			page.awaitDevices("demo", "mine");
			page.press("#who");
			page.await(() -> assertThat(page.texts(".changes")).isEmpty());
			assertThat(page.find("#sign-in").isDisplayed()).isTrue();
		}
	}

	@Test
	void whatMayNoLongerBeDoneIsSaidWithAWayOut() {
		try (RunningService service = start("viewer")) {
			Page page = Page.open(service.port(), "");
			page.await(() -> assertThat(page.find("#sign-in").isDisplayed()).isTrue());
			// As when the role is taken away while the form is open.
			page.run("document.body.dataset.role = 'operator'");
			page.pressLabelled("Add an IOThread to demo");
			page.awaitDialog();
			page.submit();
			page.awaitRefusal("it needs the role operator");
			assertThat(page.find("dialog .refusal").getText()).doesNotContain("Authorization");
			page.press("dialog .refusal button");
			page.await(() -> assertThat(page.focused()).isEqualTo("name"));
		}
	}

	private static RunningService start(String anonymous) {
		return RunningService.start("--iothreads.security.anonymous=" + anonymous,
				"--iothreads.security.users.alice.role=operator",
				"--iothreads.security.users.alice.password={bcrypt}" + new BCryptPasswordEncoder(4).encode(PASSWORD));
	}

}
