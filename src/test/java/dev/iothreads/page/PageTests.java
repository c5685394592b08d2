package dev.iothreads.page;

import java.util.List;

import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.MachineState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The page in front of the demo machine, and of machines in every state.
 */
class PageTests {

	private static final String DEMO = Page.machine("demo");

	private static final String SENTENCE = "iothread0 does 9,000 operations a second, each of its 2 IOThreads 5,000 in the mean.";

	private static final String UNEVEN = """
			(path, answer) => path !== 'machines' ? answer : answer.map((machine) => machine.name === 'vm1'
				? { ...machine, balance: { state: 'uneven', measure: 'operations', busiest: 'iothread0', sentence: '%s' } } : machine)
			"""
		.formatted(SENTENCE);

	private final Page page;

	PageTests() {
		Browser.get();
		Site.reset();
		this.page = Site.open("");
	}

	@AfterEach
	void theBrowserHasNothingToComplainOf() {
		assertThat(this.page.browser().complaints()).isEmpty();
		assertThat(this.page.isTheOneThatWasOpened()).isTrue();
	}

	@Test
	void theDemoMachineIsShownWithWhatRunsOnItsIOThreads() {
		this.page.awaitDevices("demo", "iothread0", "blk0", "blk1");
		this.page.awaitDevices("demo", "iothread1", "blk3");
		assertThat(this.page.find(DEMO + " .state").getText()).isEqualTo("up");
		assertThat(this.page.find(Page.card("demo", "iothread0") + " .share").getText())
			.isEqualTo("67\u202f% of the devices");
		// It has QEMU's defaults, and there is nothing to say of those.
		assertThat(this.page.texts(Page.card("demo", "iothread0") + " .settings")).isEmpty();
		assertThat(this.page.find("#totals").getText()).isEqualTo("1 machine · 2 IOThreads · 3 devices");
	}

