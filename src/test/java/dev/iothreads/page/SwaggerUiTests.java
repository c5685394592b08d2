package dev.iothreads.page;

import java.time.Duration;
import java.util.function.Function;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.support.ui.WebDriverWait;
import tools.jackson.databind.JsonNode;

import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Swagger UI of a service that wants to know who asks, as its policy lets a browser run
 * it.
 */
class SwaggerUiTests {

	private static final String PASSWORD = "swordfish";

	private final Browser browser = Browser.get();

	@Test
	void whoSignsInThereMayChangeSomethingThere() {
		try (RunningService service = RunningService.start("--iothreads.security.anonymous=none",
				"--iothreads.security.users.alice.role=operator",
				"--iothreads.security.users.alice.password={bcrypt}" + new BCryptPasswordEncoder(4).encode(PASSWORD))) {
			String post = anchor(service, "/api/v1/machines/{machine}/iothreads");
			this.browser.width(Browser.DESK);
			this.browser.complaints();
			this.browser.driver().get("http://127.0.0.1:%d/swagger-ui.html".formatted(service.port()));
			press("#" + post + " .opblock-summary-control");
			type("#" + post + " tr[data-param-name='machine'] input", "demo");
			type("#" + post + " textarea.body-param__text", "{\"id\": \"pool0\"}");
			assertThat(execute(post)).isEqualTo("401");
			press("button.btn.authorize");
			type(".dialog-ux input[name='username']", "alice");
			type(".dialog-ux input[name='password']", PASSWORD);
			press(".dialog-ux form:has(input[name='username']) button[type='submit']");
			press(".dialog-ux button.btn-done");
			assertThat(execute(post)).isEqualTo("201");
			assertThat(this.browser.complaints()).isEmpty();
		}
	}

	@Test
	void theFirstOperationIsSeenWithoutScrolling() {
		try (RunningService service = RunningService.start()) {
			this.browser.width(Browser.DESK);
			this.browser.driver().get("http://127.0.0.1:%d/swagger-ui.html".formatted(service.port()));
			find(".opblock");
			assertThat(this.browser.driver().findElements(By.cssSelector(".opblock-tag")))
				.extracting((tag) -> tag.getAttribute("data-tag"))
				.containsExactly("Machines", "IOThreads", "Devices", "Events", "Activity", "Service");
			assertThat(this.browser.driver()
				.executeScript(
						"return document.querySelector('.opblock').getBoundingClientRect().bottom < innerHeight"))
				.isEqualTo(true);
			this.browser.picture("swagger-ui");
		}
	}

	private static String anchor(RunningService service, String path) {
		JsonNode operation = service.get("/v3/api-docs").json().path("paths").path(path).path("post");
		return "operations-%s-%s".formatted(operation.path("tags").path(0).asString().replace(' ', '_'),
				operation.path("operationId").asString());
	}

	private String execute(String operation) {
		String table = "#" + operation + " .live-responses-table";
		press("#" + operation + " button.execute");
		String answer = find(table + " tbody .response-col_status").getText().lines().findFirst().orElse("");
		press("#" + operation + " button.btn-clear");
		await((driver) -> driver.findElements(By.cssSelector(table)).isEmpty());
		return answer;
	}

	// A click of the mouse would have to scroll first, and the page moves by itself.
	private void press(String css) {
		this.browser.driver().executeScript("arguments[0].click()", find(css));
	}

	// What is typed counts when the field is left.
	private void type(String css, String text) {
		find(css).sendKeys(Keys.chord(Keys.CONTROL, "a"), text, Keys.TAB);
	}

	private WebElement find(String css) {
		return await((driver) -> driver.findElement(By.cssSelector(css)));
	}

	private <T> T await(Function<WebDriver, T> condition) {
		return new WebDriverWait(this.browser.driver(), RunningService.DEADLINE, Duration.ofMillis(50))
			.until(condition);
	}

}
