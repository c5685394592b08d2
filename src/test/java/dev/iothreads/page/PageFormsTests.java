package dev.iothreads.page;

import java.io.IOException;
import java.util.List;

import dev.iothreads.machine.MachineState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What the forms say, what they do not offer, and what is done with several at once.
 */
class PageFormsTests {

	@BeforeEach
	void demo() {
		Browser.get();
		Site.reset();
	}

	@AfterEach
	void clear() {
		Site.reset();
	}

	@Test
	void tuningShowsDefaultRangeAndUnitAndResets() {
		Page page = Site.open("");
		Site.patch("/api/v1/machines/demo/iothreads/iothread0", "{\"poll-max-ns\": 1000000}");
		page.await(() -> assertThat(page.texts(Page.card("demo", "iothread0") + " .settings"))
			.containsExactly("poll-max-ns\n1\u202f000\u202f000"));
		page.pressLabelled("Tune iothread0 of demo");
		String words = page.awaitDialog().getText();
		assertThat(words).contains("Default 32\u202f768; from 0 to 1\u202f000\u202f000\u202f000.",
				"1\u202f000\u202f000\u202fns = 1\u202fms", "answers sooner, and uses CPU time");
		page.pressLabelled("Reset poll-max-ns to 32768");
		assertThat(page.field("poll-max-ns").getAttribute("value")).isEqualTo("32768");
		assertThat(page.awaitDialog().getText()).contains("32\u202f768\u202fns = 32.8\u202fµs");
		page.submit();
		page.awaitNoDialog();
		page.await(() -> assertThat(page.texts(Page.card("demo", "iothread0") + " .settings")).isEmpty());
	}

	@Test
	void allIOThreadsOfAMachineAreTunedAtOnce() {
		Page page = Site.open("");
		page.pressLabelled("Tune iothread0 of demo");
		page.awaitDialog();
		page.fill("poll-max-ns", "0");
		page.press("dialog [name=all]");
		page.submit();
		page.await(() -> assertThat(page.texts("dialog .results li")).containsExactly("iothread0 is tuned",
				"iothread1 is tuned"));
		page.press("dialog .buttons button");
		page.awaitNoDialog();
		page.await(() -> assertThat(page.texts(".card .settings")).containsExactly("poll-max-ns\n0", "poll-max-ns\n0"));
	}

	@Test
	void devicesAreDetachedTogetherWithAResultForEach() {
		Site.add("vm1", new ShownMachine(1).disk("held", 0, "iothread0"));
		Page page = Site.open("");
		page.awaitDevices("vm1", "iothread0", "held");
		page.press("[aria-label=\"Select blk0 of demo\"]");
		page.press("[aria-label=\"Select blk3 of demo\"]");
		page.press("[aria-label=\"Select held of vm1\"]");
		assertThat(page.find("#picked-words").getText()).isEqualTo("3 devices selected");
		// Another client is faster.
		Site.service().send("DELETE", "/api/v1/machines/demo/devices/blk3", "application/json", "");
		page.awaitDevices("demo", "iothread1");
		assertThat(page.find("#picked-words").getText()).isEqualTo("2 devices selected");
		page.press("#detach-picked");
		assertThat(page.awaitDialog().getText()).contains("Detach 2 devices?", "demo: blk0", "vm1: held");
		page.submit();
		page.await(() -> assertThat(page.texts("dialog .results li")).containsExactly("demo: blk0 is detached",
				"vm1: held has been asked for: the guest has yet to let go"));
		assertThat(page.browser().barriers("dialog")).isEmpty();
		page.browser().picture("together-light");
		page.press("dialog .buttons button");
		page.awaitNoDialog();
		page.awaitDevices("demo", "iothread0", "blk1");
		assertThat(page.find("#picked").isDisplayed()).isFalse();
	}

	@Test
	void machinesAreTunedTogetherAndWhatFailsIsSaid() {
		Site.add("vm1", new ShownMachine(1));
		Page page = Site.open("");
		page.await(() -> assertThat(page.machines()).hasSize(2));
		page.press("#pick-all");
		assertThat(page.find("#picked-words").getText()).isEqualTo("2 machines selected");
		page.press("#tune-picked");
		assertThat(page.awaitDialog().getText()).contains("Tune 3 IOThreads of 2 machines");
		page.fill("poll-max-ns", "5");
		page.submit();
		page.await(() -> {
			List<String> results = page.texts("dialog .results li");
			assertThat(results).hasSize(3);
			assertThat(results.subList(0, 2)).containsExactly("demo: iothread0 is tuned", "demo: iothread1 is tuned");
			assertThat(results.get(2)).startsWith("vm1: iothread0 ");
			assertThat(page.find("dialog h2").getText()).isEqualTo("1 of 3 failed");
		});
	}

	@ParameterizedTest
	@ValueSource(strings = { "7.2.22", "10.0.11" })
	void severalIOThreadsAreOfferedWhereQemuHasThem(String version) {
		String versions = """
				(path, answer) => path !== 'machines' ? answer : answer.map((machine) => ({ ...machine, 'qemu-version': '%s' }))
				"""
			.formatted(version);
		Page page = Site.open("", versions);
		page.pressLabelled("Attach a device to demo");
		page.awaitDialog();
		page.press("dialog input[value=iothread0]");
		page.press("dialog input[value=iothread1]");
		boolean several = !version.startsWith("7");
		assertThat(page.find("dialog input[value=iothread0]").isSelected()).isEqualTo(several);
		assertThat(page.find("dialog input[value=iothread1]").isSelected()).isTrue();
		assertThat(page.awaitDialog().getText())
			.contains(several ? "Several: the virtqueues go round them." : "One at most");
	}

