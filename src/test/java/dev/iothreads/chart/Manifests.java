package dev.iothreads.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Kubernetes objects as they stand in YAML.
 *
 * @param objects the objects
 */
record Manifests(List<Map<String, Object>> objects) {

	@SuppressWarnings("unchecked")
	static Manifests of(@Nullable String yaml) {
		if (yaml == null) {
			return new Manifests(List.of()); // which is what Helm makes of nothing
		}
		LoaderOptions options = new LoaderOptions();
		options.setAllowDuplicateKeys(false);
		return new Manifests(
				StreamSupport.stream(new Yaml(new SafeConstructor(options)).loadAll(yaml).spliterator(), false)
					.flatMap((document) -> Stream.ofNullable((Map<String, Object>) document))
					.toList());
	}

	List<String> kinds() {
		return this.objects.stream().map((object) -> (String) object.get("kind")).sorted().toList();
	}

	/**
	 * The only object of a kind.
	 * @param kind the kind
	 * @return the object
	 */
	Map<String, Object> only(String kind) {
		List<Map<String, Object>> found = all(kind);
		assertThat(found).as("objects of the kind %s among %s", kind, kinds()).hasSize(1);
		return found.get(0);
	}

	List<Map<String, Object>> all(String kind) {
		return this.objects.stream().filter((object) -> kind.equals(object.get("kind"))).toList();
	}

	/**
	 * The pod of the only workload of a kind.
	 * @param kind the workload's kind
	 * @return the specification of its pods
	 */
	Object pod(String kind) {
		Object pod = at(only(kind), "spec", "template", "spec");
		assertThat(pod).isNotNull();
		return (pod != null) ? pod : Map.of();
	}

	/**
	 * The application.yaml that the service reads in its pods.
	 * @return what is in it
	 */
	Map<String, Object> application() {
		Object text = Stream.of("DaemonSet", "Deployment")
			.flatMap((kind) -> all(kind).stream())
			.map((workload) -> at(workload, "spec", "template", "metadata", "annotations", "iothreads.dev/application"))
			.findFirst()
			.orElseThrow();
		return new Yaml().load((String) text);
	}

	/**
	 * What is at a path in an object.
	 * @param object maps and lists
	 * @param path the maps' keys and the lists' indices
	 * @return what is there, or {@code null}
	 */
	static @Nullable Object at(Object object, Object... path) {
		Object value = object;
		for (Object step : path) {
			if (value instanceof Map<?, ?> map) {
				value = map.get(step);
			}
			else if (value instanceof List<?> list && step instanceof Integer index && index < list.size()) {
				value = list.get(index);
			}
			else {
				return null;
			}
			if (value == null) {
				return null;
			}
		}
		return value;
	}

	/**
	 * The entries of a list of maps, by their names.
	 * @param list a list of maps with a name each
	 * @return the names
	 */
	static List<String> names(@Nullable Object list) {
		List<String> names = new ArrayList<>();
		if (list instanceof List<?> entries) {
			entries.forEach((entry) -> names.add((String) ((Map<?, ?>) entry).get("name")));
		}
		return names;
	}

	/**
	 * The entry of a list that has a name.
	 * @param list a list of maps with a name each
	 * @param name the name
	 * @return the entry
	 */
	static Map<?, ?> named(@Nullable Object list, String name) {
		assertThat(names(list)).contains(name);
		return (list instanceof List<?> entries) ? entries.stream()
			.map((entry) -> (Map<?, ?>) entry)
			.filter((entry) -> name.equals(entry.get("name")))
			.findFirst()
			.orElseThrow() : Map.of();
	}

}