	@Test
	void aDeviceIsAttachedWithWhatTheFormOffers() {
		this.page.pressLabelled("Attach a device to iothread1 of demo");
		this.page.awaitDialog();
		assertThat(this.page.choices("drive")).contains("disk2", "disk4").doesNotContain("disk0", "disk1", "disk3");
		assertThat(this.page.choices("bus")).doesNotContain("rp0").anyMatch((bus) -> bus.contains("rp3"));
		assertThat(this.page.choices("driver")).startsWith("virtio-blk-pci");
		assertThat(this.page.field("id").getAttribute("value")).isEqualTo("blk4");
		this.page.fill("id", "backup");
		this.page.choose("drive", "disk7");
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "iothread1", "backup", "blk3");
		assertThat(this.page.find(Page.device("demo", "iothread1", "backup") + " .driver").getText())
			.isEqualTo("virtio-blk-pci · disk7");
		this.page.awaitNews("demo: backup is now on iothread1");
	}

	@Test
	void whereNoIOThreadIsChosenTheLeastLoadedOneIsTaken() {
		this.page.pressLabelled("Attach a device to demo");
		assertThat(this.page.awaitDialog().getText()).contains("the least loaded one, iothread1 at this moment");
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "iothread1", "blk3", "blk4");
	}

	@Test
	void aDeviceIsDetachedWhenItIsConfirmedWhatTheGuestWillNotice() {
		this.page.pressLabelled("Detach blk0 from demo");
		assertThat(this.page.awaitDialog().getText()).contains("The guest is asked to let go of blk0", "disk0");
		this.page.cancel();
		this.page.awaitDevices("demo", "iothread0", "blk0", "blk1");
		this.page.pressLabelled("Detach blk0 from demo");
		this.page.awaitDialog();
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "iothread0", "blk1");
	}

	@Test
	void whatTheServiceRefusesIsSaidInItsWords() {
		Site.post("/api/v1/machines/demo/iothreads", "{\"id\": \"pool0\"}");
		this.page.pressLabelled("Remove pool0 of demo");
		this.page.awaitDialog();
		Site.post("/api/v1/machines/demo/iothreads/pool0/devices", "{\"id\": \"blk9\", \"drive\": \"disk9\"}");
		this.page.submit();
		this.page.awaitRefusal("IOThread pool0 of demo is in use by blk9. Detach what runs on it first.");
		assertThat(this.page.find("dialog .refusal strong").getText()).isEqualTo("IOThread is in use");
		this.page.cancel();
		this.page.awaitDevices("demo", "pool0", "blk9");
	}

	@Test
	void anIOThreadThatIsUsedIsNotRemovedAndItsDevicesAreALinkAway() {
		this.page.pressLabelled("Remove iothread0 of demo");
		assertThat(this.page.awaitDialog().getText()).contains("blk0 and blk1 run on it");
		assertThat(this.page.find("dialog [type=submit]").isEnabled()).isFalse();
		assertThat(this.page.texts("dialog .links button")).containsExactly("Detach blk0", "Detach blk1");
		this.page.press("dialog .links button");
		this.page.await(() -> assertThat(this.page.awaitDialog().getText()).startsWith("Detach blk0 from demo?"));
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "iothread0", "blk1");
	}

	@Test
	void anIOThreadIsAddedTunedAndRemoved() {
		this.page.pressLabelled("Add an IOThread to demo");
		this.page.awaitDialog();
		assertThat(this.page.field("id").getAttribute("value")).isEqualTo("iothread2");
		this.page.fill("id", "pool0");
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "pool0");
		this.page.pressLabelled("Tune pool0 of demo");
		this.page.awaitDialog();
		this.page.fill("poll-max-ns", "1000");
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.await(() -> assertThat(this.page.find(Page.card("demo", "pool0") + " .settings").getText())
			.contains("poll-max-ns\n1\u202f000"));
		this.page.pressLabelled("Remove pool0 of demo");
		assertThat(this.page.awaitDialog().getText()).contains("the guest will not notice");
		this.page.submit();
		this.page.awaitNoDialog();
		this.page
			.await(() -> assertThat(this.page.texts(DEMO + " .card h3")).containsExactly("iothread0", "iothread1"));
	}

	@Test
	void whatIsWrongInAFormIsSaidAtItsField() {
		this.page.pressLabelled("Add an IOThread to demo");
		this.page.awaitDialog();
		this.page.fill("id", "0pool");
		this.page.press("dialog summary");
		this.page.fill("poll-max-ns", "-1");
		this.page.submit();
		this.page.awaitRefusal("Invalid request");
		WebElement id = this.page.field("id");
		assertThat(id.getAttribute("aria-invalid")).isEqualTo("true");
		assertThat(id.getAttribute("aria-describedby")).contains("-wrong");
		assertThat(this.page.texts("dialog .wrong")).hasSize(2)
			.anyMatch((words) -> words.startsWith("It must be a letter followed by"))
			.anyMatch((words) -> words.startsWith("It must be from 0 to"));
		assertThat(this.page.focused()).isEqualTo("id");
		this.page.cancel();
	}

	@Test
	void whatAnotherClientChangedMeanwhileIsNotOverwritten() {
		this.page.pressLabelled("Tune iothread0 of demo");
		this.page.awaitDialog();
		Site.patch("/api/v1/machines/demo/iothreads/iothread0", "{\"poll-grow\": 7}");
		this.page.fill("poll-max-ns", "1000");
		this.page.submit();
		this.page.awaitRefusal("has changed since you looked");
		this.page.cancel();
		this.page.await(() -> assertThat(this.page.find(Page.card("demo", "iothread0") + " .settings").getText())
			.isEqualTo("poll-grow\n7"));
	}

	@Test
	void aChangeIsMadeWithTheKeyboardAlone() {
		this.page.awaitDevices("demo", "iothread0", "blk0", "blk1");
		Actions keys = new Actions(this.page.browser().driver());
		for (int presses = 0; !this.page.focused().equals("Attach a device to iothread1 of demo"); presses++) {
			assertThat(presses).as("presses of the tabulator, the focus is at " + this.page.focused()).isLessThan(60);
			keys.sendKeys(Keys.TAB).perform();
		}
		keys.sendKeys(Keys.ENTER).perform();
		this.page.awaitDialog();
		this.page.await(() -> assertThat(this.page.focused()).isEqualTo("id"));
		keys.sendKeys("typed", Keys.ENTER).perform();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "iothread1", "blk3", "typed");
		assertThat(this.page.focused()).isEqualTo("Attach a device to iothread1 of demo");
		keys.sendKeys("/").perform();
		assertThat(this.page.run("return document.activeElement.id")).isEqualTo("find");
	}

	@Test
	void whoIsSomewhereStaysThereWhenSomethingElseChanges() {
		this.page.awaitDevices("demo", "iothread0", "blk0", "blk1");
		this.page.run("document.querySelector('[aria-label=\"Detach blk3 from demo\"]').focus()");
		Site.post("/api/v1/machines/demo/iothreads", "{\"id\": \"another\"}");
		Site.post("/api/v1/machines/demo/iothreads/iothread1/devices", "{\"id\": \"ablk\", \"drive\": \"disk9\"}");
		this.page.awaitDevices("demo", "iothread1", "ablk", "blk3");
		assertThat(this.page.focused()).isEqualTo("Detach blk3 from demo");
	}

	@Test
	void whoIsAtWhatHasGoneIsAtItsMachine() {
		this.page.awaitDevices("demo", "iothread1", "blk3");
		this.page.run("document.querySelector('[aria-label=\"Detach blk3 from demo\"]').focus()");
		Actions keys = new Actions(this.page.browser().driver());
		keys.sendKeys(Keys.ENTER).perform();
		this.page.awaitDialog();
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.awaitDevices("demo", "iothread1");
		this.page.await(() -> assertThat(this.page.focused()).isEqualTo("demo"));
	}

	@Test
	void whoDetachesByKeyboardIsAtItsMachineWhileTheGuestHoldsOn() {
		Site.add("vm1", new ShownMachine(1).disk("blk0", 0, "iothread0"));
		this.page.awaitDevices("vm1", "iothread0", "blk0");
		this.page.run("document.querySelector('[aria-label=\"Detach blk0 from vm1\"]').focus()");
		Actions keys = new Actions(this.page.browser().driver());
		keys.sendKeys(Keys.ENTER).perform();
		this.page.awaitDialog();
		this.page.submit();
		this.page.awaitNoDialog();
		this.page.await(() -> assertThat(this.page.texts(Page.device("vm1", "iothread0", "blk0") + " .mark"))
			.containsExactly("detaching"));
		assertThat(this.page.focused()).isEqualTo("vm1");
	}

	@Test
	void devicesAreInTheOrderOfTheirNumbers() {
		Site.add("vm1",
				new ShownMachine(1).disk("blk0", 0, "iothread0")
					.disk("blk12", 0, "iothread0")
					.disk("blk15", 0, "iothread0")
					.disk("blk3", 0, "iothread0"));
		this.page.awaitDevices("vm1", "iothread0", "blk0", "blk3", "blk12", "blk15");
	}

	@Test
	void theSuggestedIdFitsTheDriver() {
		this.page.pressLabelled("Attach a device to demo");
		this.page.awaitDialog();
		this.page.choose("driver", "virtio-scsi-pci");
		assertThat(this.page.field("id").getAttribute("value")).isEqualTo("scsi0");
		this.page.choose("driver", "virtio-blk-pci");
		assertThat(this.page.field("id").getAttribute("value")).isEqualTo("blk4");
		this.page.fill("id", "mine");
		this.page.choose("driver", "virtio-scsi-pci");
		assertThat(this.page.field("id").getAttribute("value")).isEqualTo("mine");
		this.page.cancel();
	}

	@Test
	void aMachineThatIsNotUpSaysWhy() {
		ShownMachine machine = Site.add("vm1", new ShownMachine(1).disk("blk0", 0, "iothread0"));
		this.page.awaitDevices("vm1", "iothread0", "blk0");
		machine.become(MachineState.DOWN, "vm1 is down: no process listens.");
		this.page.await(() -> {
			assertThat(this.page.find(Page.machine("vm1") + " .state").getText()).isEqualTo("down");
			assertThat(this.page.find(Page.machine("vm1") + " .why").getText())
				.isEqualTo("vm1 is down: no process listens.");
			assertThat(this.page.find(Page.machine("vm1") + " .content .reason").getText())
				.isEqualTo("vm1 is down: no process listens.");
			assertThat(this.page.texts(Page.card("vm1", "iothread0"))).isEmpty();
		});
		machine.become(MachineState.UP, "");
		this.page.awaitDevices("vm1", "iothread0", "blk0");
	}

	@Test
	void aMachineThatIsNoLongerLookedAfterIsNotShown() {
		ShownMachine machine = Site.add("vm1", new ShownMachine(1));
		this.page.await(() -> assertThat(this.page.machines()).containsExactly("demo", "vm1"));
		assertThat(machine.status().isUp()).isTrue();
		Site.remove("vm1");
		this.page.await(() -> assertThat(this.page.machines()).containsExactly("demo"));
	}

	@Test
	void whatIsOnNoIOThreadIsMarked() {
		Site.add("vm1",
				new ShownMachine(1).disk("blk0", 0)
					.device("lost", DeviceState.ORPHANED, "Its IOThread has gone.", "old")
					.device("going", DeviceState.DETACHING, "The guest has yet to let go.", "iothread0"));
		String machine = Page.machine("vm1");
		this.page.awaitDevices("vm1", "iothread0", "going");
		assertThat(this.page.texts(machine + " .card[data-kind=main] .name")).containsExactly("blk0");
		assertThat(this.page.texts(machine + " .card[data-kind=orphans] .name")).containsExactly("lost");
		assertThat(this.page.texts(machine + " .card[data-kind=orphans] .mark")).containsExactly("orphaned");
		assertThat(this.page.texts(Page.device("vm1", "iothread0", "going") + " .mark")).containsExactly("detaching");
		assertThat(this.page.texts(Page.device("vm1", "iothread0", "going") + " .reason")).singleElement()
			.asString()
			.startsWith("The guest has yet to let go. Seen waiting since ");
		assertThat(this.page.texts(machine + " .notes .mark")).containsExactly("1 orphaned", "1 detaching");
	}

	@Test
	void aMachineThatOthersManageIsOnlyShown() {
		Site.add("vm1", new ShownMachine(1).managedBy("libvirt").disk("blk0", 0, "iothread0"));
		this.page.awaitDevices("vm1", "iothread0", "blk0");
		assertThat(this.page.texts(Page.machine("vm1") + " .lock")).containsExactly("managed by libvirt");
		assertThat(this.page.texts(Page.machine("vm1") + " .content .changes")).isEmpty();
	}

	@Test
	void theIOThreadThatDoesNearlyAllIsMarked() {
		Site.add("vm1",
				new ShownMachine(2).showingActivity()
					.disk("blk0", 9000, "iothread0")
					.disk("blk1", 1000, "iothread1")
					.disk("blk2", 0, "iothread1"));
		Site.open("", UNEVEN);
		this.page.await(() -> {
			assertThat(this.page.texts(Page.machine("vm1") + " .notes .mark"))
				.containsExactly("iothread0 has 90\u202f%");
			assertThat(this.page.texts("#chips .chip")).containsExactly("2 up", "1 uneven");
			assertThat(this.page.find(Page.machine("vm1") + " .sentence").getText()).isEqualTo(SENTENCE);
			assertThat(this.page.find(Page.card("vm1", "iothread0")).getAttribute("data-busiest")).isNotNull();
			assertThat(this.page.texts(Page.card("vm1", "iothread0") + " .numbers dd")).element(1)
				.asString()
				.matches("(9|8\\.9\\d?|9\\.0\\d?)\u202fk");
			assertThat(this.page.texts(Page.card("vm1", "iothread0") + " .numbers dd").get(0))
				.matches("[\\d.]+\u202f%");
			assertThat(this.page.texts(Page.card("vm1", "iothread0") + " .numbers dd").get(2)).endsWith("MB/s");
		});
	}

	@Test
	void thePagesBehindItAreAtHand() {
		assertThat(this.page.texts("nav a")).containsExactly("API", "Metrics");
		List<String> addresses = this.page.browser()
			.driver()
			.findElements(org.openqa.selenium.By.cssSelector("nav a"))
			.stream()
			.map((link) -> java.net.URI.create(String.valueOf(link.getAttribute("href"))).getPath())
			.toList();
		assertThat(addresses).containsExactly("/swagger-ui.html", "/actuator/prometheus")
			.allSatisfy((address) -> assertThat(Site.service().get(address).status()).isIn(200, 302));
	}

	@Test
	void aGuestThatDoesNotLetGoIsWaitedFor() {
		Site.add("vm1", new ShownMachine(1).disk("blk0", 0, "iothread0"));
		this.page.pressLabelled("Detach blk0 from vm1");
		this.page.awaitDialog();
		this.page.submit();
		this.page.await(
				() -> assertThat(this.page.find("dialog [type=submit]").getText()).isEqualTo("Waiting for the guest…"));
		this.page.awaitNoDialog();
		this.page.awaitNews("The guest of vm1 has yet to let go of blk0");
		this.page.await(() -> assertThat(this.page.texts(Page.device("vm1", "iothread0", "blk0") + " .mark"))
			.containsExactly("detaching"));
		assertThat(this.page.texts(Page.device("vm1", "iothread0", "blk0") + " .changes")).containsExactly("Ask again");
	}

	@ParameterizedTest
	@ValueSource(strings = { "light", "dark" })
	void nothingKeepsPeopleFromUsingIt(String colours) {
		Site.add("db1",
				new ShownMachine(4).showingActivity()
					.disk("root", 340, "iothread0")
					.disk("data0", 18200, "iothread1")
					.disk("data1", 2100, "iothread2")
					.disk("logs", 900, "iothread2", "iothread3")
					.disk("cdrom", 0)
					.device("scratch", DeviceState.DETACHING,
							"Its unplug has been asked for, and the guest has yet to let go.", "iothread3"));
		Site.add("web1", new ShownMachine(1).managedBy("libvirt")
			.disk("vda", 0, "iothread0")
			.device("vdb", DeviceState.ORPHANED,
					"It was on IOThread iothread1, which has gone: its requests run on a thread that no client can see.",
					"iothread1"));
		ShownMachine down = Site.add("web2", new ShownMachine(1));
		down.become(MachineState.BUSY,
				"web2's monitor does not greet: another client holds it, or QEMU is stopped. Give the service a -qmp of its own; it waits in line for this one.");
		// Opened anew, it has no news to tell.
		Browser browser = Site.open("").browser();
		browser.prefer(colours);
		this.page.await(() -> {
			assertThat(this.page.texts(Page.machine("db1") + " .notes .mark")).containsExactly("1 detaching");
			assertThat(this.page.texts(Page.machine("web2") + " .state")).containsExactly("busy");
		});
		browser.picture("machines-" + colours);
		assertThat(browser.barriers("body")).isEmpty();
		browser.width(Browser.PHONE);
		browser.picture("phone-" + colours);
		assertThat(this.page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))
			.as("pixels beyond the edge of a phone")
			.isEqualTo(0L);
	}

	@ParameterizedTest
	@ValueSource(strings = { "light", "dark" })
	void nothingKeepsPeopleFromUsingItsForms(String colours) {
		Browser browser = this.page.browser();
		browser.prefer(colours);
		this.page.pressLabelled("Remove iothread0 of demo");
		this.page.awaitDialog();
		assertThat(browser.barriers("dialog")).isEmpty();
		browser.picture("remove-" + colours);
		this.page.cancel();
		this.page.pressLabelled("Add an IOThread to demo");
		this.page.awaitDialog();
		this.page.fill("id", "iothread0");
		this.page.submit();
		this.page.awaitRefusal("exists");
		browser.picture("refusal-" + colours);
		assertThat(browser.barriers("dialog")).isEmpty();
		this.page.cancel();
		this.page.pressLabelled("Attach a device to demo");
		this.page.awaitDialog();
		browser.picture("attach-" + colours);
		assertThat(browser.barriers("dialog")).isEmpty();
		this.page.cancel();
		this.page.pressLabelled("Tune iothread0 of demo");
		this.page.awaitDialog();
		browser.picture("tune-" + colours);
		assertThat(browser.barriers("dialog")).isEmpty();
		this.page.cancel();
	}

}