	@Test
	void anImageIsAttachedInsteadOfABlockNode() {
		Page page = Site.open("", """
				(path, answer) => path !== 'machines/demo/attachable' ? answer : { ...answer, images: [
					{ file: '/srv/images/a.qcow2', name: 'a.qcow2', size: 10e9, format: 'qcow2', 'in-use': false },
					{ file: '/srv/images/b.raw', name: 'b.raw', size: 0, format: 'raw', 'in-use': true }] }
				""");
		page.pressLabelled("Attach a device to demo");
		page.awaitDialog();
		assertThat(page.choices("image.file")).containsExactly("none: a block node that QEMU has already",
				"a.qcow2 · 10.0\u202fGB", "b.raw · in use");
		page.choose("image.file", "/srv/images/a.qcow2");
		assertThat(page.field("drive").isDisplayed()).isFalse();
		assertThat(page.field("image.format").getAttribute("value")).isEqualTo("qcow2");
		page.run("""
				const real = window.fetch;
				window.fetch = (address, options) => {
					window.sent ??= options.body;
					return real(address, options);
				};
				""");
		page.submit();
		page.await(() -> assertThat(page.run("return JSON.parse(sent).image"))
			.hasToString("{file=/srv/images/a.qcow2, format=qcow2}"));
		assertThat(page.run("return JSON.parse(sent).drive ?? 'none'")).isEqualTo("none");
	}

	@Test
	void nothingIsOfferedWhileTheConnectionIsLost() throws IOException {
		try (TcpRelay relay = new TcpRelay(Site.service().port())) {
			Page page = Page.open(relay.port(), "");
			page.awaitDevices("demo", "iothread1", "blk3");
			relay.cut();
			page.awaitConnection("Lost");
			page.await(() -> {
				assertThat(page.run("return document.querySelectorAll('button.changes:enabled').length")).isEqualTo(0L);
				assertThat(page.find("[aria-label=\"Detach blk3 from demo\"]").getAttribute("title"))
					.startsWith("The connection to the service is lost");
			});
			relay.mend(Site.service().port());
			page.awaitConnection("Live");
			page.await(() -> assertThat(page.find("[aria-label=\"Detach blk3 from demo\"]").getAttribute("title"))
				.isEqualTo("Detach blk3"));
			page.pressLabelled("Detach blk3 from demo");
			page.awaitDialog();
		}
	}

	@Test
	void aDetachThatWaitsSaysSinceWhenAndWhyAndIsAskedForAgain() {
		Site.add("vm1", new ShownMachine(1).disk("blk0", 0, "iothread0"));
		Page page = Site.open("",
				"""
						(path, answer) => path !== 'machines' ? answer : answer.map((machine) => ({ ...machine, 'run-state': 'paused' }))
						""");
		page.pressLabelled("Detach blk0 from vm1");
		assertThat(page.awaitDialog().getText()).contains("It is paused now, and can let go when it runs again.");
		page.submit();
		page.awaitNoDialog();
		page.await(() -> assertThat(page.texts(Page.device("vm1", "iothread0", "blk0") + " .reason")).singleElement()
			.asString()
			.matches("Its unplug has been asked for, and the guest has yet to let go\\. "
					+ "Seen waiting since \\d\\d:\\d\\d:\\d\\d\\. The guest is paused, and can let go when it runs again\\."));
		page.pressLabelled("Ask again to let go of blk0 of vm1");
		assertThat(page.awaitDialog().getText()).startsWith("Ask the guest of vm1 again to let go of blk0?");
		page.submit();
		page.awaitNoDialog();
		page.awaitNews("has yet to let go of blk0");
	}

	@Test
	void idsPathsAndThreadsAreCopied() {
		Page page = Site.open("");
		page.run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }");
		page.run("document.querySelector('[data-copy=\"top -H -p 5281\"]').click()");
		page.awaitNews("Copied: top -H -p 5281");
		assertThat(page.run("return copied")).isEqualTo("top -H -p 5281");
		assertThat((List<?>) page.run("return [...document.querySelectorAll('" + Page.card("demo", "iothread1")
				+ " [data-copy]')].map((button) => button.dataset.copy)"))
			.asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.list(Object.class))
			.containsExactly("iothread1", "/machine/peripheral/blk3/virtio-backend", "5282", "top -H -p 5282",
					"taskset -cp 5282");
	}

	@Test
	void aMachineThatIsDownIsNotPicked() {
		Site.add("vm1", new ShownMachine(1)).become(MachineState.DOWN, "It is down.");
		Page page = Site.open("");
		page.await(() -> assertThat(page.texts(Page.machine("vm1") + " .why")).containsExactly("It is down."));
		page.press("#pick-all");
		assertThat(page.find("#picked-words").getText()).isEqualTo("1 machine selected");
	}

}
