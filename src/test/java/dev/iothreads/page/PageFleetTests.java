package dev.iothreads.page;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The page in front of 100 machines with 8 IOThreads and 24 devices each.
 */
class PageFleetTests {

	private static final int MACHINES = 100;

	private static final int IOTHREADS = 8;

	private static final int DEVICES = 3;

	private final Map<String, ShownMachine> machines = new TreeMap<>();

	@BeforeEach
	void browser() {
		Browser.get();
		Site.clear();
	}

	@AfterEach
	void clear() {
		Site.reset();
	}

	// 55 machines as an operator may have them, of which some want to be looked at.
	private static final String OPERATED = """
			(path, answer, since) => {
				const number = (name) => Number(name.slice(2));
				if (path === 'machines') {
					return answer.map((machine) => ({ ...machine, 'guest-name': `guest-${number(machine.name)}`,
						uuid: `6f1c8a52-5d3b-4b52-9a43-1c0f9f3f7${String(number(machine.name)).padStart(3, '0')}`,
						'run-state': number(machine.name) % 17 === 3 ? 'paused' : 'running',
						...(number(machine.name) === 7 ? { state: 'down', reason: 'vm007 is down: nothing listens at unix:/run/qemu/vm007.sock. Is its QEMU running?' } : {}),
						balance: number(machine.name) % 13 === 5 ? { state: 'uneven', measure: 'operations', busiest: 'iothread3', sentence: 'iothread3 does 1,200 operations a second, each of its 4 IOThreads 450 in the mean.' }
							: { state: 'even', measure: 'operations', busiest: 'iothread1', sentence: 'iothread1 does 120 operations a second, each of its 4 IOThreads 118 in the mean.' } }));
				}
				const [, name, what] = path.match(/^machines\\/([^/]*)\\/(.*)$/) ?? [];
				if (what === 'history') {
					const times = [...Array(since ? 0 : 60).keys()].map((index) => 1790000000 + index * 15);
					// It ends at what the machine does now.
					const wave = (now) => times.map((time, index) => now * (1 + Math.sin((index - 59) / (5 + number(name) % 7)) / 2));
					const does = [0, 1, 2, 3].map((id) => 3 * number(name) * (number(name) % 13 === 5 && id === 3 ? 8 : 1));
					const all = does.reduce((one, other) => one + other);
					return { times, 'cpu-percent': wave(all / 10), operations: wave(all),
						iothreads: does.map((each, id) => ({ id: `iothread${id}`, 'cpu-percent': wave(each / 10), operations: wave(each) })) };
				}
				if (what === 'advice') {
					return { advice: [{ rule: 'placement', severity: 'warning', text: 'IOThread iothread3 does 66 % of the machine’s operations with vm005-3-0 and vm005-3-1, iothread2 is idle: with vm005-3-1 on iothread2 the busiest would have 37 %.',
						do: ['At the next boot:', '-device virtio-blk-pci,id=vm005-3-1,drive=disk-vm005-3-1,iothread=iothread2'] }] };
				}
				return answer;
			}
			""";

	@Test
	void aFleetAsOperatorsHaveIt() {
		fill(true, 55, 4);
		for (String colours : List.of("light", "dark")) {
			Page page = Site.open("", OPERATED);
			Browser browser = page.browser();
			browser.prefer(colours);
			page.await(() -> {
				assertThat(page.texts("#chips .chip")).containsExactly("54 up", "1 down", "4 paused", "4 uneven");
				// Its busiest does 40 of 55 operations.
				assertThat(page.texts(Page.machine("vm005") + " .mark")).containsExactly("iothread3 has 73\u202f%");
				assertThat(page.run("return document.querySelector('[data-of=cpu] .drawn').getAttribute('d') ?? ''"))
					.asString()
					.startsWith("M");
			});
			assertThat(browser.barriers("body")).isEmpty();
			browser.picture("overview-" + colours);
			page.run("document.querySelector('" + Page.machine("vm005") + " .toggle').click()");
			page.await(() -> assertThat(page.texts(Page.machine("vm005") + " .advice .words")).hasSize(1));
			page.run("document.querySelector('" + Page.machine("vm005")
					+ "').scrollIntoView(); window.scrollBy(0, -40)");
			browser.picture("machine-" + colours);
			page.run("window.scrollTo(0, 0)");
			browser.width(Browser.PHONE);
			browser.picture("overview-phone-" + colours);
			assertThat(page.run("return document.documentElement.scrollWidth")).isEqualTo((long) Browser.PHONE);
		}
	}

	@Test
	void allAreThereAndWhatIsLookedForIsFound() {
		fill(false);
		Page page = Site.open("");
		page.await(() -> {
			assertThat(page.machines()).hasSize(MACHINES);
			assertThat(page.find("#totals").getText()).isEqualTo("100 machines · 800 IOThreads · 2\u202f400 devices");
		});
		assertThat(page.texts(".card")).as("open at first").isEmpty();
		page.find("#find").sendKeys("vm042");
		page.await(() -> assertThat(page.machines()).containsExactly("vm042"));
		assertThat(page.find("#found").getText()).isEqualTo("1 of 100 machines");
		page.find("#find").clear();
		page.find("#find").sendKeys("disk-vm077-5-1");
		page.await(() -> {
			assertThat(page.machines()).containsExactly("vm077");
			assertThat(page.texts(".device[data-found] .name")).containsExactly("vm077-5-1");
		});
		page.find("#find").clear();
		page.find("#find").sendKeys("nothing of that name");
		page.await(() -> assertThat(page.find("#empty").getText()).isEqualTo("No machine has anything of that name."));
		assertThat(page.browser().complaints()).isEmpty();
	}

