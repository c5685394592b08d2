package dev.iothreads.chart;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.kubernetes.client.openapi.JSON;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1DaemonSet;
import io.kubernetes.client.openapi.models.V1Deployment;
import io.kubernetes.client.openapi.models.V1NetworkPolicy;
import io.kubernetes.client.openapi.models.V1ObjectMeta;
import io.kubernetes.client.openapi.models.V1Pod;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V1ServiceAccount;
import org.jspecify.annotations.Nullable;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Kubernetes' own model of its objects, without mercy for what it does not know.
 */
final class KubernetesModel {

	private static final Map<String, Class<?>> TYPES = Map.of("v1/ConfigMap", V1ConfigMap.class, "apps/v1/DaemonSet",
			V1DaemonSet.class, "apps/v1/Deployment", V1Deployment.class, "networking.k8s.io/v1/NetworkPolicy",
			V1NetworkPolicy.class, "v1/Pod", V1Pod.class, "v1/Service", V1Service.class, "v1/ServiceAccount",
			V1ServiceAccount.class);

	private static final String OPERATOR = "monitoring.coreos.com/v1/";

	private static final Schema MONITORING = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
		.getSchema(resource("/chart/monitoring.json"), InputFormat.JSON);

	private KubernetesModel() {
	}

	/**
	 * Checks an object; one of the Prometheus Operator, which Kubernetes does not know,
	 * by a schema of what the chart may say.
	 * @param object the object
	 * @throws AssertionError if it has what the model does not know, or lacks what it
	 * needs
	 */
	static void check(Map<String, Object> object) {
		String type = object.get("apiVersion") + "/" + object.get("kind");
		if (type.startsWith(OPERATOR)) {
			assertThat(MONITORING.validate(new Gson().toJson(object), InputFormat.JSON)).as("%s", object).isEmpty();
			strictly(object.get("metadata"), V1ObjectMeta.class);
			return;
		}
		assertThat(TYPES).as("the types of the chart").containsKey(type);
		strictly(object, TYPES.getOrDefault(type, Object.class));
	}

	private static String resource(String name) {
		try (InputStream in = KubernetesModel.class.getResourceAsStream(name)) {
			assertThat(in).isNotNull();
			return (in != null) ? new String(in.readAllBytes(), StandardCharsets.UTF_8) : "";
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static void strictly(@Nullable Object object, Class<?> type) {
		JsonElement json = new Gson().toJsonTree(object);
		try {
			type.getMethod("validateJsonElement", JsonElement.class).invoke(null, json);
		}
		catch (InvocationTargetException ex) {
			throw new AssertionError(ex.getCause().getMessage() + " in " + json, ex.getCause());
		}
		catch (ReflectiveOperationException ex) {
			throw new IllegalStateException(ex);
		}
		Object read = JSON.deserialize(json.toString(), type);
		assertThat(read).isNotNull();
	}

}
