package dev.iothreads.page;

import java.util.List;
import java.util.Map;

import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.MachineState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The table of the machines: what it says of them, what chooses among them, and what
 * becomes of it on a phone.
 */
class PageOverviewTests {

	// What a QEMU says of its guest.
	private static final String GUESTS = """
			(path, answer) => path !== 'machines' ? answer : answer.map((machine) => machine.name === 'vm1'
				? { ...machine, 'run-state': 'paused', 'guest-name': 'ledger', uuid: '6f1c8a52-5d3b-4b52-9a43-1c0f9f3f7c11' }
				: machine.name === 'vm2' ? { ...machine, 'run-state': 'running', title: 'The mail of all' } : machine)
			""";

	@BeforeEach
	void machines() {
		Browser.get();
		Site.clear();
		Site.add("vm1", new ShownMachine(2).disk("root", 0, "iothread0").disk("data", 0, "iothread1"));
		Site.add("vm2",
				new ShownMachine(1).disk("blk0", 0, "iothread0")
					.device("lost", DeviceState.ORPHANED, "Its IOThread is removed.", "old")
					.device("going", DeviceState.DETACHING, "The guest has yet to let go.", "iothread0"));
		Site.add("vm3", new ShownMachine(4)).become(MachineState.DOWN, "vm3 is down: nothing listens there.");
	}

	@AfterEach
	void clear() {
		Site.reset();
	}

	@Test
	void chipsCountAndChooseAndTheAddressKeepsThem() {
		Page page = Site.open("", GUESTS);
		page.await(() -> assertThat(page.texts("#chips .chip")).containsExactly("2 up", "1 down", "1 paused",
				"1 orphaned", "1 detaching"));
		page.press(".chip[data-mark=paused]");
		page.await(() -> assertThat(page.machines()).containsExactly("vm1"));
		page.press(".chip[data-mark=down]");
		page.await(() -> assertThat(page.machines()).containsExactly("vm1", "vm3"));
		page.await(() -> assertThat(page.run("return location.search")).isEqualTo("?show=paused,down"));
		assertThat(page.find(".chip[data-mark=down]").getAttribute("aria-pressed")).isEqualTo("true");
		Page again = Site.open("?show=orphaned&sort=-name", GUESTS);
		again.await(() -> assertThat(again.machines()).containsExactly("vm2"));
		again.press(".chip[data-mark=orphaned]");
		again.await(() -> assertThat(again.machines()).containsExactly("vm3", "vm2", "vm1"));
		assertThat(again.browser().complaints()).isEmpty();
	}

	@Test
	void aChipThatNothingIsAnyMoreCanBeTakenBack() {
		Page page = Site.open("?show=unreadable", GUESTS);
		page.await(() -> assertThat(page.find("#empty").getText()).startsWith("No machine is as is asked for"));
		page.press(".chip[data-mark=unreadable]");
		page.await(() -> assertThat(page.machines()).hasSize(3));
	}

	@Test
	void aMachineIsFoundByWhatIsKnownOfIt() {
		Page page = Site.open("?find=ledger", GUESTS);
		page.await(() -> assertThat(page.machines()).containsExactly("vm1"));
		Map.of("6f1c8a52", "vm1", "mail of", "vm2", "vm3", "vm3", "disk-data", "vm1", "paused", "vm1", "orphaned lost",
				"vm2", "down", "vm3", "going", "vm2")
			.forEach((words, machine) -> {
				page.find("#find").clear();
				page.find("#find").sendKeys(words);
				page.await(() -> assertThat(page.machines()).as(words).containsExactly(machine));
			});
	}

	@Test
	void aThreadADiskAndAFileAreFoundAndMarked() {
		String images = """
				(path, answer) => path !== 'devices' ? answer : answer.map((device) => device.id === 'data'
					? { ...device, serial: 'WD-1234', image: { file: '/srv/images/ledger.qcow2' },
						disks: [{ id: 'sd1', 'qom-path': '/x/sd1', driver: 'scsi-hd', target: 1, lun: 0, serial: 'S-77' }] } : device)
				""";
		Page page = Site.open("", images);
		for (String words : List.of("WD-1234", "ledger.qcow2", "S-77", "sd1", "5001")) {
			page.find("#find").clear();
			page.find("#find").sendKeys(words);
			page.await(() -> {
				assertThat(page.machines()).containsExactly("vm1");
				assertThat(page.texts("[data-found]")).isNotEmpty();
			});
		}
		page.find("#find").clear();
		page.find("#find").sendKeys("sd1");
		page.await(() -> assertThat(page.texts(Page.device("vm1", "iothread1", "data") + " .disk"))
			.containsExactly("sd1\nscsi-hd · target 1, LUN 0 · S-77"));
		assertThat(page.find(Page.device("vm1", "iothread1", "data") + " .driver").getText())
			.isEqualTo("virtio-blk-pci · disk-data · /srv/images/ledger.qcow2");
	}

	@Test

