package dev.iothreads.page;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.logging.Level;

import dev.iothreads.testing.Needs;
import org.jspecify.annotations.Nullable;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/**
 * Debian's Chromium. One serves all tests of this JVM, and ends with it.
 */
final class Browser {

	static final int DESK = 1280;

	static final int PHONE = 360;

	private static final int HEIGHT = 800;

	private static final Path PICTURES = Path.of("target", "page");

	private static @Nullable Browser shared;

	private final ChromeDriver driver;

	private Browser(Path chromium, Path chromedriver) {
		ChromeOptions options = new ChromeOptions();
		options.setBinary(chromium.toFile());
		// Its sandbox is not to be had as root, nor in most containers.
		options.addArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
				"--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-component-update",
				"--no-proxy-server");
		LoggingPreferences console = new LoggingPreferences();
		console.enable(LogType.BROWSER, Level.ALL);
		options.setCapability("goog:loggingPrefs", console);
		this.driver = new ChromeDriver(new ChromeDriverService.Builder().usingDriverExecutable(chromedriver.toFile())
			.usingAnyFreePort()
			.build(), options);
		Runtime.getRuntime().addShutdownHook(new Thread(this.driver::quit, "close-browser"));
	}

	/**
	 * Finds the browser, or ends the test that asks.
	 */
	static synchronized Browser get() {
		Path chromium = Needs.program("chromium", "chromium");
		Path chromedriver = Needs.program("chromedriver", "chromium-driver");
		Browser browser = shared;
		if (browser == null) {
			browser = new Browser(chromium, chromedriver);
			shared = browser;
		}
		return browser;
	}

	ChromeDriver driver() {
		return this.driver;
	}

	void width(int pixels) {
		this.driver.executeCdpCommand("Emulation.setDeviceMetricsOverride",
				Map.of("width", pixels, "height", HEIGHT, "deviceScaleFactor", 1, "mobile", false));
	}

	/**
	 * Has the page look as for a user who prefers these colours, and that nothing moves.
	 */
	void prefer(String colours) {
		this.driver.executeCdpCommand("Emulation.setEmulatedMedia",
				Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", colours),
						Map.of("name", "prefers-reduced-motion", "value", "reduce"))));
	}

	/**
	 * Has a script run in each page before its own.
	 * @return what the script is known by
	 */
	String beforeEachPage(String script) {
		return Objects
			.toString(this.driver.executeCdpCommand("Page.addScriptToEvaluateOnNewDocument", Map.of("source", script))
				.get("identifier"));
	}

	void noLonger(String script) {
		this.driver.executeCdpCommand("Page.removeScriptToEvaluateOnNewDocument", Map.of("identifier", script));
	}

	/**
	 * Leaves a picture of what can be seen for people to look at.
	 */
	void picture(String name) {
		Object data = this.driver.executeCdpCommand("Page.captureScreenshot", Map.of("format", "png")).get("data");
		try {
			Files.createDirectories(PICTURES);
			Files.write(PICTURES.resolve(name + ".png"), Base64.getDecoder().decode(Objects.toString(data)));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Takes what the browser has complained of since it was asked last. That an answer of
	 * the API was no good one is no complaint: the page has to say so, and that is
	 * another test.
	 */
	List<String> complaints() {
		return this.driver.manage()
			.logs()
			.get(LogType.BROWSER)
			.getAll()
			.stream()
			.filter((entry) -> entry.getLevel().intValue() >= Level.WARNING.intValue())
			.map((entry) -> entry.getMessage())
			.filter((message) -> !(message.contains("/api/v1/") && message.contains("Failed to load resource")))
			.toList();
	}

	/**
	 * Looks for what keeps people from using the page as it is now.
	 * @param css which part of it
	 * @return the serious and critical findings, each with where it is
	 */
	List<String> barriers(String css) {
		if (!Boolean.TRUE.equals(this.driver.executeScript("return window.axe !== undefined"))) {
			this.driver.executeScript(axe());
		}
		Object found = this.driver.executeAsyncScript("""
				const done = arguments[arguments.length - 1];
				axe.run(arguments[0], { resultTypes: ['violations'] }).then(({ violations }) => done(violations
					.filter(({ impact }) => impact === 'serious' || impact === 'critical')
					.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, any }) =>
						html + ' ' + any.map(({ message }) => message)).join(', ')}`)),
					(failure) => done([String(failure)]));
				""", css);
		return ((List<?>) Objects.requireNonNull(found)).stream().map(Object::toString).toList();
	}

	private static String axe() {
		try (InputStream script = Objects.requireNonNull(Browser.class.getResourceAsStream("/axe.min.js"))) {
			return new String(script.readAllBytes(), StandardCharsets.UTF_8);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

}
