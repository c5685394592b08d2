package dev.iothreads.page;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.support.ui.Select;

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
	void theBusiestAndTheMostUnevenAreFirstWhenAskedFor() {
		fill(true);
		Page page = Site.open("?sort=busy");
		page.await(() -> assertThat(page.machines()).hasSize(MACHINES).startsWith("vm099", "vm098", "vm097"));
		page.browser().picture("fleet-light");
		new Select(page.find("#sort")).selectByValue("uneven");
		page.await(() -> assertThat(page.machines()).startsWith("vm050"));
		assertThat(page.texts(Page.machine("vm050") + " .notes .mark")).singleElement()
			.asString()
			.startsWith("iothread3 has ");
		new Select(page.find("#sort")).selectByValue("name");
		page.await(() -> assertThat(page.machines()).startsWith("vm000", "vm001"));
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
		for (int i = 0; i < MACHINES; i++) {
			String name = "vm%03d".formatted(i);
			ShownMachine machine = new ShownMachine(IOTHREADS);
			if (busy) {
				machine.showingActivity();
			}
			int number = i;
			IntStream.range(0, IOTHREADS)
				.forEach((iothread) -> IntStream.range(0, DEVICES)
					.forEach((device) -> machine.disk("%s-%d-%d".formatted(name, iothread, device),
							(number == 50 && iothread == 3) ? 200 : number, "iothread" + iothread)));
			this.machines.put(name, Site.add(name, machine));
		}
	}

}
