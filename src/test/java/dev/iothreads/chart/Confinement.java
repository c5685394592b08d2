package dev.iothreads.chart;

import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * What confines a container: it is not root, cannot become root, writes no file of its
 * image and has limits.
 */
final class Confinement {

	private Confinement() {
	}

	static void check(@Nullable Object pod, @Nullable Object container) {
		assertThat(pod).isNotNull();
		assertThat(container).isNotNull();
		if (pod == null || container == null) {
			return;
		}
		// A container's own setting overrides its pod's.
		assertThat(ofEither(pod, container, "runAsNonRoot")).as("runAsNonRoot").isEqualTo(true);
		assertThat(ofEither(pod, container, "seccompProfile")).as("seccompProfile")
			.isEqualTo(Map.of("type", "RuntimeDefault"));
		assertThat(at(container, "securityContext", "allowPrivilegeEscalation")).isEqualTo(false);
		assertThat(at(container, "securityContext", "readOnlyRootFilesystem")).isEqualTo(true);
		assertThat(at(container, "securityContext", "capabilities", "drop")).isEqualTo(List.of("ALL"));
		assertThat(at(container, "securityContext", "privileged")).isNull();
		assertThat(at(container, "resources", "limits", "memory")).isNotNull();
		assertThat(at(container, "resources", "requests", "cpu")).isNotNull();
	}

	private static @Nullable Object ofEither(Object pod, Object container, String setting) {
		Object own = at(container, "securityContext", setting);
		return (own != null) ? own : at(pod, "securityContext", setting);
	}

}
