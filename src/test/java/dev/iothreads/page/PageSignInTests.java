package dev.iothreads.page;

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
	void whoMayOnlyLookIsAskedWhenTheyChangeSomething() {
		try (RunningService service = start("viewer")) {
			Page page = Page.open(service.port(), "");
			page.pressLabelled("Add an IOThread to demo");
			page.awaitDialog();
			page.fill("id", "mine");
			page.submit();
			page.awaitRefusal("it needs the role operator");
			page.press("dialog .refusal button");
			page.await(() -> assertThat(page.focused()).isEqualTo("name"));
			page.fill("name", "alice");
			page.fill("secret", PASSWORD);
			page.press("dialog:last-of-type [type=submit]");
			page.await(() -> assertThat(page.find("#who").getText()).isEqualTo("Sign out alice"));
			page.submit();
			page.awaitNoDialog();
			page.awaitDevices("demo", "mine");
		}
	}

	private static RunningService start(String anonymous) {
		return RunningService.start("--iothreads.security.anonymous=" + anonymous,
				"--iothreads.security.users.alice.role=operator",
				"--iothreads.security.users.alice.password={bcrypt}" + new BCryptPasswordEncoder(4).encode(PASSWORD));
	}

}
