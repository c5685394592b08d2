package dev.iothreads.chart;

import java.util.stream.Stream;

/**
 * The values of the releases that several tests render.
 */
final class Releases {

	static final String EVERYTHING = """
			hostPID: true
			javaOptions: -Xmx96m
			commonLabels: {team: storage}
			imagePullSecrets: [{name: pull}]
			image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
			env: [{name: LOGGING_LEVEL_DEV_IOTHREADS, value: debug}]
			config:
			  machines:
			    vm-1: {monitor: "unix:/run/qemu/b.sock", readOnly: true}
			    a.b: {monitor: "unix:/run/qemu/a.sock"}
			  attach: {drivers: [virtio-blk-pci]}
			  extra: {logging: {level: {root: warn}}, iothreads: {max-age: 2s}}
			podAnnotations: {note: here}
			podLabels: {tier: node}
			priorityClassName: system-node-critical
			tolerations: [{operator: Exists}]
			nodeSelector: {kubernetes.io/hostname: node-1}
			affinity: {nodeAffinity: {}}
			podSecurityContext: {supplementalGroups: [107], fsGroup: 107}
			tls: {secretName: web}
			users: {secretName: people}
			extraVolumes: [{name: more, emptyDir: {}}]
			extraVolumeMounts: [{name: more, mountPath: /more}]
			serviceAccount: {create: true, annotations: {a: b}}
			service: {headless: true, internalTrafficPolicy: Local, annotations: {a: b}}
			networkPolicy:
			  enabled: true
			  from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
			  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 4444}]}]
			podMonitor:
			  enabled: true
			  labels: {release: prometheus}
			  endpoint: {tlsConfig: {serverName: iothreads}, basicAuth: {username: {name: login, key: username}}}
			  sidecars: {enabled: true, namespaceSelector: {any: true}, endpoint: {honorLabels: true}}
			prometheusRule: {enabled: true, labels: {release: prometheus}}
			grafanaDashboard: {enabled: true, namespace: monitoring, annotations: {grafana_folder: QEMU}}
			kubevirtHook: {enabled: true, namespaces: [one, two]}
			""";

	static final String DEPLOYMENT = """
			mode: Deployment
			config:
			  discovery: {enabled: false}
			  machines: {vm-1: {monitor: "tcp:10.0.0.7:4444"}}
			networkPolicy: {egress: [{to: [{ipBlock: {cidr: 10.0.0.7/32}}], ports: [{port: 4444}]}]}
			""";

	private Releases() {
	}

	static Stream<String> ofEveryKind() {
		return Stream.of("mode: DaemonSet", DEPLOYMENT, "mode: DaemonSet\n" + EVERYTHING,
				"mode: Deployment\n" + EVERYTHING, "mode: None\n" + EVERYTHING,
				"serviceMonitor: {enabled: true, labels: {release: prometheus}}",
				"{mode: Deployment, config: {discovery: {enabled: false}}}",
				"sockets: {volume: {persistentVolumeClaim: {claimName: qemu-sockets}}}");
	}

}
