package dev.iothreads.page;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;

import org.openqa.selenium.By;
import org.openqa.selenium.ElementNotInteractableException;
import org.openqa.selenium.NoSuchElementException;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.support.ui.Select;
import org.openqa.selenium.support.ui.WebDriverWait;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What a user sees of the page, and does there.
 */
final class Page {

	private static final Duration DEADLINE = Duration.ofSeconds(30);

	private static final String CHANGED_ANSWERS = """
			const real = window.fetch;
			const change = %s;
			window.fetch = async (address, options) => {
				const answer = await real(address, options);
				const { pathname, searchParams } = new URL(address);
				const path = pathname.replace('/api/v1/', '');
				if (path === 'events' || options?.method !== 'GET') {
					return answer;
				}
				const changed = change(path, answer.ok ? await answer.json() : null, searchParams.get('since'));
				return changed === null ? answer : new Response(JSON.stringify(changed), { headers: answer.headers });
			};
			""";

	private final Browser browser;

	private Page(Browser browser) {
		this.browser = browser;
	}

	/**
	 * Opens the page of a service, and waits until it is live.
	 */
	static Page open(int port, String query) {
		Page page = look(port, query);
		page.awaitConnection("Live");
		return page;
	}

	/**
	 * Opens a page in which answers of the service are changed before the page has them:
	 * for what takes a quarter of an hour, or a machine that is not at hand.
	 * @param change a function of JavaScript, of the path, the answer, and the time since
	 * which a history is asked for
	 */
	static Page open(int port, String query, String change) {
		String id = Browser.get().beforeEachPage(CHANGED_ANSWERS.formatted(change));
		try {
			return open(port, query);
		}
		finally {
			Browser.get().noLonger(id);
		}
	}

	/**
	 * Opens the page of a service that may not let everybody in.
	 */
	static Page look(int port, String query) {
		Page page = new Page(Browser.get());
		page.browser.width(Browser.DESK);
		page.browser.prefer("light");
		page.browser.complaints();
		page.browser.driver().get("http://127.0.0.1:" + port + "/" + query);
		page.run("window.neverLoadedAgain = true");
		return page;
	}

	Browser browser() {
		return this.browser;
	}

	boolean isTheOneThatWasOpened() {
		return Boolean.TRUE.equals(run("return window.neverLoadedAgain === true"));
	}

	Object run(String script, Object... arguments) {
		return Objects.requireNonNullElse(this.browser.driver().executeScript(script, arguments), "");
	}

	/**
	 * Waits for an assertion to hold. What is looked at may be replaced meanwhile.
	 */
	void await(Runnable assertion) {
		await(() -> {
			assertion.run();
			return true;
		});
	}

	private <T> T await(Supplier<T> condition) {
		AssertionError[] last = new AssertionError[1];
		try {
			return new WebDriverWait(this.browser.driver(), DEADLINE, Duration.ofMillis(50))
				.ignoreAll(List.of(NoSuchElementException.class, StaleElementReferenceException.class,
						ElementNotInteractableException.class))
				.until((driver) -> {
					try {
						return condition.get();
					}
					catch (AssertionError ex) {
						last[0] = ex;
						return null;
					}
				});
		}
		catch (org.openqa.selenium.TimeoutException ex) {
			throw (last[0] != null) ? last[0]
					: new AssertionError(ex.getMessage() + "\nThe page shows:\n" + find("body").getText(), ex);
		}
	}

	void awaitConnection(String state) {
		await(() -> assertThat(find("#connection").getText()).as(() -> find("#lost").getText()).isEqualTo(state));
	}

	void awaitNews(String words) {
		await(() -> assertThat(find("#news").getText()).contains(words));
	}

	WebElement find(String css) {
		return this.browser.driver().findElement(By.cssSelector(css));
	}

	List<String> texts(String css) {
		return this.browser.driver()
			.findElements(By.cssSelector(css))
			.stream()
			.filter(WebElement::isDisplayed)
			.map(WebElement::getText)
			.toList();
	}

	List<String> machines() {
		// By script: asking the browser for each of a hundred takes a while.
		return ((List<?>) run(
				"return [...document.querySelectorAll('.machine')].map((machine) => machine.dataset.machine)"))
			.stream()
			.map(Object::toString)
			.toList();
	}

	static String machine(String name) {
		return ".machine[data-machine=\"" + name + "\"]";
	}

	static String card(String machine, String iothread) {
		return machine(machine) + " .card[data-iothread=\"" + iothread + "\"]";
	}

	static String device(String machine, String iothread, String device) {
		return card(machine, iothread) + " .device[data-device=\"" + device + "\"]";
	}

	void awaitDevices(String machine, String iothread, String... devices) {
		await(() -> {
			assertThat(texts(card(machine, iothread) + " .device .name")).containsExactly(devices);
			assertThat(find(card(machine, iothread) + " .cnt").getText()).isEqualTo(devices.length + " attached");
		});
	}

	// What is pressed may move between the look and the click, which then hits another
	// element or none: a user presses once more.
	void press(String css) {
		await(() -> {
			WebElement pressed = find(css);
			run("window.pressed = false; arguments[0].addEventListener('click', () => window.pressed = true, { once: true, capture: true });",
					pressed);
			pressed.click();
			return Boolean.FALSE.equals(run("return window.pressed;")) ? null : true;
		});
	}

	void pressLabelled(String label) {
		press("button[aria-label=\"" + label + "\"]");
	}

	WebElement awaitDialog() {
		return await(() -> find("dialog[open]"));
	}

	void awaitNoDialog() {
		await(() -> assertThat(this.browser.driver().findElements(By.cssSelector("dialog"))).isEmpty());
	}

	WebElement field(String name) {
		return find("dialog [name=\"" + name + "\"]");
	}

	void fill(String name, String value) {
		WebElement field = field(name);
		field.clear();
		field.sendKeys(value);
	}

	List<String> choices(String name) {
		return new Select(field(name)).getOptions().stream().map(WebElement::getText).toList();
	}

	void choose(String name, String value) {
		new Select(field(name)).selectByValue(value);
	}

	void submit() {
		press("dialog [type=submit]");
	}

	void cancel() {
		press("dialog .buttons .plain");
		awaitNoDialog();
	}

	void awaitRefusal(String words) {
		await(() -> assertThat(find("dialog .refusal").getText()).contains(words));
	}

	/**
	 * Names what has the focus: its label, or what is written on it.
	 */
	String focused() {
		return run("const focused = document.activeElement; "
				+ "return focused.getAttribute('aria-label') || focused.name || focused.textContent")
			.toString();
	}

}
