package dev.iothreads.page;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.Keys;
import org.openqa.selenium.interactions.Actions;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The last 15 minutes of a machine, and the advice that follows from them. The service's
 * answers are scripted: real ones take as long.
 */
class PagePastTests {

	private static final String PAST = """
			(path, answer, since) => {
				if (path === 'machines/demo/history') {
					const times = [...Array(since ? 0 : 60).keys()].map((index) => 1790000000 + index * 15);
					const wave = (top) => times.map((time, index) => index === 30 ? null : top * (1 + Math.sin(index / 9)) / 2);
					return { machine: 'demo', times, 'cpu-percent': wave(90), operations: wave(5000), iothreads: [
						{ id: 'iothread0', 'cpu-percent': wave(80), operations: wave(4800) },
						{ id: 'iothread1', 'cpu-percent': wave(10), operations: times.map(() => null) }] };
				}
				if (path === 'machines/demo/advice') {
					return { machine: 'demo', advice: [{ rule: 'placement', severity: 'warning',
						text: 'IOThread iothread0 does 84 % of the machine’s operations.',
						before: [{ iothread: 'iothread0', devices: ['blk0', 'blk1'], 'share-percent': 84 }, { iothread: 'iothread1', devices: ['blk3'], 'share-percent': 16 }],
						after: [{ iothread: 'iothread0', devices: ['blk0'], 'share-percent': 47 }, { iothread: 'iothread1', devices: ['blk1', 'blk3'], 'share-percent': 53 }],
						do: ['With blk1 on iothread1 the busiest would have 47 %.', '-device virtio-blk-pci,drive=disk1,iothread=iothread1'] }] };
				}
				return answer;
			}
			""";

	@BeforeEach
	void demo() {
		Browser.get();
		Site.reset();
	}

	@AfterEach
	void nothingToComplainOf() {
		assertThat(Browser.get().complaints()).isEmpty();
	}

	@Test
	void sparklinesShowTheLastQuarterOfAnHour() {
		Page page = Site.open("", PAST);
		page.await(() -> assertThat(drawn(page, Page.machine("demo") + " [data-of=cpu] .drawn")).startsWith("M1.1 "));
		// What is not known is a gap.
		assertThat(drawn(page, Page.machine("demo") + " [data-of=operations] .drawn").chars()
			.filter((letter) -> letter == 'M')).hasSize(2);
		assertThat(drawn(page, Page.card("demo", "iothread0") + " .drawn")).startsWith("M");
		assertThat(page.texts(Page.card("demo", "iothread0") + " .chart .value"))
			.containsExactly("CPU and operations, last 15 minutes");
	}

	@Test
	void thePointerAndTheKeysGiveTheValues() {
		Page page = Site.open("", PAST);
		String plot = Page.card("demo", "iothread0") + " .plot";
		page.await(() -> assertThat(page.find(plot).isDisplayed()).isTrue());
		page.run("document.querySelector(arguments[0]).focus()", plot);
		String value = Page.card("demo", "iothread0") + " .chart .value";
		String last = page.find(value).getText();
		assertThat(last).matches("\\d\\d:\\d\\d:\\d\\d: CPU [\\d.]+\u202f%, [\\d.]+(\u202fk)? operations/s");
		Actions keys = new Actions(page.browser().driver());
		keys.sendKeys(Keys.HOME).perform();
		assertThat(page.find(value).getText()).endsWith(": CPU 40\u202f%, 2.40\u202fk operations/s");
		assertThat(page.find(plot).getAttribute("aria-valuetext")).isEqualTo(page.find(value).getText());
		keys.sendKeys(Keys.ARROW_RIGHT).perform();
		assertThat(page.find(plot).getAttribute("aria-valuenow")).isEqualTo("1");
		keys.sendKeys(Keys.END).perform();
		assertThat(page.find(value).getText()).isEqualTo(last);
		keys.moveToElement(page.find(Page.card("demo", "iothread1") + " .plot")).perform();
		page.await(() -> assertThat(page.find(Page.card("demo", "iothread1") + " .chart .value").getText())
			.endsWith("operations not known"));
	}