	@Test
	void aColumnOrdersThemAndTheAddressKeepsIt() {
		fill(true);
		Page page = Site.open("?sort=operations");
		page.await(() -> assertThat(page.machines()).hasSize(MACHINES).startsWith("vm099", "vm098", "vm097"));
		page.browser().picture("fleet-light");
		page.run("window.scrollTo(0, 1500)");
		assertThat(page.run("return document.querySelector('th[data-sort]').getBoundingClientRect().top"))
			.as("where the head of the table is")
			.isEqualTo(0L);
		page.press("[data-sort=operations] button");
		page.await(() -> assertThat(page.machines()).startsWith("vm000", "vm001"));
		assertThat(page.find("[data-sort=operations]").getAttribute("aria-sort")).isEqualTo("ascending");
		page.await(() -> assertThat(page.run("return location.search")).isEqualTo("?sort=-operations"));
		page.press("[data-sort=name] button");
		page.press("[data-sort=name] button");
		page.await(() -> assertThat(page.machines()).startsWith("vm099", "vm098"));
		page.press("[data-sort=name] button");
		page.await(() -> assertThat(page.machines()).startsWith("vm000", "vm001"));
		page.await(() -> assertThat(page.run("return location.search")).isEqualTo(""));
	}

	@Test
	void oneChangeTouchesOneMachineOnly() {
		fill(false);
		Page page = Site.open("");
		page.await(() -> assertThat(page.machines()).hasSize(MACHINES));
		page.press("#expand");
		page.await(() -> assertThat(page.run("return document.querySelectorAll('.device').length"))
			.isEqualTo((long) MACHINES * IOTHREADS * DEVICES));
		page.run(
				"""
						window.touched = new Set();
						new MutationObserver((changes) => changes.forEach(({ target }) => touched.add(
							(target.closest ? target : target.parentElement).closest('.machine')?.dataset.machine ?? 'the list')))
							.observe(document.getElementById('list'), { subtree: true, childList: true, attributes: true, characterData: true });
						""");
		ShownMachine machine = this.machines.get("vm033");
		assertThat(machine).isNotNull();
		machine.disk("added", 0, "iothread4").tell();
		page.await(() -> assertThat(page.run("return document.querySelectorAll('[data-device=added]').length"))
			.isEqualTo(1L));
		assertThat((List<?>) page.run("return [...touched]"))
			.asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.list(Object.class))
			.containsExactly("vm033");
		page.press("#collapse");
		page.await(() -> assertThat(page.run("return document.querySelectorAll('.toggle[aria-expanded=true]').length"))
			.isEqualTo(0L));
	}

	/**
	 * Idle, the machine that this was written on loads them in less than 2 s and orders
	 * them in less than 100 ms; here others run, too.
	 */
	@Test
	void theyAreThereSoonAndOrderedAtOnce() {
		fill(true);
		Page page = Site.open("");
		page.await(() -> assertThat(page.machines()).hasSize(MACHINES));
		// From the beginning of the navigation until all rows are there.
		Object loaded = page.run("return performance.getEntriesByName('all machines')[0].startTime");
		Object ordered = page.browser().driver().executeAsyncScript("""
				const done = arguments[0];
				const times = [];
				const columns = ['operations', 'devices', 'name', 'balance', 'cpu'];
				const next = () => {
					if (columns.length === 0) {
						done(times.sort((one, other) => one - other)[2]);
						return;
					}
					const begin = performance.now();
					document.querySelector(`[data-sort=${columns.pop()}] button`).click();
					requestAnimationFrame(() => {
						// The layout, too.
						document.body.getBoundingClientRect();
						times.push(performance.now() - begin);
						setTimeout(next, 50);
					});
				};
				next();
				""");
		System.out.printf("100 machines: loaded after %s ms, ordered in %s ms%n", loaded, ordered);
		assertThat(((Number) loaded).doubleValue()).isLessThan(10_000);
		assertThat(((Number) java.util.Objects.requireNonNull(ordered)).doubleValue()).isLessThan(500);
	}

	@Test
	void whatIsKnownOfMachinesThatTheHeaderHasNoRoomForIsKept() {
		Page page = Site.open("");
		assertThat(page.run("""
				return import('/page/model.js').then(({ Fleet }) => {
					const fleet = new Fleet();
					const machines = ['vm1', 'vm2'].map((name) => ({ name, state: 'up' }));
					const list = (andMore, ...names) =>
						({ items: names.map((machine) => ({ machine, id: 'iothread0' })), unavailable: [], andMore });
					fleet.replace(machines, list(false, 'vm1', 'vm2'), list(false));
					const complete = fleet.replace(machines, list(true, 'vm1'), list(true));
					return [complete, ...[...fleet.machines.values()].map((machine) => machine.iothreads.size)];
				});
				""")).isEqualTo(List.of(false, 1L, 1L));
	}

	private void fill(boolean busy) {
		fill(busy, MACHINES, IOTHREADS);
	}

	private void fill(boolean busy, int many, int iothreads) {
		for (int i = 0; i < many; i++) {
			String name = "vm%03d".formatted(i);
			ShownMachine machine = new ShownMachine(iothreads);
			if (busy) {
				machine.showingActivity().using(0.001);
			}
			int number = i;
			IntStream.range(0, iothreads)
				.forEach((iothread) -> IntStream.range(0, DEVICES)
					.forEach((device) -> machine.disk("%s-%d-%d".formatted(name, iothread, device),
							uneven(number, iothreads, iothread) ? 8 * number : number, "iothread" + iothread)));
			this.machines.put(name, Site.add(name, machine));
		}
	}

	// As the scripted answers say of the smaller fleet.
	private static boolean uneven(int number, int iothreads, int iothread) {
		return iothreads < IOTHREADS && number % 13 == 5 && iothread == 3;
	}

}
