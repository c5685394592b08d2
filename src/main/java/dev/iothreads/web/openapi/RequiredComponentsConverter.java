package dev.iothreads.web.openapi;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.swagger.v3.core.converter.AnnotatedType;
import io.swagger.v3.core.converter.ModelConverter;
import io.swagger.v3.core.converter.ModelConverterContext;
import io.swagger.v3.core.util.Json;
import io.swagger.v3.oas.models.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Documents as required each component of a record that is not {@link Nullable}.
 */
final class RequiredComponentsConverter implements ModelConverter {

	private static final String PROJECT = "dev.iothreads.";

	@Override
	public @Nullable Schema<?> resolve(AnnotatedType type, ModelConverterContext context,
			Iterator<ModelConverter> chain) {
		if (!chain.hasNext()) {
			return null;
		}
		Schema<?> schema = chain.next().resolve(type, context, chain);
		Class<?> documented = Json.mapper().constructType(type.getType()).getRawClass();
		if (schema != null && documented.isRecord() && documented.getPackageName().startsWith(PROJECT)) {
			Schema<?> definition = (schema.get$ref() != null) ? context.getDefinedModels().get(nameIn(schema.get$ref()))
					: schema;
			if (definition != null) {
				definition.setRequired(required(documented));
			}
		}
		return schema;
	}

	private static String nameIn(String reference) {
		return reference.substring(reference.lastIndexOf('/') + 1);
	}

	private static List<String> required(Class<?> documented) {
		return Arrays.stream(documented.getRecordComponents())
			.filter((component) -> !component.getAnnotatedType().isAnnotationPresent(Nullable.class))
			.map(RequiredComponentsConverter::wireName)
			.toList();
	}

	private static String wireName(RecordComponent component) {
		JsonProperty property = component.getAccessor().getAnnotation(JsonProperty.class);
		return (property != null) ? property.value() : component.getName();
	}

}