	@Test
	void theSameIsThereAsATable() {
		Page page = Site.open("", PAST);
		page.press(Page.machine("demo") + " .history summary");
		page.await(() -> {
			assertThat(page.texts(".history thead th")).containsExactly("Time", "iothread0 CPU", "iothread0 ops/s",
					"iothread1 CPU", "iothread1 ops/s");
			assertThat(page.texts(".history tbody th")).hasSizeBetween(15, 16);
			assertThat(page.texts(".history tbody tr:first-child td")).hasSize(4).endsWith("–");
		});
	}

	@Test
	void whatIsReadLaterIsAddedToWhatIsKnown() {
		Page page = Site.open("");
		assertThat(page
			.run("""
					return import('/page/past.js').then(({ joined }) => {
						const answer = (times, ids, value) => ({ times, 'cpu-percent': times.map(() => value), operations: times.map(() => value),
							iothreads: ids.map((id) => ({ id, 'cpu-percent': times.map(() => value), operations: times.map(() => value) })) });
						const first = joined(null, answer([100, 115], ['old', 'stays'], 1));
						const second = joined(first, answer([130], ['stays', 'new'], 2));
						const later = joined(second, answer([1015], ['stays'], 3));
						return [second.times, second.all.cpu, [...second.iothreads.keys()], second.iothreads.get('new').cpu,
							second.iothreads.get('stays').operations, later.times, later.all.cpu, joined(later, answer([], ['stays'], 0)).times];
					});
					"""))
			.hasToString("[[100, 115, 130], [1, 1, 2], [stays, new], [null, null, 2], [1, 1, 2], "
					+ "[130, 1015], [2, 3], [130, 1015]]");
	}

	@Test
	void adviceSaysWhatToDoAndItsCommandsCanBeCopied() {
		Page page = Site.open("", PAST);
		page.await(() -> assertThat(page.texts(".advice .words"))
			.containsExactly("IOThread iothread0 does 84 % of the machine’s operations."));
		assertThat(page.texts(".advice li p:not(.words)")).containsExactly(
				"With blk1 on iothread1 the busiest would have 47 %.",
				"-device virtio-blk-pci,drive=disk1,iothread=iothread1");
		assertThat(page.texts(".advice .places tbody tr")).containsExactly(
				"iothread0 84\u202f%: blk0, blk1 47\u202f%: blk0", "iothread1 16\u202f%: blk3 53\u202f%: blk1, blk3");
		assertThat(page.find(".advice [data-copy]").getAttribute("data-copy"))
			.isEqualTo("-device virtio-blk-pci,drive=disk1,iothread=iothread1");
	}

	@Test
	void thatThereIsNoAdviceIsSaid() {
		Page page = Site.open("",
				"""
						(path, answer) => path === 'machines/demo/history' ? { times: [], 'cpu-percent': [], operations: [], iothreads: [] }
							: path === 'machines/demo/advice' ? { advice: [], reason: 'The figures are too young.' } : answer
						""");
		page.await(() -> assertThat(page.texts(".advice")).containsExactly("Advice\nThe figures are too young."));
	}

	@ParameterizedTest
	@ValueSource(strings = { "light", "dark" })
	void nothingKeepsPeopleFromUsingIt(String colours) {
		Page page = Site.open("", PAST);
		Browser browser = page.browser();
		browser.prefer(colours);
		page.await(() -> assertThat(page.texts(".advice .words")).hasSize(1));
		page.press(Page.machine("demo") + " .history summary");
		page.await(() -> assertThat(page.texts(".history tbody th")).isNotEmpty());
		assertThat(browser.barriers("body")).isEmpty();
		browser.picture("past-" + colours);
	}

	private static String drawn(Page page, String css) {
		return page.run("return document.querySelector(arguments[0])?.getAttribute('d')", css).toString();
	}

}
