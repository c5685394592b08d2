package dev.iothreads.web;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

import dev.iothreads.web.problem.FailureTests;

import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.webmvc.test.autoconfigure.AutoConfigureMockMvc;
import org.springframework.context.annotation.Import;

/**
 * A test of the whole service with the demo machine, on a port of its own. All such tests
 * share one service, so that each leaves it as it was.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT, properties = {
		// The password is "viewing".
		"iothreads.security.users.viewer.password={bcrypt}$2y$04$2Fqrz33zjcCIPqFg0tKmZOUrtjaPaOZiiNf4DvRjzk0lUVZgss7Jq",
		"iothreads.security.jwt.jwk-set=file:/nowhere/keys.json", "iothreads.security.jwt.audiences=iothreads" })
@AutoConfigureMockMvc
@Import(FailureTests.Failing.class)
public @interface WebTest {

}
