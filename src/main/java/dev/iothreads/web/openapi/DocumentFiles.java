package dev.iothreads.web.openapi;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.swagger.v3.core.util.Json31;
import io.swagger.v3.oas.models.Components;
import io.swagger.v3.oas.models.media.Content;

import org.springframework.core.io.ClassPathResource;

/**
 * The parts of the OpenAPI document that are files in {@code openapi}: its description,
 * its headers, problems and schemas of requests, and the example of each body as
 * {@code <operationId>-<status>} or {@code <operationId>-request}, with the ending
 * {@code .json} or {@code .txt}. A test sends each request and compares the answer.
 */
final class DocumentFiles {

	private DocumentFiles() {
	}

	static Components components() {
		return json("components.json", Components.class);
	}

	/**
	 * Gives each media type its example, if there is one.
	 * @param content the body of an answer or of a request
	 * @param name the name of the example's file, without its ending
	 */
	static void addExamples(Content content, String name) {
		content.forEach((mediaType, body) -> {
			boolean text = mediaType.startsWith("text/");
			String file = name + (text ? ".txt" : ".json");
			if (resource(file).exists()) {
				body.setExample(text ? read(file) : json(file, Object.class));
			}
		});
	}

	static String read(String file) {
		try {
			return resource(file).getContentAsString(StandardCharsets.UTF_8);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static <T> T json(String file, Class<T> type) {
		try {
			return Json31.mapper().readValue(read(file), type);
		}
		catch (JsonProcessingException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static ClassPathResource resource(String file) {
		return new ClassPathResource("openapi/" + file);
	}

}