	void whatIsMissingOfAPoolIsMarkedAndTheReasonIsInTheBody() {
		String pools = """
				(path, answer) => path !== 'machines' ? answer : answer.map((machine) => machine.name === 'vm1'
					? { ...machine, 'pool-missing': 2, 'pool-reason': 'It is read-only.' }
					: machine.name === 'vm2' ? { ...machine, 'pool-missing': 0 } : machine)
				""";
		Page page = Site.open("", pools);
		page.await(() -> assertThat(page.texts(Page.machine("vm1") + " .mark[data-kind=pool]"))
			.containsExactly("2 of its pool missing"));
		assertThat(page.find(Page.machine("vm1") + " .mark[data-kind=pool]").getAttribute("title"))
			.isEqualTo("It is read-only.");
		assertThat(page.find(Page.machine("vm2") + " .mark[data-kind=pool]").isDisplayed()).isFalse();
		page.await(() -> assertThat(page.texts(Page.machine("vm1") + " [data-of=pool]"))
			.containsExactly("Pool: It is read-only."));
	}

	@Test
	void aDiskBehindAControllerHasARateOfItsOwn() {
		Site.add("vm4", new ShownMachine(1).showingActivity().disk("scsi0", 1000, "iothread0"));
		String disks = """
				(path, answer) => path === 'devices' ? answer.map((device) => device.id !== 'scsi0' ? device
						: { ...device, disks: [{ id: 'hd0', 'qom-path': '/x/hd0', driver: 'scsi-hd', target: 0, lun: 1 }] })
					: path !== 'activity' ? answer : answer.map((machine) => ({ ...machine, devices: machine.devices.map((device) =>
						({ ...device, disks: [{ id: 'hd0', 'qom-path': '/x/hd0', operations: device.operations }] })) }))
				""";
		Page page = Site.open("", disks);
		page.find("#find").sendKeys("hd0");
		page.await(() -> {
			assertThat(page.texts(Page.device("vm4", "iothread0", "scsi0") + " .disk .rate")).singleElement()
				.asString()
				.matches("[\\d.]+(\u202fk)?/s")
				.doesNotStartWith("0/");
			assertThat(page.texts(Page.card("vm4", "iothread0") + " .numbers dd")).element(1)
				.asString()
				.matches("9\\d\\d|1[.\\d]*(\u202fk)?");
		});
	}

	@Test
	void theTitleAndTheHeaderSayWhereAndHowItIs() {
		Page page = Site.open("", GUESTS);
		String host = Site.service().get("/api/v1/service").json().path("host").asString();
		page.await(() -> assertThat(page.browser().driver().getTitle()).isEqualTo(host + " · 1 down – IOThreads"));
		assertThat(page.find("#host").getText()).startsWith(host).contains("0.");
		ShownMachine busy = Site.add("vm4", new ShownMachine(5));
		busy.become(MachineState.BUSY, "vm4 is busy: another client holds its monitor.");
		page.await(() -> assertThat(page.browser().driver().getTitle())
			.isEqualTo(host + " · 1 down · 1 busy – IOThreads"));
		Site.remove("vm4");
		Site.remove("vm3");
		page.await(() -> assertThat(page.browser().driver().getTitle()).isEqualTo(host + " · all up – IOThreads"));
	}

	@Test
	void aRowSaysWhoItIsAndNothingTwice() {
		Page page = Site.open("", GUESTS);
		page.await(() -> assertThat(page.find(Page.machine("vm1") + " .known").getText())
			.isEqualTo("ledger · 6f1c8a52-5d3b-4b52-9a43-1c0f9f3f7c11"));
		assertThat(page.texts(Page.machine("vm1") + " .row td:not(.picks)")).startsWith("up", "paused", "2", "2", "–",
				"–");
		assertThat(page.texts(Page.machine("vm3") + " .row td:not(.picks)")).containsExactly("down",
				"vm3 is down: nothing listens there.");
		Object heights = page
			.run("return [...document.querySelectorAll('.row')].map((row) => row.getBoundingClientRect().height)");
		assertThat((List<?>) heights).allSatisfy((height) -> assertThat(((Number) height).doubleValue()).isEqualTo(28));
	}

	@Test
	void onAPhoneTheHeaderIsOneLineAndTargetsAreLargeEnough() {
		Page page = Site.open("", GUESTS);
		page.browser().width(Browser.PHONE);
		page.await(() -> assertThat(page.machines()).hasSize(3));
		Object height = page.run("return document.querySelector('.top').getBoundingClientRect().height");
		assertThat(((Number) height).doubleValue()).isLessThanOrEqualTo(56);
		page.run("document.getElementById('who').hidden = false; "
				+ "document.getElementById('who').textContent = 'Sign out somebody-with-a-long-name'");
		height = page.run("return document.querySelector('.top').getBoundingClientRect().height");
		assertThat(((Number) height).doubleValue()).isLessThanOrEqualTo(56);
		assertThat((List<?>) page.run("""
				return [...document.querySelectorAll('button, select, input[type=search], nav a, footer a')]
					.filter((element) => element.checkVisibility())
					.filter((element) => element.getBoundingClientRect().height < 44)
					.map((element) => element.outerHTML);
				""")).isEmpty();
		assertThat(page.run("return document.documentElement.scrollWidth")).isEqualTo((long) Browser.PHONE);
		assertThat(page.run("return getComputedStyle(document.querySelector('.machines')).display")).isEqualTo("block");
	}

}
