package dev.iothreads.chart;

import java.lang.reflect.InvocationTargetException;
import java.util.Map;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
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

	private KubernetesModel() {
	}

	/**
	 * Checks an object; of one of the Prometheus Operator only what every object has,
	 * because Kubernetes does not know the rest.
	 * @param object the object
	 * @throws AssertionError if it has what the model does not know, or lacks what it
	 * needs
	 */
	static void check(Map<String, Object> object) {
		String type = object.get("apiVersion") + "/" + object.get("kind");
		if (type.startsWith(OPERATOR)) {
			assertThat(object).containsOnlyKeys("apiVersion", "kind", "metadata", "spec");
			strictly(object.get("metadata"), V1ObjectMeta.class);
			return;
		}
		assertThat(TYPES).as("the types of the chart").containsKey(type);
		strictly(object, TYPES.getOrDefault(type, Object.class));
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
